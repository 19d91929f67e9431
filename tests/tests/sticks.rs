//! One image for a whole fleet: each machine finds its own part in it, and a machine that the fleet does not name is a guest.

use std::time::Duration;

use harness::fleet::{LIMIT, UUID_OF_B};
use harness::machine::{Boot, NicModel, Options};
use harness::{Artefacts, Fleet, MacAddress, Machine, Node, Segment, counter};

/// A machine that QEMU itself starts from the fleet's archive, with a network card that has this address, and these words on
/// the kernel's command line.
fn machine(segment: &mut Segment, model: NicModel, mac: MacAddress, words: &str) -> Machine {
    let boot = Boot::Kernel {
        kernel: Artefacts::kernel(),
        archive: Some(Artefacts::archive_named("fleet")),
    };
    let options = Options::new("member", boot).memory_mib(512);
    let options = options.nic(&segment.port("member"), mac).nic_model(model);
    options.argument("-append").argument(words).start()
}

/// The first line of a machine's log with a text, for a machine with these marks.
fn line_of(model: NicModel, mac: MacAddress, words: &str, text: &str) -> String {
    let mut segment = Segment::new();
    machine(&mut segment, model, mac, words).expect(text, LIMIT)
}

#[test]
fn two_pcs_start_from_one_stick_and_move_a_domain() {
    let mut fleet = Fleet::start_sticks();
    fleet.await_log(
        Node::A,
        "machine a of the fleet, by its network card 52:54:00:ca:7a:01",
    );
    fleet.await_log(
        Node::B,
        &format!("machine b of the fleet, by its UUID {UUID_OF_B}"),
    );
    fleet.await_log(Node::A, counter::READY);
    let mut options = counter::options(counter::LARGE);
    options.udp_interval = Duration::from_millis(50);
    options.tcp_interval = Duration::from_millis(50);
    let probe = fleet.party.probe(&options);
    fleet.migrate("counter", Node::A);
    fleet.migrate("counter", Node::B);
    let summary = probe.finish().summary;
    assert_eq!(summary.error_count(), 0, "{summary}");
    assert!(summary.tcp_survived, "{summary}");
}

#[test]
fn a_machine_is_recognised_by_every_kind_of_card() {
    let models = [
        NicModel::Virtio,
        NicModel::E1000,
        NicModel::Igb,
        NicModel::Rtl8139,
        NicModel::Vmxnet3,
    ];
    for model in models {
        line_of(
            model,
            Node::A.nic(),
            "",
            "machine a of the fleet, by its network card",
        );
    }
}

#[test]
fn the_name_on_the_command_line_decides_and_a_contradiction_is_logged() {
    let line = line_of(
        NicModel::Virtio,
        Node::A.nic(),
        "machine=b",
        "this would be the machine a",
    );
    assert!(line.contains("it starts as b"), "{line}");
}

#[test]
fn a_machine_that_the_fleet_does_not_name_is_a_guest() {
    let stranger = MacAddress::local(9);
    let line = line_of(NicModel::Virtio, stranger, "", "is a guest of the fleet");
    assert!(line.contains("guest-525400ca7a09"), "{line}");
    assert!(
        line.contains("the network card 52:54:00:ca:7a:09"),
        "{line}"
    );
    line_of(
        NicModel::Virtio,
        Node::A.nic(),
        "machine=c",
        "the fleet has no machine c",
    );
}
