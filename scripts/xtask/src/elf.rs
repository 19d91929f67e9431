//! The xtask's operations on ELF files: measuring a section, and stripping the parts that no loader reads.

use std::fs;
use std::path::Path;

use xmas_elf::ElfFile;
use xmas_elf::program::{ProgramHeader, Type};

use crate::error::{AtPath, Error, Result};

/// The field of a 64-bit ELF header that holds the file offset of the section headers.
const SECTION_HEADERS_OFFSET: std::ops::Range<usize> = 0x28..0x30;
/// The fields that hold the number of section headers, and the index of the one with the names.
const SECTION_HEADER_COUNTS: std::ops::Range<usize> = 0x3c..0x40;

/// Reads the file at `path` without symbols and debug information: only its headers and segments.
///
/// The linker writes the segments first, so the rest of the file is one tail, to which only the header refers.
pub fn read_stripped(path: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(path).at(path)?;
    strip(&bytes).map_err(|why| Error::Malformed(path.to_path_buf(), why.to_string()))
}

fn strip(bytes: &[u8]) -> std::result::Result<Vec<u8>, &'static str> {
    let elf = ElfFile::new(bytes)?;
    let mut end = 0;
    for header in elf.program_iter() {
        let ProgramHeader::Ph64(header) = header else {
            return Err("not a 64-bit ELF file");
        };
        if header.get_type()? == Type::Load {
            end = end.max(header.offset + header.file_size);
        }
    }
    let headers_end = elf.header.pt2.ph_offset()
        + u64::from(elf.header.pt2.ph_count()) * u64::from(elf.header.pt2.ph_entry_size());
    let end = usize::try_from(end.max(headers_end)).map_err(|_| "segments beyond memory")?;
    let mut stripped = bytes
        .get(..end)
        .ok_or("segments beyond the end of the file")?
        .to_vec();
    stripped[SECTION_HEADERS_OFFSET].fill(0);
    stripped[SECTION_HEADER_COUNTS].fill(0);
    Ok(stripped)
}

/// The bytes in the section `name` of the ELF file at `path`.
pub fn section_bytes(path: &Path, name: &str) -> Result<u64> {
    let bytes = fs::read(path).at(path)?;
    let malformed = |why: &str| Error::Malformed(path.to_path_buf(), why.to_string());
    let elf = ElfFile::new(&bytes).map_err(malformed)?;
    let section = elf
        .find_section_by_name(name)
        .ok_or_else(|| malformed(&format!("has no section {name}")))?;
    Ok(section.size())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own_elf() -> Vec<u8> {
        fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    #[test]
    fn a_stripped_file_has_all_its_segments_and_no_sections() {
        let whole = own_elf();
        let stripped = strip(&whole).unwrap();
        assert!(stripped.len() < whole.len());
        let elf = ElfFile::new(&stripped).unwrap();
        assert_eq!(elf.header.pt2.sh_count(), 0);
        for (before, after) in ElfFile::new(&whole)
            .unwrap()
            .program_iter()
            .zip(elf.program_iter())
        {
            assert_eq!(before.file_size(), after.file_size());
            assert!(
                after.offset() + after.file_size() <= stripped.len() as u64
                    || after.get_type() != Ok(Type::Load)
            );
        }
    }

    #[test]
    fn a_file_of_another_format_is_refused() {
        assert!(strip(b"#!/bin/sh\nthis is not an ELF file, but long enough for one\n").is_err());
    }

    #[test]
    fn a_truncated_file_is_refused() {
        let whole = own_elf();
        assert!(strip(&whole[..4096]).is_err());
    }

    #[test]
    fn measures_a_section() {
        let path = std::env::current_exe().unwrap();
        assert!(section_bytes(&path, ".text").unwrap() > 1000);
        assert!(section_bytes(&path, ".no-such-section").is_err());
    }
}
