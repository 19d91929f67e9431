//! ACPI's static tables: finding them, and checking that they are what they claim to be.
//!
//! ```text
//!   root pointer (RSDP) -> XSDT, or RSDT on old machines -> addresses of tables, each with a signature
//! ```
//!
//! Firmware is trusted to mean well and not to be correct: a length, an address or a checksum that is wrong costs the
//! table that has it, and never the machine. No AML is run.

mod madt;
#[cfg(test)]
mod tests;

pub(super) use madt::{IO_APICS_MAX, Madt, Override};

use core::fmt;

/// Bytes of every table's header: signature, length, revision, checksum, and whose it is.
const HEADER_BYTES: usize = 36;
const LENGTH_OFFSET: usize = 4;

/// The longest table that is read. Those of interest have less than 64 KiB even on machines with thousands of cores.
const TABLE_BYTES_MAX: usize = 1 << 20;

/// Bytes of the root pointer of ACPI 1.0, and the fewest of a later one.
const POINTER_BYTES: usize = 20;
const LONG_POINTER_BYTES: usize = 36;
const POINTER_REVISION_OFFSET: usize = 15;
const RSDT_OFFSET: usize = 16;
const POINTER_LENGTH_OFFSET: usize = 20;
const XSDT_OFFSET: usize = 24;

/// Where the HPET's table has the address space (0 is memory) and the address of its registers.
const HPET_SPACE_OFFSET: usize = 40;
const HPET_ADDRESS_OFFSET: usize = 44;

/// Reads physical memory: the bytes at an address, or none where they are out of reach.
pub(super) type Read<'m> = dyn Fn(u64, usize) -> Option<&'m [u8]> + 'm;

/// The reason that a table is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// It lies, in part at least, where the boot code cannot read.
    OutOfReach { address: u64 },
    /// Another signature is there.
    Signature { address: u64 },
    /// Its length cannot be right.
    Length { address: u64, length: usize },
    /// Its bytes do not add up to zero.
    Checksum { address: u64 },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::OutOfReach { address } => write!(f, "the table at {address:#x} is out of reach"),
            Self::Signature { address } => {
                write!(f, "the table at {address:#x} has another signature")
            }
            Self::Length { address, length } => {
                write!(f, "the table at {address:#x} claims {length} bytes")
            }
            Self::Checksum { address } => {
                write!(f, "the table at {address:#x} has a wrong checksum")
            }
        }
    }
}

/// The tables of a machine, as its XSDT or RSDT lists them.
pub(super) struct Tables<'m> {
    read: &'m Read<'m>,
    /// The addresses of the tables, each of `address_bytes`.
    list: &'m [u8],
    address_bytes: usize,
}

impl<'m> Tables<'m> {
    /// Follows the root pointer. A machine whose XSDT is unusable may still have an RSDT.
    pub(super) fn find(read: &'m Read<'m>, pointer: u64) -> Result<Self, Problem> {
        let bytes = bytes(read, pointer, POINTER_BYTES)?;
        if !bytes.starts_with(b"RSD PTR ") {
            return Err(Problem::Signature { address: pointer });
        }
        check_sum(bytes, pointer)?;
        let short_list = || table(read, word(bytes, RSDT_OFFSET).into(), b"RSDT");
        let (list, address_bytes) = if bytes[POINTER_REVISION_OFFSET] < 2 {
            (short_list()?, 4)
        } else {
            match long_list(read, pointer) {
                Ok(list) => (list, 8),
                Err(problem) => (short_list().map_err(|_| problem)?, 4),
            }
        };
        Ok(Self {
            read,
            list: &list[HEADER_BYTES..],
            address_bytes,
        })
    }

    /// The first usable table with this signature. `complain` is called for those that are not usable.
    pub(super) fn table(
        &self,
        signature: &[u8; 4],
        mut complain: impl FnMut(Problem),
    ) -> Option<&'m [u8]> {
        self.addresses().find_map(|address| {
            let header = (self.read)(address, HEADER_BYTES)?;
            if !header.starts_with(signature) {
                return None;
            }
            table(self.read, address, signature)
                .map_err(&mut complain)
                .ok()
        })
    }

    /// How many of the listed tables are out of reach, so that not even their signatures are known.
    pub(super) fn unreachable(&self) -> usize {
        let is_unreachable = |address: &u64| (self.read)(*address, HEADER_BYTES).is_none();
        self.addresses().filter(is_unreachable).count()
    }

    /// The address of the HPET's registers, as its table states it.
    pub(super) fn hpet(&self, complain: impl FnMut(Problem)) -> Option<u64> {
        const MEMORY: u8 = 0;
        let table = self.table(b"HPET", complain)?;
        let address = table.get(HPET_ADDRESS_OFFSET..HPET_ADDRESS_OFFSET + 8)?;
        (table[HPET_SPACE_OFFSET] == MEMORY)
            .then(|| long(address, 0))
            .filter(|&address| address != 0)
    }

    /// The addresses that are listed. Some firmware leaves zeros between them.
    fn addresses(&self) -> impl Iterator<Item = u64> {
        let entries = self.list.chunks_exact(self.address_bytes);
        entries
            .map(|entry| match entry.len() {
                8 => long(entry, 0),
                _ => word(entry, 0).into(),
            })
            .filter(|&address| address != 0)
    }
}

/// The XSDT of a root pointer of ACPI 2.0 or later.
fn long_list<'m>(read: &Read<'m>, pointer: u64) -> Result<&'m [u8], Problem> {
    let start = bytes(read, pointer, LONG_POINTER_BYTES)?;
    let length = word(start, POINTER_LENGTH_OFFSET) as usize;
    if !(LONG_POINTER_BYTES..=TABLE_BYTES_MAX).contains(&length) {
        return Err(Problem::Length {
            address: pointer,
            length,
        });
    }
    check_sum(bytes(read, pointer, length)?, pointer)?;
    table(read, long(start, XSDT_OFFSET), b"XSDT")
}

/// A whole table: its signature is this one, and its bytes add up.
fn table<'m>(read: &Read<'m>, address: u64, signature: &[u8; 4]) -> Result<&'m [u8], Problem> {
    let header = bytes(read, address, HEADER_BYTES)?;
    if !header.starts_with(signature) {
        return Err(Problem::Signature { address });
    }
    let length = word(header, LENGTH_OFFSET) as usize;
    if !(HEADER_BYTES..=TABLE_BYTES_MAX).contains(&length) {
        return Err(Problem::Length { address, length });
    }
    let table = bytes(read, address, length)?;
    check_sum(table, address)?;
    Ok(table)
}

fn bytes<'m>(read: &Read<'m>, address: u64, count: usize) -> Result<&'m [u8], Problem> {
    let reachable = (address != 0).then(|| read(address, count)).flatten();
    reachable.ok_or(Problem::OutOfReach { address })
}

fn check_sum(bytes: &[u8], address: u64) -> Result<(), Problem> {
    let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    (sum == 0)
        .then_some(())
        .ok_or(Problem::Checksum { address })
}

/// The 32-bit number at an offset that the caller has checked.
fn word(bytes: &[u8], offset: usize) -> u32 {
    let mut value = [0; 4];
    value.copy_from_slice(&bytes[offset..offset + 4]);
    u32::from_le_bytes(value)
}

/// The 64-bit number at an offset that the caller has checked.
fn long(bytes: &[u8], offset: usize) -> u64 {
    u64::from(word(bytes, offset)) | u64::from(word(bytes, offset + 4)) << 32
}
