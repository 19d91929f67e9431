//! Input from domains, programs and archives is not trusted: each lie is reported as an error of the liar, and affects nothing
//! else.

use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use harness::machine::{Boot, Machine, Options};
use harness::{Artefacts, counter, scratch};

/// The time limit of a wait. Only a test that hangs reaches it.
const LIMIT: Duration = Duration::from_secs(240);

/// A switch, a domain that lies, and a counter.
const ARCHIVE: &str = "liar";
/// Root's first line.
const ROOT_STARTS: &str = "[root] machine a";
const BLOCK_BYTES: usize = 512;

fn machine(archive: PathBuf) -> Machine {
    let boot = Boot::Kernel {
        kernel: Artefacts::kernel(),
        archive: Some(archive),
    };
    let options = Options::new("liar", boot).memory_mib(512);
    options.start()
}

/// A machine with a changed archive. The machine has read it when it has logged `line`.
fn machine_with(change: impl FnOnce(&mut Vec<u8>), line: &str) -> Machine {
    let mut bytes = fs::read(Artefacts::archive_named(ARCHIVE)).expect("the archive is there");
    change(&mut bytes);
    let directory = scratch::directory();
    let path = directory.path().join("changed.tar");
    fs::write(&path, bytes).expect("a temporary file");
    let mut machine = machine(path);
    machine.expect(line, LIMIT);
    machine
}

/// The offset of a member's header in a ustar archive, and the range of its content.
fn member(archive: &[u8], name: &str) -> (usize, Range<usize>) {
    let mut at = 0;
    loop {
        let header = &archive[at..at + BLOCK_BYTES];
        let end = header.iter().position(|byte| *byte == 0).expect("a name");
        let size = std::str::from_utf8(&header[124..135]).expect("digits");
        let size = usize::from_str_radix(size, 8).expect("digits");
        let content = at + BLOCK_BYTES..at + BLOCK_BYTES + size;
        if &header[..end] == name.as_bytes() {
            return (at, content);
        }
        at = content.end.next_multiple_of(BLOCK_BYTES);
    }
}

#[test]
fn a_domain_that_lies_harms_only_itself() {
    let mut machine = machine(Artefacts::archive_named(ARCHIVE));
    machine.expect("is disabled, its ring is corrupt", LIMIT);
    machine.expect("[liar] scribbled over the ring", LIMIT);
    machine.expect("[liar] lied to root", LIMIT);
    machine.expect("lines of liar dropped: it exceeded its log quota", LIMIT);
    machine.expect("[liar] flooded the log", LIMIT);
    machine.expect("[liar] lied to the kernel", LIMIT);
    machine.expect(
        "[root] ERROR: liar has a page fault writing 0x123456789000",
        LIMIT,
    );
    machine.expect_anywhere(counter::READY, LIMIT);
    let log = machine.log();
    for failure in ["switch has", "counter has", "panicked"] {
        assert!(!log.contains(failure), "{log}");
    }
}

#[test]
fn an_invalid_manifest_is_reported_without_an_owner_of_the_serial_port() {
    let invalid = |archive: &mut Vec<u8>| {
        let (_, content) = member(archive, "manifest");
        archive[content].fill(b'x');
    };
    let error = "[root] ERROR: the archive's `manifest`: it is not a compiled manifest";
    let mut machine = machine_with(invalid, error);
    machine.expect("[root] WARN: no domain has the serial port", LIMIT);
}

#[test]
fn an_invalid_program_does_not_keep_others_from_starting() {
    let invalid = |archive: &mut Vec<u8>| {
        let (_, content) = member(archive, "guest-liar.elf");
        archive[content].fill(b'x');
    };
    let mut machine = machine_with(invalid, ROOT_STARTS);
    let error = "[root] ERROR: cannot start liar: guest-liar.elf: it is not an ELF file";
    machine.expect_anywhere(error, LIMIT);
    machine.expect_anywhere(counter::READY, LIMIT);
}

#[test]
fn a_truncated_program_does_not_keep_others_from_starting() {
    let truncated = |archive: &mut Vec<u8>| {
        // The header gives the member a length of one block.
        let (header, content) = member(archive, "guest-liar.elf");
        archive[header + 124..header + 135].copy_from_slice(b"00000001000");
        let gap = content.start + BLOCK_BYTES..content.end.next_multiple_of(BLOCK_BYTES);
        archive.drain(gap);
    };
    let mut machine = machine_with(truncated, ROOT_STARTS);
    let error = "[root] ERROR: cannot start liar: guest-liar.elf: it is truncated: 512 bytes";
    machine.expect_anywhere(error, LIMIT);
    machine.expect_anywhere(counter::READY, LIMIT);
}
