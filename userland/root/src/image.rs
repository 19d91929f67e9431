//! A program: a static 64-bit ELF file, validated before anything is created for it.
//!
//! [`Image::parse`] trusts no field: every image that it returns can be mapped. Each segment becomes a Memory of its own, so it
//! begins at a 2 MiB step, and no page is both writable and executable.

use alloc::vec::Vec;

use abi::register::{Access, PageCount};
use abi::{MAP_STEP_BYTES, PAGE_BYTES};

use crate::elf_error::ElfError;
use crate::layout::{IMAGE_END, IMAGE_START};

const HEADER_BYTES: usize = 64;
const PROGRAM_HEADER_BYTES: usize = 56;
/// More segments than any of our programs has.
const SEGMENTS_MAX: u16 = 32;

const EXECUTABLE: u16 = 2;
const X86_64: u16 = 62;
const LOAD: u32 = 1;
const DYNAMIC: u32 = 2;
const INTERPRETER: u32 = 3;
const FLAG_EXECUTE: u32 = 1;
const FLAG_WRITE: u32 = 2;

/// A validated program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image<'a> {
    /// The address of its first instruction, in an executable segment.
    pub entry: u64,
    /// The segments, which do not overlap.
    pub segments: Vec<Segment<'a>>,
}

/// A loadable segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Its virtual address, at a 2 MiB step.
    pub address: u64,
    pub access: Access,
    /// Its initial bytes; zeros follow.
    pub content: &'a [u8],
    pub pages: PageCount,
}

impl Segment<'_> {
    fn end(&self) -> u64 {
        self.address + self.pages.0 * PAGE_BYTES
    }
}

impl<'a> Image<'a> {
    /// Parses and validates a program.
    ///
    /// # Errors
    /// The first [`ElfError`] found.
    pub fn parse(file: &'a [u8]) -> Result<Image<'a>, ElfError> {
        if !file.starts_with(b"\x7fELF") {
            return Err(ElfError::Magic);
        }
        let header = Fields(part(file, 0, HEADER_BYTES as u64)?);
        let class_and_order = header.0[4..6] == [2, 1];
        if !class_and_order || header.u16(16) != EXECUTABLE || header.u16(18) != X86_64 {
            return Err(ElfError::Kind);
        }
        let (table, entry_bytes, count) = (header.u64(32), header.u16(54), header.u16(56));
        if usize::from(entry_bytes) != PROGRAM_HEADER_BYTES || count > SEGMENTS_MAX {
            return Err(ElfError::Header);
        }
        let mut segments: Vec<Segment> = Vec::new();
        for index in 0..u64::from(count) {
            let at = table.checked_add(index * PROGRAM_HEADER_BYTES as u64);
            let at = at.ok_or(ElfError::Header)?;
            let fields = Fields(part(file, at, PROGRAM_HEADER_BYTES as u64)?);
            match fields.u32(0) {
                LOAD => segments.extend(segment(file, &fields)?),
                DYNAMIC | INTERPRETER => return Err(ElfError::Kind),
                _ => {}
            }
        }
        let image = Image {
            entry: header.u64(24),
            segments,
        };
        image.check().map(|()| image)
    }

    /// Checks the segments against each other and against the entry.
    fn check(&self) -> Result<(), ElfError> {
        if self.segments.is_empty() {
            return Err(ElfError::Empty);
        }
        for (index, segment) in self.segments.iter().enumerate() {
            // Mappings take whole steps.
            let end = segment.end().next_multiple_of(MAP_STEP_BYTES);
            let overlaps = |other: &Segment| other.address < end && segment.address < other.end();
            if self.segments[..index].iter().any(overlaps) {
                let address = segment.address;
                return Err(ElfError::Overlap { address });
            }
        }
        let code = |segment: &&Segment| segment.access == Access::ReadExecute;
        let mut code = self.segments.iter().filter(code);
        match code.any(|segment| (segment.address..segment.end()).contains(&self.entry)) {
            true => Ok(()),
            false => Err(ElfError::Entry {
                address: self.entry,
            }),
        }
    }
}

/// A segment to load; none if it has no bytes.
fn segment<'a>(file: &'a [u8], fields: &Fields) -> Result<Option<Segment<'a>>, ElfError> {
    let (flags, offset, address) = (fields.u32(4), fields.u64(8), fields.u64(16));
    let (file_bytes, memory_bytes) = (fields.u64(32), fields.u64(40));
    if memory_bytes == 0 {
        return Ok(None);
    }
    if file_bytes > memory_bytes {
        return Err(ElfError::Size { address });
    }
    let end = address.checked_add(memory_bytes);
    let fits = address >= IMAGE_START && end.is_some_and(|end| end <= IMAGE_END);
    if !fits || !address.is_multiple_of(MAP_STEP_BYTES) {
        return Err(ElfError::Placement { address });
    }
    let access = match (flags & FLAG_WRITE != 0, flags & FLAG_EXECUTE != 0) {
        (true, true) => return Err(ElfError::WritableCode { address }),
        (true, false) => Access::ReadWrite,
        (false, true) => Access::ReadExecute,
        (false, false) => Access::Read,
    };
    Ok(Some(Segment {
        address,
        access,
        content: part(file, offset, file_bytes)?,
        pages: PageCount(memory_bytes.div_ceil(PAGE_BYTES)),
    }))
}

/// A range of the file, which may be truncated.
fn part(file: &[u8], offset: u64, bytes: u64) -> Result<&[u8], ElfError> {
    let needed = offset.saturating_add(bytes);
    if needed > file.len() as u64 {
        return Err(ElfError::Truncated {
            bytes: file.len(),
            needed,
        });
    }
    Ok(&file[offset as usize..needed as usize])
}

/// Little-endian fields of a header whose length was checked.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn u16(&self, at: usize) -> u16 {
        self.number(at, 2) as u16
    }

    fn u32(&self, at: usize) -> u32 {
        self.number(at, 4) as u32
    }

    fn u64(&self, at: usize) -> u64 {
        self.number(at, 8)
    }

    fn number(&self, at: usize, bytes: usize) -> u64 {
        let bytes = self.0[at..at + bytes].iter().rev();
        bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;
    use std::vec;

    const CODE: u64 = 4 << 20;
    const DATA: u64 = 6 << 20;
    const READ_EXECUTE: u32 = 5;
    const READ_WRITE: u32 = 6;

    /// Flags, address, bytes in the file, bytes in memory.
    type Load = (u32, u64, u64, u64);

    fn elf(entry: u64, loads: &[Load]) -> Vec<u8> {
        let mut file = vec![0; HEADER_BYTES + loads.len() * PROGRAM_HEADER_BYTES];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        put(&mut file, 16, &EXECUTABLE.to_le_bytes());
        put(&mut file, 18, &X86_64.to_le_bytes());
        put(&mut file, 24, &entry.to_le_bytes());
        put(&mut file, 32, &(HEADER_BYTES as u64).to_le_bytes());
        put(&mut file, 54, &(PROGRAM_HEADER_BYTES as u16).to_le_bytes());
        put(&mut file, 56, &(loads.len() as u16).to_le_bytes());
        for (index, (flags, address, file_bytes, memory_bytes)) in loads.iter().enumerate() {
            let (at, offset) = (
                HEADER_BYTES + index * PROGRAM_HEADER_BYTES,
                file.len() as u64,
            );
            put(&mut file, at, &LOAD.to_le_bytes());
            put(&mut file, at + 4, &flags.to_le_bytes());
            put(&mut file, at + 8, &offset.to_le_bytes());
            put(&mut file, at + 16, &address.to_le_bytes());
            put(&mut file, at + 32, &file_bytes.to_le_bytes());
            put(&mut file, at + 40, &memory_bytes.to_le_bytes());
            file.resize(file.len() + *file_bytes as usize, index as u8 + 1);
        }
        file
    }

    fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
        file[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn good() -> Vec<u8> {
        elf(
            CODE + 16,
            &[(READ_EXECUTE, CODE, 100, 100), (READ_WRITE, DATA, 8, 5000)],
        )
    }

    #[test]
    fn reads_entry_and_segments() {
        let file = good();
        let image = Image::parse(&file).unwrap();
        assert_eq!(image.entry, CODE + 16);
        let [code, data] = image.segments[..] else {
            panic!("{} segments", image.segments.len());
        };
        assert_eq!((code.access, code.pages.0), (Access::ReadExecute, 1));
        assert_eq!((data.access, data.pages.0), (Access::ReadWrite, 2));
        assert_eq!(data.content, [2; 8]);
    }

    #[test]
    fn says_what_is_wrong() {
        let code = (READ_EXECUTE, CODE, 10, 10);
        let cases = [
            (b"MZ".to_vec(), "not an ELF"),
            (elf(CODE, &[]), "no segment"),
            (elf(CODE + 4096, &[code]), "entry 0x401000"),
            (elf(DATA, &[code, (READ_WRITE, DATA, 0, 1)]), "entry"),
            (
                elf(CODE, &[code, (7, DATA, 1, 1)]),
                "writable and executable",
            ),
            (elf(CODE, &[code, (READ_WRITE, DATA, 2, 1)]), "invalid size"),
            (
                elf(CODE, &[code, (READ_WRITE, DATA + 4096, 1, 1)]),
                "0x601000",
            ),
            (elf(CODE, &[code, (READ_WRITE, 0, 1, 1)]), "may be at 0x0"),
            (
                elf(CODE, &[code, (READ_WRITE, DATA, 1, u64::MAX)]),
                "may be at",
            ),
            (
                elf(
                    CODE,
                    &[(READ_EXECUTE, CODE, 1, 3 << 20), (READ_WRITE, DATA, 1, 1)],
                ),
                "overlaps",
            ),
        ];
        for (file, expected) in cases {
            let error = Image::parse(&file).unwrap_err().to_string();
            assert!(error.contains(expected), "{error} is not {expected}");
        }
    }

    #[test]
    fn refuses_another_machine_and_a_dynamic_program() {
        let mut other = good();
        put(&mut other, 18, &183u16.to_le_bytes());
        assert_eq!(Image::parse(&other), Err(ElfError::Kind));
        let mut dynamic = good();
        put(&mut dynamic, HEADER_BYTES, &INTERPRETER.to_le_bytes());
        assert_eq!(Image::parse(&dynamic), Err(ElfError::Kind));
    }

    #[test]
    fn every_truncation_is_an_error() {
        let file = good();
        for end in 0..file.len() {
            assert!(Image::parse(&file[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn no_damage_makes_it_panic_or_leave_its_bounds() {
        let file = good();
        for at in 0..file.len() {
            for bits in [0x01, 0x80, 0xff] {
                let mut damaged = file.clone();
                damaged[at] ^= bits;
                for segment in Image::parse(&damaged).map_or(Vec::new(), |image| {
                    image
                        .segments
                        .iter()
                        .map(|segment| (segment.address, segment.end()))
                        .collect()
                }) {
                    assert!(segment.0 >= IMAGE_START && segment.1 <= IMAGE_END);
                }
            }
        }
    }
}
