//! A program: a static 64-bit ELF file, validated before anything is created for it.
//!
//! The crate `elf` reads the headers and reports damage as errors. [`Image::parse`] trusts no field: every image that it returns
//! can be mapped. Each segment becomes a Memory of its own, so it begins at a multiple of 2 MiB. No segment is both writable and
//! executable.

use alloc::vec::Vec;

use abi::register::{Access, PageCount};
use abi::{MAP_STEP_BYTES, PAGE_BYTES};
use elf::ElfBytes;
use elf::abi::{EM_X86_64, ET_EXEC, PF_W, PF_X, PT_DYNAMIC, PT_INTERP, PT_LOAD};
use elf::endian::LittleEndian;
use elf::file::Class;
use elf::parse::ParseError;
use elf::segment::ProgramHeader;

use crate::elf_error::ElfError;
use crate::layout::{IMAGE_END, IMAGE_START};

/// The maximum number of segments: more than any of our programs has.
const SEGMENTS_MAX: usize = 32;

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
    /// Its virtual address, a multiple of 2 MiB.
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
        if !file.starts_with(&elf::abi::ELFMAGIC) {
            return Err(ElfError::Magic);
        }
        let damaged = |error| ElfError::of(error, file.len());
        let elf = ElfBytes::<LittleEndian>::minimal_parse(file).map_err(damaged)?;
        let kind = (elf.ehdr.class, elf.ehdr.e_type, elf.ehdr.e_machine);
        if kind != (Class::ELF64, ET_EXEC, EM_X86_64) {
            return Err(ElfError::Kind);
        }
        let headers = elf.segments().ok_or(ElfError::Empty)?;
        if headers.len() > SEGMENTS_MAX {
            return Err(ElfError::Header);
        }
        let mut segments = Vec::new();
        for header in headers {
            match header.p_type {
                PT_LOAD if header.p_memsz > 0 => {
                    let content = elf.segment_data(&header).map_err(damaged)?;
                    segments.push(segment(&header, content)?);
                }
                PT_DYNAMIC | PT_INTERP => return Err(ElfError::Kind),
                _ => {}
            }
        }
        let image = Image {
            entry: elf.ehdr.e_entry,
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
            // Mappings take multiples of 2 MiB.
            let end = segment.end().next_multiple_of(MAP_STEP_BYTES);
            let overlaps = |other: &Segment| other.address < end && segment.address < other.end();
            if self.segments[..index].iter().any(overlaps) {
                let address = segment.address;
                return Err(ElfError::Overlap { address });
            }
        }
        let code = |segment: &&Segment| segment.access == Access::ReadExecute;
        let mut code = self.segments.iter().filter(code);
        let address = self.entry;
        if !code.any(|segment| (segment.address..segment.end()).contains(&address)) {
            return Err(ElfError::Entry { address });
        }
        Ok(())
    }
}

/// A segment to load, checked by itself.
fn segment<'a>(header: &ProgramHeader, content: &'a [u8]) -> Result<Segment<'a>, ElfError> {
    let address = header.p_vaddr;
    if header.p_filesz > header.p_memsz {
        return Err(ElfError::Size { address });
    }
    let end = address.checked_add(header.p_memsz);
    let fits = address >= IMAGE_START && end.is_some_and(|end| end <= IMAGE_END);
    if !fits || !address.is_multiple_of(MAP_STEP_BYTES) {
        return Err(ElfError::Placement { address });
    }
    let access = match (header.p_flags & PF_W != 0, header.p_flags & PF_X != 0) {
        (true, true) => return Err(ElfError::WritableCode { address }),
        (true, false) => Access::ReadWrite,
        (false, true) => Access::ReadExecute,
        (false, false) => Access::Read,
    };
    Ok(Segment {
        address,
        access,
        content,
        pages: PageCount(header.p_memsz.div_ceil(PAGE_BYTES)),
    })
}

impl ElfError {
    /// Converts the parser's error about a file of this many bytes.
    fn of(error: ParseError, bytes: usize) -> ElfError {
        match error {
            ParseError::UnsupportedElfClass(_) | ParseError::UnsupportedElfEndianness(_) => {
                ElfError::Kind
            }
            ParseError::SliceReadError((_, needed)) => ElfError::Truncated { bytes, needed },
            _ => ElfError::Header,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
