//! A machine shows its log, the operator's shell and the reason why it does not start on its screen: under BIOS and UEFI, with
//! and without a serial port.

use std::time::Duration;

use harness::Artefacts;
use harness::fleet::UUID_OF_B;
use harness::machine::{Boot, Machine, Options};

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

#[test]
fn a_machine_without_a_screen_reports_it() {
    let boot = Boot::Kernel {
        kernel: Artefacts::kernel(),
        archive: Some(Artefacts::archive_named("counter")),
    };
    let mut machine = Options::new("no-screen", boot).memory_mib(512).start();
    machine.expect(
        "this machine has a serial port, no screen and a keyboard",
        LIMIT,
    );
}

#[test]
fn an_unsuitable_processor_is_reported_on_the_screen() {
    for options in [by_uefi("screen-no-nx"), by_bios("screen-no-nx")] {
        let mut machine = options.cpu("max,-nx").start();
        machine.expect_on_screen("caravan: this processor does not offer no-execute", LIMIT);
    }
}
