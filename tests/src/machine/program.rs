//! The pages of a machine's memory that hold a running program: [`pages_of`].

use std::collections::HashSet;

const PAGE_BYTES: usize = 4096;
/// The header before each file of a boot archive, and its magic (POSIX ustar).
const HEADER_BYTES: usize = 512;
const MAGIC: std::ops::Range<usize> = 257..262;

/// The addresses of the pages whose content is a page of this program's ELF file. Segments lie in the file as in memory, page by page.
/// The pages of the file in the boot archive are not among them, since the program is started from them again.
pub fn pages_of(memory: &[u8], program: &[u8]) -> Vec<u64> {
    let whole = program.chunks_exact(PAGE_BYTES);
    let known: HashSet<&[u8]> = whole
        .filter(|page| page.iter().any(|it| *it != 0))
        .collect();
    let archive = in_archive(memory, program);
    let pages = memory.chunks_exact(PAGE_BYTES).enumerate();
    pages
        .filter(|(_, page)| known.contains(page))
        .map(|(index, _)| index * PAGE_BYTES)
        .filter(|address| !archive.contains(address))
        .map(|address| address as u64)
        .collect()
}

/// The part of memory in which a boot archive has this file; empty if the file does not begin at a page, since then none of its
/// pages looks like a page of the program.
fn in_archive(memory: &[u8], program: &[u8]) -> std::ops::Range<usize> {
    let first = &program[..program.len().min(PAGE_BYTES)];
    let mut starts = (PAGE_BYTES..memory.len()).step_by(PAGE_BYTES);
    let is_start = |start: &usize| {
        let header = &memory[start - HEADER_BYTES..*start];
        header[MAGIC] == *b"ustar" && memory[*start..].starts_with(first)
    };
    let start = starts.find(is_start);
    start.map_or(0..0, |start| start..start + program.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_pages_of_a_program_but_not_those_of_its_archive() {
        let page = |byte: u8| vec![byte; PAGE_BYTES];
        let program = [page(1), page(0), page(2), vec![3; 10]].concat();
        let mut header = page(0);
        header[PAGE_BYTES - HEADER_BYTES..][MAGIC].copy_from_slice(b"ustar");
        let loaded = [page(2), page(0), page(9), page(1)].concat();
        let memory = [loaded, header, program.clone(), vec![0; PAGE_BYTES]].concat();
        let pages = PAGE_BYTES as u64;
        assert_eq!(pages_of(&memory, &program), [0, 3 * pages]);
    }
}
