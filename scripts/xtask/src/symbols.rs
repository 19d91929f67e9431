//! The kernel's symbol table, written into its ELF file after linking, so that the backtrace of a panic can name functions.
//!
//! The linker script reserves the section `.symbols`, which the kernel reads:
//!
//! ```text
//!   0  "CSYM"                 magic
//!   4  u32                    number of entries
//!   8  entries                ascending by offset: u32 offset from the start of .text, u32 end of its name
//!      names                  UTF-8, one after the other: a name begins where the one before ends
//! ```
//!
//! All numbers are little endian. The table must fit in the section, since growing the section would move those after it.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;

use xmas_elf::ElfFile;
use xmas_elf::sections::SectionData;
use xmas_elf::symbol_table::{Entry, Type};

use crate::error::{AtPath, Error, Result};

const MAGIC: &[u8] = b"CSYM";
/// The section with the functions, and the one with their names.
const TEXT_SECTION: &str = ".text";
const TABLE_SECTION: &str = ".symbols";
/// Longer names are truncated: the end of a generic name is the least informative.
const NAME_BYTES_MAX: usize = 80;
/// The prefix of the linker script's own symbols, which are not functions.
const LINKER_PREFIX: &str = "__";

/// The functions by their offset in the text.
type Functions = BTreeMap<u32, String>;

/// Writes the table into the kernel at `path`.
pub fn embed(path: &Path) -> Result<()> {
    let mut bytes = fs::read(path).at(path)?;
    let malformed = |why: String| Error::Malformed(path.to_path_buf(), why);
    let (functions, reserved) = read(&bytes).map_err(malformed)?;
    let table = table(&functions);
    let place = bytes
        .get_mut(reserved)
        .ok_or_else(|| malformed("is truncated".to_string()))?;
    if table.len() > place.len() {
        let (needed, reserved) = (table.len(), place.len());
        return Err(malformed(format!(
            "{TABLE_SECTION} needs {needed} bytes and has {reserved}"
        )));
    }
    place[..table.len()].copy_from_slice(&table);
    fs::write(path, bytes).at(path)
}

/// The functions of a kernel, and the file range for the table.
fn read(bytes: &[u8]) -> std::result::Result<(Functions, Range<usize>), String> {
    let elf = ElfFile::new(bytes)?;
    let section = |name: &str| {
        elf.find_section_by_name(name)
            .ok_or(format!("has no section {name}"))
    };
    let text = section(TEXT_SECTION)?;
    let text = text.address()..text.address() + text.size();
    let table = section(TABLE_SECTION)?;
    let reserved = table.offset() as usize..(table.offset() + table.size()) as usize;
    let SectionData::SymbolTable64(symbols) = section(".symtab")?.get_data(&elf)? else {
        return Err("has no 64-bit symbol table".to_string());
    };
    let mut functions = Functions::new();
    for symbol in symbols {
        // Labels in assembly have no type.
        let is_code = matches!(symbol.get_type(), Ok(Type::Func | Type::NoType));
        let name = symbol.get_name(&elf)?;
        if is_code && text.contains(&symbol.value()) && is_function_name(name) {
            let offset = (symbol.value() - text.start) as u32;
            functions.entry(offset).or_insert_with(|| shown(name));
        }
    }
    Ok((functions, reserved))
}

fn is_function_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(LINKER_PREFIX) && !name.starts_with(".L")
}

/// The name as in the source, without the compiler's hash.
fn shown(name: &str) -> String {
    let mut shown = format!("{:#}", rustc_demangle::demangle(name));
    shown.truncate(shown.floor_char_boundary(NAME_BYTES_MAX));
    shown
}

fn table(functions: &Functions) -> Vec<u8> {
    let mut table = MAGIC.to_vec();
    table.extend((functions.len() as u32).to_le_bytes());
    let mut end = 0;
    for (offset, name) in functions {
        end += name.len() as u32;
        table.extend(offset.to_le_bytes());
        table.extend(end.to_le_bytes());
    }
    functions
        .values()
        .for_each(|name| table.extend(name.as_bytes()));
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_documented_layout() {
        let functions = Functions::from([(0x40, "go".to_string()), (0x10, "start".to_string())]);
        let expected = [
            b"CSYM\x02\0\0\0".as_slice(),
            b"\x10\0\0\0\x05\0\0\0\x40\0\0\0\x07\0\0\0startgo",
        ]
        .concat();
        assert_eq!(table(&functions), expected);
    }

    #[test]
    fn names_are_shown_without_hash_and_not_too_long() {
        assert_eq!(shown("_ZN6kernel4main17h05af221e174051e9E"), "kernel::main");
        assert_eq!(shown("syscall_entry"), "syscall_entry");
        assert_eq!(shown(&"ä".repeat(200)).len(), NAME_BYTES_MAX);
    }

    #[test]
    fn symbols_of_the_linker_script_are_not_functions() {
        assert!(
            !is_function_name("__text_start")
                && !is_function_name(".Lloop")
                && !is_function_name("")
        );
        assert!(is_function_name("_start_pvh"));
    }

    #[test]
    fn a_program_without_the_section_is_refused() {
        let own = std::env::current_exe().unwrap();
        assert!(
            read(&fs::read(own).unwrap())
                .unwrap_err()
                .contains(TABLE_SECTION)
        );
    }
}
