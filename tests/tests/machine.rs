//! Machines are started, used, stopped and killed. Their guests are tiny programs in machine code, so that the harness is
//! tested independently of the kernel.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use harness::machine::{Board, Boot, Options};
use harness::{Machine, Verdict, WaitError};
use serde_json::json;
use tempfile::TempDir;

/// The time limit of a wait. Only a test that hangs reaches it.
const LIMIT: Duration = Duration::from_secs(120);

/// The guests' exit code.
const PASS: u8 = 0x10;

/// The load address of the PVH guest's code.
const LOAD_ADDRESS: u32 = 0x10_0000;
/// The offset of that code in its ELF file.
const CODE_OFFSET: usize = 0x100;

/// 32-bit code that prints `text`, echoes a line from the serial port, and writes `PASS` to the exit device.
fn echoing_guest(text: &str) -> Vec<u8> {
    #[rustfmt::skip]
    let after_address = [
        0x66, 0xba, 0xf8, 0x03, // mov dx, 0x3f8
        0xac,                   // print: lodsb
        0x84, 0xc0,             // test al, al
        0x74, 0x03,             // jz echo
        0xee,                   // out dx, al
        0xeb, 0xf8,             // jmp print
        0x66, 0xba, 0xfd, 0x03, // echo: mov dx, 0x3fd
        0xec,                   // poll: in al, dx
        0xa8, 0x01,             // test al, 1
        0x74, 0xfb,             // jz poll
        0x66, 0xba, 0xf8, 0x03, // mov dx, 0x3f8
        0xec,                   // in al, dx
        0xee,                   // out dx, al
        0x3c, 0x0a,             // cmp al, '\n'
        0x75, 0xed,             // jne echo
        0xb0, PASS,             // mov al, PASS
        0x66, 0xba, 0xf4, 0x00, // mov dx, 0xf4
        0xee,                   // out dx, al
        0xf4,                   // halt: hlt
        0xeb, 0xfd,             // jmp halt
    ];
    let text_address = LOAD_ADDRESS + 5 + after_address.len() as u32;
    let mov_esi = [&[0xbe][..], &text_address.to_le_bytes()].concat();
    [&mov_esi[..], &after_address, text.as_bytes(), &[0]].concat()
}

/// An ELF file that QEMU starts by PVH: one segment, and the note that names the entry.
fn pvh_elf(code: &[u8]) -> Vec<u8> {
    let (load, size) = (u64::from(LOAD_ADDRESS), code.len() as u64);
    let mut file = Vec::new();
    // The file's header: 64-bit, little-endian; executable, x86-64, entry; program headers at 64, two of 56 bytes.
    put(&mut file, 8, &[0x0001_0102_464c_457f, 0]);
    put(&mut file, 2, &[2, 62]);
    put(&mut file, 4, &[1]);
    put(&mut file, 8, &[load, 64, 0]);
    put(&mut file, 4, &[0]);
    put(&mut file, 2, &[64, 56, 2, 0, 0, 0]);
    // PT_LOAD, readable and executable, with its offset, addresses, sizes and alignment.
    put(&mut file, 4, &[1, 5]);
    put(
        &mut file,
        8,
        &[CODE_OFFSET as u64, load, load, size, size, 1],
    );
    // PT_NOTE, which follows these headers.
    put(&mut file, 4, &[4, 4]);
    put(&mut file, 8, &[176, 0, 0, 24, 24, 4]);
    // The note: type 18 of "Xen" is the physical address of the 32-bit entry.
    put(&mut file, 4, &[4, 8, 18, 0x006e_6558]);
    put(&mut file, 8, &[load]);
    file.resize(CODE_OFFSET, 0);
    file.extend(code);
    file
}

/// Appends little-endian `fields` of `field_bytes` bytes each.
fn put(file: &mut Vec<u8>, field_bytes: usize, fields: &[u64]) {
    fields
        .iter()
        .for_each(|field| file.extend(&field.to_le_bytes()[..field_bytes]));
}

/// A disk whose boot sector prints `text` and writes `PASS` to the exit device.
fn bios_disk(text: &str) -> Vec<u8> {
    #[rustfmt::skip]
    let code = [
        0x31, 0xc0,       // xor ax, ax
        0x8e, 0xd8,       // mov ds, ax
        0xbe, 0x20, 0x7c, // mov si, 0x7c20
        0xba, 0xf8, 0x03, // mov dx, 0x3f8
        0xac,             // print: lodsb
        0x84, 0xc0,       // test al, al
        0x74, 0x03,       // jz exit
        0xee,             // out dx, al
        0xeb, 0xf8,       // jmp print
        0xb0, PASS,       // exit: mov al, PASS
        0xba, 0xf4, 0x00, // mov dx, 0xf4
        0xee,             // out dx, al
        0xf4,             // halt: hlt
        0xeb, 0xfd,       // jmp halt
    ];
    let mut disk = vec![0; 1 << 20];
    disk[..code.len()].copy_from_slice(&code);
    disk[0x20..0x20 + text.len()].copy_from_slice(text.as_bytes());
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    disk
}

/// Boot files for machines, which are removed when this is dropped.
struct Files {
    directory: TempDir,
}

impl Files {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().expect("a directory for guests"),
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, bytes).expect("a guest's file");
        path
    }

    fn echoing_guest(&self) -> Boot {
        let kernel = self.write(
            "guest.elf",
            &pvh_elf(&echoing_guest("ready when you are\r\n> ")),
        );
        Boot::Kernel {
            kernel,
            archive: None,
        }
    }
}

fn talk_to(mut machine: Machine) {
    assert_eq!(machine.expect("ready", LIMIT), "ready when you are");
    machine.expect_text("> ", LIMIT);
    machine.type_line("hello, machine");
    assert_eq!(machine.expect("hello", LIMIT), "hello, machine");
    assert_eq!(machine.wait_exit(LIMIT), Verdict::Exit(PASS));
    assert_eq!(machine.log(), "ready when you are\r\n> hello, machine\n");
}

#[test]
fn a_pc_communicates_and_reports_its_verdict() {
    let files = Files::new();
    talk_to(Options::new("pc", files.echoing_guest()).start());
}

#[test]
fn a_microvm_communicates_and_reports_its_verdict() {
    let files = Files::new();
    let mut segment = harness::Segment::new();
    let nic = (segment.port("small"), harness::MacAddress::local(1));
    talk_to(
        Options::new("small", files.echoing_guest())
            .board(Board::Microvm)
            .nic(&nic.0, nic.1)
            .start(),
    );
}

#[test]
fn a_machine_that_counts_instructions_communicates() {
    let files = Files::new();
    let archive = files.write("archive", b"module");
    let Boot::Kernel { kernel, .. } = files.echoing_guest() else {
        unreachable!("it boots a kernel")
    };
    let boot = Boot::Kernel {
        kernel,
        archive: Some(archive),
    };
    talk_to(
        Options::new("counting", boot)
            .counting()
            .seed(7)
            .memory_mib(64)
            .cores(2)
            .start(),
    );
}

#[test]
fn a_stick_boots_under_the_bios() {
    let files = Files::new();
    let image = files.write("stick.img", &bios_disk("from the stick\r\n"));
    let mut machine = Options::new("stick", Boot::StickBios(image)).start();
    machine.expect("from the stick", LIMIT);
    assert_eq!(machine.wait_exit(LIMIT), Verdict::Exit(PASS));
}

#[test]
fn the_uefi_firmware_finds_a_stick() {
    let files = Files::new();
    let image = files.write("stick.img", &bios_disk("not for this firmware"));
    let mut machine = Options::new("uefi", Boot::StickUefi(image)).start();
    // The stick has no UEFI boot loader, but the firmware has found it and reports it.
    let line = machine.expect("BdsDxe", LIMIT);
    assert!(line.contains("UEFI QEMU QEMU USB"), "{line}");
}

/// Whether QEMU runs the machine's processor.
fn is_running(machine: &mut Machine) -> bool {
    let status = machine.control("query-status", json!({}));
    status["running"].as_bool().expect("a status")
}

#[test]
fn a_stopped_machine_is_silent_until_it_runs() {
    let files = Files::new();
    let mut machine = Options::new("stopped", files.echoing_guest())
        .stopped()
        .start();
    assert_eq!(
        machine.wait_for("ready", Duration::from_millis(200)),
        Err(WaitError::TimedOut)
    );
    // However slow the host is, the machine cannot have run.
    assert!(!is_running(&mut machine));
    machine.resume();
    machine.expect_text("> ", LIMIT);
    assert!(is_running(&mut machine));
    machine.stop();
    assert!(!is_running(&mut machine));
    machine.type_line("into the void");
    assert_eq!(
        machine.wait_for("void", Duration::from_millis(200)),
        Err(WaitError::TimedOut)
    );
    machine.resume();
    machine.expect("void", LIMIT);
}

#[test]
fn a_machine_can_be_queried_and_ended() {
    let files = Files::new();
    let mut machine = Options::new("queried", files.echoing_guest()).start();
    machine.expect_text("> ", LIMIT);
    let status = machine.control("query-status", serde_json::json!({}));
    assert_eq!(status["status"], "running");
    machine.quit();
    assert_eq!(machine.wait_exit(LIMIT), Verdict::PoweredOff);
}

#[test]
fn a_debugger_finds_a_machine_before_its_first_instruction() {
    let files = Files::new();
    let socket = files.directory.path().join("debugger");
    let endpoint = format!("unix:{},server=on,wait=off", socket.display());
    let mut machine = Options::new("debugged", files.echoing_guest())
        .debugger(&endpoint)
        .stopped()
        .start();
    let status = machine.control("query-status", serde_json::json!({}));
    assert_eq!(status["running"], false);
    let mut debugger = UnixStream::connect(socket).expect("QEMU listens before it replies");
    debugger
        .set_read_timeout(Some(LIMIT))
        .expect("a timeout above zero");
    // The stub reports the reason for the stop: a trap.
    debugger.write_all(b"$?#3f").expect("a connection");
    let mut reply = [0; 5];
    debugger.read_exact(&mut reply).expect("a reply");
    assert_eq!(&reply, b"+$T05");
}

#[test]
fn a_killed_machine_is_gone_at_once() {
    let files = Files::new();
    let mut machine = Options::new("killed", files.echoing_guest()).start();
    machine.expect_text("> ", LIMIT);
    machine.kill();
    assert_eq!(machine.wait_exit(LIMIT), Verdict::Killed(9));
    assert!(!PathBuf::from(format!("/proc/{}", machine.id())).exists());
}

/// The message of the panic that ends `story`.
fn panic_message(story: impl FnOnce() + Send + 'static) -> String {
    let panic = std::thread::spawn(story).join().expect_err("a panic");
    *panic.downcast::<String>().expect("a message")
}

#[test]
fn an_unmet_expectation_shows_the_log() {
    let files = Files::new();
    let boot = files.echoing_guest();
    let message = panic_message(move || {
        let mut machine = Options::new("poor", boot).start();
        machine.expect_text("> ", LIMIT);
        machine.expect("a miracle", Duration::from_millis(10));
    });
    assert!(
        message.contains("machine poor") && message.contains("a miracle"),
        "{message}"
    );
    assert!(message.contains("ready when you are"), "{message}");
}

#[test]
fn an_early_end_shows_the_verdict_and_qemus_messages() {
    let files = Files::new();
    let kernel = files.write("nonsense", b"no kernel at all");
    let message = panic_message(move || {
        Options::new(
            "none",
            Boot::Kernel {
                kernel,
                archive: None,
            },
        )
        .start()
        .expect("anything", LIMIT);
    });
    assert!(
        message.contains("Failed(1)") && message.contains("invalid kernel header"),
        "{message}"
    );
}
