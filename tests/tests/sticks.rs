//! One image for a whole fleet: each machine finds its own part in it, and a machine that the fleet does not name is a guest.
//!
//! Two PCs start from one stick, find each other, and move a store under load. The tests at the end do this for each network card
//! of QEMU under each firmware, also end the drivers, and take long. So they run only if `CARAVAN_CARD_MOVES` sets a number of moves there
//! and back, as a long run does.

use harness::cards::{self, Card, move_store_under_load, restart_under_traffic};
use harness::fleet::{Firmware, LIMIT, OptionsChange, UUID_OF_B};
use harness::machine::{Boot, NicModel, Options};
use harness::repeat::variable;
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

/// Starts two PCs with these cards from one stick, and waits until each has recognised itself and found the other one.
fn start(firmware: Firmware, cards: [Card; 2]) -> Fleet {
    let mut fleet = Fleet::start_sticks_under(firmware, cards.map(|card| card.change));
    fleet.await_log(
        Node::A,
        "machine a of the fleet, by its network card 52:54:00:ca:7a:01",
    );
    fleet.await_log(
        Node::B,
        &format!("machine b of the fleet, by its UUID {UUID_OF_B}"),
    );
    for (by, other) in [(Node::A, Node::B), (Node::B, Node::A)] {
        fleet.await_found(by.address(), other, other.address());
    }
    fleet
}

#[test]
fn two_pcs_start_from_one_stick_and_move_a_store() {
    let mut fleet = start(Firmware::Bios, [cards::E1000E, cards::IGB]);
    move_store_under_load(&mut fleet, 1);
}

/// One card is behind a further root bus.
#[test]
fn two_pcs_start_from_one_stick_under_uefi_and_move_a_store() {
    let far: OptionsChange = |it| (cards::VMXNET3.change)(it).behind_root_buses();
    let far = Card {
        change: far,
        ..cards::VMXNET3
    };
    let mut fleet = start(Firmware::Uefi, [cards::VIRTIO, far]);
    fleet.await_log(Node::B, "bus 40 is a further root bus, with 2 functions");
    move_store_under_load(&mut fleet, 1);
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

const VIRTUAL: [Card; 2] = [cards::VIRTIO, cards::VMXNET3];
const LEGACY: [Card; 2] = [cards::E1000, cards::RTL8139];
const EXPRESS: [Card; 2] = [cards::E1000E, cards::IGB];

/// Two PCs with these cards start from one stick under this firmware. They move a store under load as often as `CARAVAN_CARD_MOVES`
/// states; then their cables are plugged out and in, and their drivers end.
fn use_cards(firmware: Firmware, cards: [Card; 2]) {
    let Some(times) = variable("CARAVAN_CARD_MOVES") else {
        return println!("not run: CARAVAN_CARD_MOVES is not set");
    };
    let mut fleet = start(firmware, cards);
    restart_under_traffic(&mut fleet, cards, counter::LARGE, times);
}

#[test]
fn virtual_cards_of_pcs_from_a_stick_under_a_bios() {
    use_cards(Firmware::Bios, VIRTUAL);
}

#[test]
fn virtual_cards_of_pcs_from_a_stick_under_uefi() {
    use_cards(Firmware::Uefi, VIRTUAL);
}

#[test]
fn legacy_cards_of_pcs_from_a_stick_under_a_bios() {
    use_cards(Firmware::Bios, LEGACY);
}

#[test]
fn legacy_cards_of_pcs_from_a_stick_under_uefi() {
    use_cards(Firmware::Uefi, LEGACY);
}

#[test]
fn express_cards_of_pcs_from_a_stick_under_a_bios() {
    use_cards(Firmware::Bios, EXPRESS);
}

#[test]
fn express_cards_of_pcs_from_a_stick_under_uefi() {
    use_cards(Firmware::Uefi, EXPRESS);
}
