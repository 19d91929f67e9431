//! A machine restarts at an operator's command, by each mechanism that QEMU's boards have, and starts again.

use std::thread::sleep;
use std::time::Duration;

use harness::fleet::{UUID_OF_B, send_command};
use harness::machine::{Board, Boot, Options};
use harness::{Artefacts, MacAddress, Node, Segment, ThirdParty};

/// The time limit of a wait. Only a test that hangs reaches it: firmware alone takes seconds, and many on a slow host.
const LIMIT: Duration = Duration::from_secs(240);

/// The interval between attempts of a command that is refused for the moment.
const INTERVAL: Duration = Duration::from_secs(1);

/// The line of a machine that has joined its fleet.
const UP: &str = "[nomad] listening";
/// The line of a kernel that restarts its machine, and the mechanisms in it.
const RESTARTS: &str = "caravan: the machine restarts by";
const ACPI: &str = "ACPI's reset register";
const CHIPSET: &str = "port 0xcf9";

/// A segment with an operator's host.
struct Site {
    segment: Segment,
    party: ThirdParty,
}

impl Site {
    fn new() -> Site {
        let mut segment = Segment::new();
        let mac = MacAddress::local(100);
        let party = ThirdParty::join(&mut segment, "third", "10.77.0.100/24", mac);
        Site { segment, party }
    }

    /// The machine b of the default fleet, at which no domain is at home, if it starts the fleet's image or archive.
    fn machine(&mut self, boot: Boot) -> Options {
        Options::new("reboot", boot)
            .memory_mib(512)
            .uuid(UUID_OF_B)
            .nic(&self.segment.port("reboot"), MacAddress::local(9))
            .reboots()
    }

    /// The same, started by QEMU itself from this archive.
    fn started_by_qemu(&mut self, archive: &str) -> Options {
        let options = self.machine(Boot::Kernel {
            kernel: Artefacts::kernel(),
            archive: Some(Artefacts::archive_named(archive)),
        });
        options.argument("-append").argument("machine=b")
    }

    /// Sends a command; returns the reply, and whether it was executed.
    fn command(&self, node: Node, words: &[&str]) -> (String, bool) {
        let output = send_command(&self.party, node.address(), words);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).trim_end().to_owned();
        (text, output.status.success())
    }

    /// Restarts a machine twice, and checks that each restart is this mechanism's, which is the only one that is tried.
    fn restarts(&self, options: Options, mechanism: &str) {
        let mut machine = options.start();
        for _ in 0..2 {
            machine.expect(UP, LIMIT);
            let (reply, is_done) = self.command(Node::B, &["reboot"]);
            assert_eq!((&*reply, is_done), ("b restarts\ndone", true));
            let tried = machine.expect(RESTARTS, LIMIT);
            assert!(tried.contains(mechanism), "{tried}");
            machine.expect("caravan: root starts", LIMIT);
        }
        machine.expect(UP, LIMIT);
        assert_eq!(machine.log().matches(RESTARTS).count(), 2);
    }
}

#[test]
fn a_machine_with_a_bios_restarts_from_its_stick() {
    let mut site = Site::new();
    let options = site.machine(Boot::StickBios(Artefacts::image()));
    site.restarts(options, ACPI);
}

#[test]
fn a_machine_with_uefi_restarts_from_its_stick() {
    let mut site = Site::new();
    let options = site.machine(Boot::StickUefi(Artefacts::image()));
    site.restarts(options, ACPI);
}

#[test]
fn a_machine_whose_reset_register_is_in_memory_restarts() {
    let mut site = Site::new();
    let options = site.started_by_qemu("console").board(Board::Microvm);
    // The board has no configuration ports, so the machine finds no network card. Its own shell needs none.
    let mut machine = options.start();
    for _ in 0..2 {
        machine.expect(UP, LIMIT);
        machine.type_line("reboot");
        machine.expect("a restarts", LIMIT);
        let tried = machine.expect(RESTARTS, LIMIT);
        assert!(tried.contains(ACPI), "{tried}");
    }
    machine.expect(UP, LIMIT);
    assert_eq!(machine.log().matches(RESTARTS).count(), 2);
}

#[test]
fn a_machine_without_acpi_restarts_by_its_chipset() {
    let mut site = Site::new();
    let options = site.started_by_qemu("fleet");
    let options = options.argument("-machine").argument("acpi=off");
    site.restarts(options, CHIPSET);
}

#[test]
fn the_machines_own_shell_restarts_it_and_a_domain_is_lost_only_if_that_is_forced() {
    let mut site = Site::new();
    let mut machine = site.started_by_qemu("console").start();
    machine.expect(UP, LIMIT);
    // No other machine replies that it does not have the counter, so the operator decides.
    while !site.command(Node::A, &["force", "counter", "run"]).1 {
        sleep(INTERVAL);
    }
    machine.type_line("reboot");
    machine.expect("a restart loses counter: it is running", LIMIT);
    machine.expect("is not restarted: ", LIMIT);
    machine.type_line("reboot --force");
    machine.expect("a restart loses counter: it is running", LIMIT);
    machine.expect(RESTARTS, LIMIT);
    machine.expect(UP, LIMIT);
}
