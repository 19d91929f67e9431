//! A driver that ends while its NIC is in use is restarted with the NIC, and clients of a domain behind it notice only a
//! pause.

use harness::cards::forgery::{end_driver, forge_available_buffers, forge_used_buffer};
use harness::cards::{
    self, Card, assert_undisturbed, move_store_under_load, probe_options, replug,
};
use harness::fleet::{LIMIT, OptionsChange};
use harness::machine::{NicModel, Options};
use harness::repeat::variable;
use harness::{Fleet, Node, counter};

const NIC_IS_UP: &str = "[nic0] NIC 52:54:00:ca:7a:02 is up";

/// A card without a driver.
fn with_unknown_card(options: Options) -> Options {
    let unknown = "ne2k_pci,romfile=,mac=52:54:00:ca:7a:99";
    options.argument("-device").argument(unknown)
}

/// Eight cards. The one with the wire is behind a root port. On bus 0 are the six [`UNWIRED`] cards, and one that has no driver.
fn with_many_nics(options: Options) -> Options {
    let further = UNWIRED.iter().map(|(_, device)| *device);
    let options = options.nic_model(NicModel::Igb).behind_root_ports();
    (1..)
        .zip(further.chain(["ne2k_pci"]))
        .fold(options, |options, (number, device)| {
            let device = format!("{device},romfile=,mac=52:54:00:ca:7b:{number:02}");
            options.argument("-device").argument(device)
        })
}

/// Cards without a wire, by index: the driver's program, and QEMU's device. The last byte of a card's address is its index plus
/// one. This virtio card has no messages, so it is polled.
const UNWIRED: [(&str, &str); 6] = [
    ("igb", "igb"),
    ("e1000", "e1000"),
    ("e1000", "e1000e"),
    ("realtek", "rtl8139"),
    ("vmxnet3", "vmxnet3"),
    ("virtio-net", "virtio-net-pci,disable-legacy=on,vectors=0"),
];

/// How often a test moves the store there and back: as `CARAVAN_CARD_MOVES` states, or once.
fn times() -> usize {
    variable("CARAVAN_CARD_MOVES").unwrap_or(1)
}

/// Moves domains through the cards of two machines, whose drivers end.
fn restart_under_traffic(fleet: &mut Fleet, cards: [Card; 2]) {
    cards::restart_under_traffic(fleet, cards, counter::USUAL, times());
}

#[test]
fn a_driver_that_ends_is_restarted_with_its_nic_and_connections_survive() {
    let mut fleet = Fleet::start_with_other("machine-b", cards::VIRTIO.change);
    fleet.await_log(Node::A, counter::READY);
    fleet.migrate("counter", Node::A);
    fleet.machine(Node::B).expect(NIC_IS_UP, LIMIT);
    let probe = fleet.party.probe(&probe_options(counter::USUAL));
    for _ in 0..3 {
        end_driver(fleet.machine(Node::B), forge_used_buffer);
        fleet.machine(Node::B).expect(NIC_IS_UP, LIMIT);
    }
    // Moves through the new driver work.
    fleet.migrate("counter", Node::B);
    move_store_under_load(&mut fleet, times());
    assert_undisturbed(&probe.finish());
}

#[test]
fn a_nic_that_asks_for_a_reset_gets_one_and_its_link_is_reported() {
    let mut fleet = Fleet::start_with_other("machine-b", cards::VIRTIO.change);
    fleet.await_log(Node::A, counter::READY);
    fleet.await_log(Node::B, "[nic0] the link is up");
    let probe = fleet.party.probe(&probe_options(counter::USUAL));
    replug(&mut fleet, Node::B);
    fleet.migrate("counter", Node::A);
    replug(&mut fleet, Node::B);
    end_driver(fleet.machine(Node::B), forge_available_buffers);
    let log = fleet.log(Node::B);
    assert!(log.contains("[nic0] panicked"), "{log}");
    assert!(log.contains("the NIC needs a reset"), "{log}");
    fleet.machine(Node::B).expect(NIC_IS_UP, LIMIT);
    fleet.migrate("counter", Node::B);
    assert_undisturbed(&probe.finish());
}

#[test]
fn machines_with_cards_of_intel_move_a_domain_and_restart_their_drivers_under_traffic() {
    let with_e1000: OptionsChange = |it| with_unknown_card((cards::E1000.change)(it));
    let mut fleet = Fleet::start_changed([with_e1000, cards::E1000E.change]);
    fleet.await_log(
        Node::A,
        "it has no message-signalled interrupt, and is polled",
    );
    fleet.await_log(Node::A, "the network card 10ec:8029 (Ethernet) at 00:");
    fleet.await_log(Node::A, "network card 0 is 8086:100e at 02:");
    restart_under_traffic(&mut fleet, [cards::E1000, cards::E1000E]);
}

#[test]
fn machines_with_advanced_cards_of_intel_move_a_domain_and_restart_their_drivers_under_traffic() {
    let mut fleet = Fleet::start_changed([cards::IGB.change; 2]);
    restart_under_traffic(&mut fleet, [cards::IGB; 2]);
}

#[test]
fn machines_with_cards_of_realtek_move_a_domain_and_restart_their_drivers_under_traffic() {
    let bridged: OptionsChange = |it| (cards::RTL8139.change)(it).behind_bridges();
    let mut fleet = Fleet::start_changed([cards::RTL8139.change, bridged]);
    fleet.await_log(
        Node::A,
        "it has no message-signalled interrupt, and is polled",
    );
    fleet.await_log(Node::A, "network card 0 is 10ec:8139 at 00:");
    fleet.await_log(Node::B, "network card 0 is 10ec:8139 at 02:");
    restart_under_traffic(&mut fleet, [cards::RTL8139; 2]);
}

/// The second card is behind a further root bus.
#[test]
fn machines_with_cards_of_vmware_move_a_domain_and_restart_their_drivers_under_traffic() {
    let far: OptionsChange = |it| (cards::VMXNET3.change)(it).behind_root_buses();
    let mut fleet = Fleet::start_changed([cards::VMXNET3.change, far]);
    fleet.await_log(Node::B, "bus 40 is a further root bus, with 2 functions");
    fleet.await_log(Node::B, "network card 0 is 15ad:07b0 at 41:00.0");
    restart_under_traffic(&mut fleet, [cards::VMXNET3; 2]);
}

#[test]
fn a_machine_drives_many_cards_two_of_them_the_same_and_names_one_without_a_driver() {
    let mut fleet = Fleet::start_with_other("cards-b", with_many_nics);
    for (index, (image, _)) in UNWIRED.iter().enumerate() {
        let number = index + 1;
        let is_up = format!("[nic{index}] NIC 52:54:00:ca:7b:{number:02} is up");
        fleet.await_log(Node::B, &is_up);
        let log = fleet.log(Node::B);
        let found = format!("network card {index} is ");
        let line = log.lines().find(|line| line.contains(&found));
        let is_for = line.is_some_and(|line| line.trim_end().ends_with(&format!(", for {image}")));
        assert!(is_for, "{log}");
    }
    let polled = "[nic5] it has no message-signalled interrupt, and is polled";
    fleet.await_log(Node::B, polled);
    fleet.await_log(Node::B, "[nic6] NIC 52:54:00:ca:7a:02 is up");
    fleet.await_log(Node::B, "the network card 10ec:8029 (Ethernet) at 00:");
    let log = fleet.log(Node::B);
    let last = "network card 6 is 8086:10c9 at 01:00.0, for igb";
    assert!(log.contains(last), "{log}");
    // Its migration server is reached through the last card.
    fleet.list(Node::B);
}
