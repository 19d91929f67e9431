//! Programs built for the tests: valid, with one defect, cut short and damaged.

extern crate std;
use super::*;
use std::string::ToString;
use std::vec;

const HEADER_BYTES: usize = 64;
const PROGRAM_HEADER_BYTES: usize = 56;
const CODE: u64 = 4 << 20;
const DATA: u64 = 6 << 20;
const READ_EXECUTE: u32 = 5;
const READ_WRITE: u32 = 6;

/// Flags, address, bytes in the file, bytes in memory.
type Load = (u32, u64, u64, u64);

fn elf(entry: u64, loads: &[Load]) -> Vec<u8> {
    let mut file = vec![0; HEADER_BYTES + loads.len() * PROGRAM_HEADER_BYTES];
    file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    put(&mut file, 16, &ET_EXEC.to_le_bytes());
    put(&mut file, 18, &EM_X86_64.to_le_bytes());
    put(&mut file, 24, &entry.to_le_bytes());
    put(&mut file, 32, &(HEADER_BYTES as u64).to_le_bytes());
    put(&mut file, 54, &(PROGRAM_HEADER_BYTES as u16).to_le_bytes());
    put(&mut file, 56, &(loads.len() as u16).to_le_bytes());
    for (index, (flags, address, file_bytes, memory_bytes)) in loads.iter().enumerate() {
        let (at, offset) = (
            HEADER_BYTES + index * PROGRAM_HEADER_BYTES,
            file.len() as u64,
        );
        put(&mut file, at, &PT_LOAD.to_le_bytes());
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

/// A small valid program.
pub fn good() -> Vec<u8> {
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
fn reports_the_defect() {
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
    put(&mut dynamic, HEADER_BYTES, &PT_INTERP.to_le_bytes());
    assert_eq!(Image::parse(&dynamic), Err(ElfError::Kind));
    let mut big_endian = good();
    big_endian[5] = 2;
    assert_eq!(Image::parse(&big_endian), Err(ElfError::Kind));
    // In a 32-bit header of zeros, no table has an offset, so only the class is wrong.
    let mut narrow = vec![0; HEADER_BYTES];
    narrow[..7].copy_from_slice(b"\x7fELF\x01\x01\x01");
    assert_eq!(Image::parse(&narrow), Err(ElfError::Kind));
}

#[test]
fn a_truncated_file_is_reported_with_the_length_that_it_needs() {
    let file = good();
    let needed = file.len();
    let error = Image::parse(&file[..needed - 1]).unwrap_err();
    let bytes = needed - 1;
    assert_eq!(error, ElfError::Truncated { bytes, needed });
    let mut beyond = good();
    put(&mut beyond, HEADER_BYTES + 8, &u64::MAX.to_le_bytes());
    assert_eq!(Image::parse(&beyond), Err(ElfError::Header));
}

#[test]
fn refuses_too_many_segments() {
    let many = [(READ_WRITE, DATA, 0, 0); SEGMENTS_MAX + 1];
    assert_eq!(Image::parse(&elf(CODE, &many)), Err(ElfError::Header));
    assert_eq!(Image::parse(&elf(CODE, &many[1..])), Err(ElfError::Empty));
}

#[test]
fn every_truncation_is_an_error() {
    let file = good();
    for end in 0..file.len() {
        assert!(Image::parse(&file[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn damage_causes_neither_a_panic_nor_a_segment_out_of_bounds() {
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
