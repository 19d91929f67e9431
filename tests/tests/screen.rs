//! A machine shows its log, the operator's shell and the reason why it does not start on its screen: under BIOS and UEFI, with
//! and without a serial port.

use std::thread::sleep;
use std::time::{Duration, Instant};

use harness::fleet::UUID_OF_B;
use harness::machine::{Boot, Machine, Options};
use harness::{Artefacts, Fleet, Node, counter};

/// The time limit of a wait. Only a test that hangs reaches it: firmware alone takes seconds, and many on a slow host.
const LIMIT: Duration = Duration::from_secs(240);

/// A line of the log.
const NOMAD: &str = "[nomad] listening";

fn by_bios(name: &str) -> Options {
    by_stick(name, Boot::StickBios(Artefacts::image()))
}

fn by_uefi(name: &str) -> Options {
    by_stick(name, Boot::StickUefi(Artefacts::image()))
}

/// A machine that the stick's fleet names: a guest has no migration server.
fn by_stick(name: &str, boot: Boot) -> Options {
    Options::new(name, boot).memory_mib(512).uuid(UUID_OF_B)
}

/// Types a command on the keyboard, and expects its reply on the screen.
fn types_a_command(machine: &mut Machine) {
    machine.type_keys("ps\n");
    machine.expect_on_screen("> ps", LIMIT);
    machine.expect_on_screen("console                  running", LIMIT);
}

/// Expects the log on the screen, and uses the shell there.
fn shows_log_and_shell(options: Options) {
    let mut machine = options.start();
    machine.expect_on_screen("[console] this machine has ", LIMIT);
    machine.expect_on_screen(NOMAD, LIMIT);
    types_a_command(&mut machine);
}

#[test]
fn the_log_and_the_shell_are_on_the_screen_under_a_bios() {
    shows_log_and_shell(by_bios("screen-bios"));
}

#[test]
fn the_log_and_the_shell_are_on_the_screen_under_uefi() {
    shows_log_and_shell(by_uefi("screen-uefi"));
}

#[test]
fn a_machine_without_a_serial_port_is_used_at_its_screen() {
    let mut machine = by_uefi("screen-silent").silent().start();
    machine.expect_on_screen("this machine has no serial port, a screen of", LIMIT);
    types_a_command(&mut machine);
}

#[test]
fn the_screen_and_the_serial_port_show_the_same_terminal() {
    let mut machine = by_bios("screen-both").start();
    machine.expect(NOMAD, LIMIT);
    types_a_command(&mut machine);
    machine.expect("console                  running", LIMIT);
    machine.type_line("mem");
    machine.expect_on_screen("> mem", LIMIT);
}

/// A machine without a screen, which QEMU itself starts.
fn by_pvh(name: &str) -> Options {
    let boot = Boot::Kernel {
        kernel: Artefacts::kernel(),
        archive: Some(Artefacts::archive_named("counter")),
    };
    Options::new(name, boot).memory_mib(512)
}

#[test]
fn a_machine_without_a_screen_or_a_keyboard_reports_it() {
    for (options, keyboard) in [
        (by_pvh("no-screen"), "a keyboard"),
        (by_pvh("no-keyboard").without_keyboard(), "no keyboard"),
    ] {
        let line = format!("this machine has a serial port, no screen and {keyboard}");
        options.start().expect(&line, LIMIT);
    }
}

/// No serial port, no screen, no keyboard.
fn bare(options: Options) -> Options {
    options.silent().without_keyboard()
}

#[test]
fn a_machine_without_any_console_is_used_over_the_network() {
    let mut fleet = Fleet::boot_changed([|options| options, bare]);
    // The counter's home has found the other machine.
    fleet.await_log(Node::A, counter::READY);
    fleet.migrate("counter", Node::A);
    assert_eq!(fleet.log(Node::B), "");
    let line = "this machine has no serial port, no screen and no keyboard";
    let deadline = Instant::now() + LIMIT;
    loop {
        let log = fleet.command(Node::B, &["logs"]);
        if log.contains(line) {
            return;
        }
        assert!(Instant::now() < deadline, "{log}");
        sleep(Duration::from_millis(200));
    }
}

#[test]
fn an_unsuitable_processor_is_reported_on_the_screen() {
    for options in [by_uefi("screen-no-nx"), by_bios("screen-no-nx")] {
        let mut machine = options.cpu("max,-nx").start();
        machine.expect_on_screen("caravan: this processor does not offer no-execute", LIMIT);
    }
}

#[test]
fn an_error_of_a_running_machine_is_shown_on_the_screen() {
    /// To the first processor: bank 1, a valid and uncorrected error with an address.
    const UNCORRECTED: &str = "mce 0 1 0xbd00000000000000 0x4 0x1000 0x8c";
    for options in [by_uefi("screen-panic"), by_bios("screen-panic")] {
        let mut machine = options.start();
        machine.expect_on_screen(NOMAD, LIMIT);
        machine.monitor(UNCORRECTED);
        let line = "caravan: panic: exception 18 (machine check) in the kernel";
        machine.expect_on_screen(line, LIMIT);
    }
}

#[test]
fn a_missing_archive_is_reported_on_the_screen() {
    let mut machine = by_bios("screen-no-archive").start();
    machine.expect_text("(h)", LIMIT);
    machine.press('c');
    machine.expect_text("grub>", LIMIT);
    machine.type_line("multiboot2 /boot/kernel.elf");
    machine.expect_text("grub>", LIMIT);
    machine.type_line("boot");
    machine.expect_on_screen("boot archive: there is none", LIMIT);
}
