//! Names for addresses in a backtrace: [`SymbolTable`], which the build fills in after linking the kernel.
//!
//! ```text
//!   0  "CSYM"                 magic
//!   4  u32                    number of entries
//!   8  entries                ascending by offset: u32 offset from the start of the kernel's text, u32 end of its name
//!      names                  UTF-8, one after the other: a name begins at the end of the previous one
//! ```
//!
//! All numbers are little endian. `scripts/xtask/src/symbols.rs` writes the table. A kernel without a table prints bare
//! addresses.

use core::fmt;

const MAGIC: [u8; 4] = *b"CSYM";
const HEADER_BYTES: usize = 8;
const ENTRY_BYTES: usize = 8;

/// A table of the kernel's functions.
#[derive(Clone, Copy)]
pub(super) struct SymbolTable<'a> {
    text_start: u64,
    entries: &'a [u8],
    names: &'a [u8],
}

/// A position in a function, for printing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place<'a>(Option<(&'a str, u64)>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some((name, offset)) => write!(f, "{name}+{offset:#x}"),
            None => Ok(()),
        }
    }
}

impl<'a> SymbolTable<'a> {
    /// Reads a table; an invalid one is treated as empty.
    pub(super) fn new(text_start: u64, bytes: &'a [u8]) -> Self {
        let parsed = bytes
            .split_at_checked(HEADER_BYTES)
            .and_then(|(header, rest)| {
                let count = word(header, 4)? as usize;
                let entries = count.checked_mul(ENTRY_BYTES)?;
                (header[..4] == MAGIC).then(|| rest.split_at_checked(entries))?
            });
        let (entries, names) = parsed.unwrap_or_default();
        Self {
            text_start,
            entries,
            names,
        }
    }

    /// The function that contains an address.
    pub(super) fn place(&self, address: u64) -> Place<'a> {
        Place(self.find(address))
    }

    fn find(&self, address: u64) -> Option<(&'a str, u64)> {
        let offset = u32::try_from(address.checked_sub(self.text_start)?).ok()?;
        let index = self.count_up_to(offset).checked_sub(1)?;
        let start = match index.checked_sub(1) {
            Some(before) => word(self.entries, before * ENTRY_BYTES + 4)?,
            None => 0,
        };
        let end = word(self.entries, index * ENTRY_BYTES + 4)?;
        let name = self.names.get(start as usize..end as usize)?;
        let begins = word(self.entries, index * ENTRY_BYTES)?;
        Some((core::str::from_utf8(name).ok()?, (offset - begins).into()))
    }

    /// The number of functions that begin at an offset or before.
    fn count_up_to(&self, offset: u32) -> usize {
        let (mut low, mut high) = (0, self.entries.len() / ENTRY_BYTES);
        while low < high {
            let middle = (low + high) / 2;
            match word(self.entries, middle * ENTRY_BYTES) {
                Some(begins) if begins <= offset => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }
}

#[cfg(target_os = "none")]
impl SymbolTable<'static> {
    /// The kernel's own table.
    pub(super) fn embedded() -> Self {
        unsafe extern "C" {
            static __text_start: u8;
            static __symbols_start: u8;
            static __symbols_end: u8;
        }
        let start = &raw const __symbols_start;
        let byte_count = (&raw const __symbols_end).addr() - start.addr();
        // SAFETY: the linker script reserves the bytes between the two symbols, in read-only memory.
        let bytes = unsafe { core::slice::from_raw_parts(start, byte_count) };
        Self::new((&raw const __text_start).addr() as u64, bytes)
    }
}

fn word(bytes: &[u8], offset: usize) -> Option<u32> {
    let bytes = bytes.get(offset..offset.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: u64 = 0xffff_ffff_8000_0000;

    fn table() -> std::vec::Vec<u8> {
        let mut bytes = b"CSYM\x03\0\0\0".to_vec();
        for (offset, end) in [(0x10_u32, 5_u32), (0x40, 7), (0x100, 12)] {
            bytes.extend(offset.to_le_bytes());
            bytes.extend(end.to_le_bytes());
        }
        bytes.extend(b"startgothird and more");
        bytes
    }

    #[test]
    fn names_the_function_that_contains_an_address() {
        let bytes = table();
        let table = SymbolTable::new(TEXT, &bytes);
        let place = |offset| std::format!("{}", table.place(TEXT + offset));
        assert_eq!(place(0x10), "start+0x0");
        assert_eq!(place(0x3f), "start+0x2f");
        assert_eq!(place(0x40), "go+0x0");
        assert_eq!(place(0x1000), "third+0xf00");
        assert_eq!(place(0xf), "");
        assert_eq!(table.place(1), Place(None));
    }

    #[test]
    fn an_invalid_table_names_nothing() {
        let mut bytes = table();
        let count = 4;
        for (length, broken) in [(0, 0), (7, 0), (20, 0), (usize::MAX, 0xff)] {
            let mut copy = bytes.clone();
            copy.truncate(length.min(bytes.len()));
            if broken != 0 {
                copy[count..count + 4].fill(broken);
            }
            let table = SymbolTable::new(TEXT, &copy);
            assert_eq!(table.place(TEXT + 0x40), Place(None), "{length}");
        }
        bytes[0] = b'X';
        assert_eq!(
            SymbolTable::new(TEXT, &bytes).place(TEXT + 0x40),
            Place(None)
        );
    }
}
