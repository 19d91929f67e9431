//! A machine restarts at an operator's command, by each mechanism that QEMU's boards have, and starts again.

use std::time::Duration;

use harness::fleet::UUID_OF_B;
use harness::machine::{Board, Boot, Machine, Options};
use harness::{Artefacts, MacAddress, Segment};

/// Only stops a hang; firmware alone takes seconds, and many on a slow host.
const LIMIT: Duration = Duration::from_secs(240);

/// The line of a machine that has joined its fleet.
const UP: &str = "[nomad] listening";
const BY_ACPI: &str = "caravan: the machine restarts by ACPI's reset register";
const BY_CHIPSET: &str = "caravan: the machine restarts by port 0xcf9";

/// The machine b of the default fleet, at which no domain is at home.
fn machine(segment: &mut Segment, boot: Boot) -> Options {
    Options::new("reboot", boot)
        .memory_mib(512)
        .uuid(UUID_OF_B)
        .nic(&segment.port("reboot"), MacAddress::local(9))
        .reboots()
}

/// The same, started by QEMU itself with these words on the kernel's command line.
fn started_by_qemu(segment: &mut Segment, words: &str) -> Options {
    let boot = Boot::Kernel {
        kernel: Artefacts::kernel(),
        archive: Some(Artefacts::archive_named("fleet")),
    };
    let options = machine(segment, boot);
    options
        .argument("-append")
        .argument(format!("machine=b {words}"))
}

/// Restarts the machine twice by the operator's shell, and checks that each restart is this mechanism's, and the first one that
/// was tried.
fn restarts(mut machine: Machine, line: &str) {
    for _ in 0..2 {
        machine.expect(UP, LIMIT);
        machine.type_line("reboot");
        machine.expect("b restarts", LIMIT);
        machine.expect("done", LIMIT);
        let tried = machine.expect("caravan: the machine restarts by", LIMIT);
        assert!(tried.contains(line), "{tried}");
        machine.expect("caravan: root starts", LIMIT);
    }
    machine.expect(UP, LIMIT);
    let count = machine.log().matches("the machine restarts by").count();
    assert_eq!(count, 2, "only the first mechanism is tried");
}

#[test]
fn a_machine_with_a_bios_restarts_from_its_stick() {
    let mut segment = Segment::new();
    let boot = Boot::StickBios(Artefacts::image());
    restarts(machine(&mut segment, boot).start(), BY_ACPI);
}

#[test]
fn a_machine_with_uefi_restarts_from_its_stick() {
    let mut segment = Segment::new();
    let boot = Boot::StickUefi(Artefacts::image());
    restarts(machine(&mut segment, boot).start(), BY_ACPI);
}

#[test]
fn a_machine_whose_reset_register_is_in_memory_restarts() {
    let mut segment = Segment::new();
    let options = started_by_qemu(&mut segment, "").board(Board::Microvm);
    restarts(options.start(), BY_ACPI);
}

#[test]
fn a_machine_without_acpi_restarts_by_its_chipset() {
    let mut segment = Segment::new();
    let options = started_by_qemu(&mut segment, "");
    let options = options.argument("-machine").argument("acpi=off");
    restarts(options.start(), BY_CHIPSET);
}

#[test]
fn a_machine_that_would_lose_a_domain_restarts_only_if_it_is_forced() {
    let mut segment = Segment::new();
    let boot = Boot::Kernel {
        kernel: Artefacts::kernel(),
        archive: Some(Artefacts::archive_named("console")),
    };
    let mut machine = machine(&mut segment, boot).start();
    machine.expect(UP, LIMIT);
    // Nobody replies that the counter is elsewhere, so the operator decides.
    loop {
        machine.type_line("force counter run");
        let reply = machine.expect("counter", LIMIT);
        let reply = match reply.contains("force counter run") {
            true => machine.expect("counter", LIMIT),
            false => reply,
        };
        if reply.contains("counter is to run here") {
            break;
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    machine.type_line("reboot");
    machine.expect("is not restarted: counter is lost: it is running", LIMIT);
    machine.type_line("reboot --force");
    machine.expect("counter is lost: it is running", LIMIT);
    machine.expect(BY_ACPI, LIMIT);
    machine.expect(UP, LIMIT);
}
