//! A driver that ends while its NIC is in use is restarted with the NIC, and clients of a domain behind it notice only a
//! pause.

mod forgery;

use std::time::Duration;

use forgery::*;
use harness::fleet::LIMIT;
use harness::machine::{NicModel, Options};
use harness::redis_benchmark::Load;
use harness::repeat::variable;
use harness::{Fleet, Machine, Node, counter, prober, store};

/// The clients of the store while it moves.
const LOAD: &str = "-c 5 -n 1000 -r 100 -d 100 -t set,get";

const NIC_IS_UP: &str = "[nic0] NIC 52:54:00:ca:7a:02 is up";

/// A NIC that root resets when its driver ends, and memory that the test can write.
fn debuggable(options: Options) -> Options {
    options.behind_root_ports().debuggable()
}

/// A PCI card behind a bridge that its driver polls, and a card without a driver.
fn with_e1000(options: Options) -> Options {
    let unknown = "ne2k_pci,romfile=,mac=52:54:00:ca:7a:99";
    options
        .nic_model(NicModel::E1000)
        .behind_bridges()
        .debuggable()
        .argument("-device")
        .argument(unknown)
}

/// A PCI Express card with MSI, which root resets.
fn with_e1000e(options: Options) -> Options {
    options
        .nic_model(NicModel::E1000e)
        .behind_root_ports()
        .debuggable()
}

/// A PCI card that its driver polls, with registers that are smaller than a page.
fn with_rtl8139(options: Options) -> Options {
    options.nic_model(NicModel::Rtl8139).debuggable()
}

/// The same card behind a bridge.
fn with_bridged_rtl8139(options: Options) -> Options {
    with_rtl8139(options).behind_bridges()
}

/// A virtual PCI Express card with MSI, which root resets.
fn with_vmxnet3(options: Options) -> Options {
    options
        .nic_model(NicModel::Vmxnet3)
        .behind_root_ports()
        .debuggable()
}

/// A PCI Express card with MSI, MSI-X and advanced descriptors, which root resets.
fn with_igb(options: Options) -> Options {
    options
        .nic_model(NicModel::Igb)
        .behind_root_ports()
        .debuggable()
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

/// A kind of card in a test: its link's speed, and the forgery that ends its driver.
struct Nic {
    megabits_per_second: u32,
    forge: fn(&mut Machine),
}

/// Probes the counter at a rate at which the machines are not busy.
fn probe_options() -> prober::Options {
    let mut options = counter::options(counter::USUAL);
    options.udp_interval = Duration::from_millis(50);
    options.tcp_interval = Duration::from_millis(50);
    options
}

/// Checks that no reply was wrong, and that the one connection survived.
fn assert_undisturbed(report: &prober::Report) {
    let summary = &report.summary;
    assert_eq!(summary.error_count(), 0, "{summary}");
    assert!(summary.tcp_survived, "{summary}");
    assert_eq!(summary.tcp.replies, summary.tcp.requests, "{summary}");
}

#[test]
fn a_driver_that_ends_is_restarted_with_its_nic_and_connections_survive() {
    let mut fleet = Fleet::start_with_other("machine-b", debuggable);
    fleet.await_log(Node::A, counter::READY);
    fleet.migrate("counter", Node::A);
    fleet.machine(Node::B).expect(NIC_IS_UP, LIMIT);
    let probe = fleet.party.probe(&probe_options());
    for _ in 0..3 {
        end_driver(fleet.machine(Node::B), forge_used_buffer);
        fleet.machine(Node::B).expect(NIC_IS_UP, LIMIT);
    }
    // Moves through the new driver work.
    fleet.migrate("counter", Node::B);
    move_store_under_load(&mut fleet);
    assert_undisturbed(&probe.finish());
}

#[test]
fn a_nic_that_asks_for_a_reset_gets_one_and_its_link_is_reported() {
    let mut fleet = Fleet::start_with_other("machine-b", debuggable);
    fleet.await_log(Node::A, counter::READY);
    fleet.await_log(Node::B, "[nic0] the link is up");
    let probe = fleet.party.probe(&probe_options());
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
    let mut fleet = Fleet::start_changed([with_e1000, with_e1000e]);
    fleet.await_log(
        Node::A,
        "it has no message-signalled interrupt, and is polled",
    );
    fleet.await_log(Node::A, "the network card 10ec:8029 (Ethernet) at 00:");
    fleet.await_log(Node::A, "network card 0 is 8086:100e at 02:");
    let nic = |_| Nic {
        megabits_per_second: 1000,
        forge: forge_legacy_frames,
    };
    restart_under_traffic(&mut fleet, [0, 1].map(nic));
}

#[test]
fn machines_with_advanced_cards_of_intel_move_a_domain_and_restart_their_drivers_under_traffic() {
    let mut fleet = Fleet::start_changed([with_igb; 2]);
    let nic = |_| Nic {
        megabits_per_second: 1000,
        forge: forge_advanced_frames,
    };
    restart_under_traffic(&mut fleet, [0, 1].map(nic));
}

#[test]
fn machines_with_cards_of_realtek_move_a_domain_and_restart_their_drivers_under_traffic() {
    let mut fleet = Fleet::start_changed([with_rtl8139, with_bridged_rtl8139]);
    fleet.await_log(
        Node::A,
        "it has no message-signalled interrupt, and is polled",
    );
    fleet.await_log(Node::A, "network card 0 is 10ec:8139 at 00:");
    fleet.await_log(Node::B, "network card 0 is 10ec:8139 at 02:");
    let nic = |_| Nic {
        megabits_per_second: 100,
        forge: forge_realtek_frames,
    };
    restart_under_traffic(&mut fleet, [0, 1].map(nic));
}

#[test]
fn machines_with_cards_of_vmware_move_a_domain_and_restart_their_drivers_under_traffic() {
    let mut fleet = Fleet::start_changed([with_vmxnet3; 2]);
    let nic = |_| Nic {
        megabits_per_second: 1000,
        forge: forge_stopped_queue,
    };
    restart_under_traffic(&mut fleet, [0, 1].map(nic));
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

/// Plugs the cable of a machine's card out and in again.
fn replug(fleet: &mut Fleet, node: Node) {
    let machine = fleet.machine(node);
    machine.skip_log();
    for (is_up, line) in [(false, "the link is down"), (true, "the link is up")] {
        machine.set_link(is_up);
        machine.expect(&format!("[nic0] {line}"), LIMIT);
    }
}

/// Moves the store to B and back while clients use it, as often as `CARAVAN_CARD_MOVES` states: once, if it is not set.
fn move_store_under_load(fleet: &mut Fleet) {
    let times: usize = variable("CARAVAN_CARD_MOVES").unwrap_or(1);
    fleet.await_log(Node::A, store::READY);
    let host = store::IP.to_string();
    let mut load = Load::start(&fleet.party, &host, store::PORT, LOAD);
    let mut pauses_us = Vec::new();
    for from in [Node::A, Node::B].into_iter().cycle().take(2 * times) {
        pauses_us.push(fleet.migrate("kv", from).freeze_to_release_us);
        load.await_rows(1);
    }
    let results = load.finish();
    assert!(results.len() > 2 * times, "{results:?}");
    pauses_us.sort_unstable();
    let (median, longest) = (pauses_us[times], pauses_us[2 * times - 1]);
    println!(
        "{} moves of the store under load: pauses of {median} us (median) to {longest} us, {} tests of redis-benchmark",
        pauses_us.len(),
        results.len()
    );
}

/// Moves the store under load. Moves the counter to the other machine and back, then ends the driver of each machine twice under
/// traffic and interrupts its link, each time with a move after it.
fn restart_under_traffic(fleet: &mut Fleet, nics: [Nic; 2]) {
    for (node, nic) in [Node::A, Node::B].into_iter().zip(&nics) {
        let speed = nic.megabits_per_second;
        fleet.await_log(node, &format!("[nic0] the link is up, {speed} Mb/s"));
    }
    fleet.await_log(Node::A, counter::READY);
    move_store_under_load(fleet);
    let probe = fleet.party.probe(&probe_options());
    fleet.migrate("counter", Node::A);
    fleet.migrate("counter", Node::B);
    for (node, mac, nic) in [
        (Node::A, "52:54:00:ca:7a:01", &nics[0]),
        (Node::B, "52:54:00:ca:7a:02", &nics[1]),
    ] {
        let is_up = format!("[nic0] NIC {mac} is up");
        fleet.machine(node).expect(&is_up, LIMIT);
        for _ in 0..2 {
            end_driver(fleet.machine(node), nic.forge);
            fleet.machine(node).expect(&is_up, LIMIT);
        }
        // A new driver starts without a link. Until it has one, a cable that is plugged out changes nothing.
        fleet.machine(node).expect("[nic0] the link is up", LIMIT);
        replug(fleet, node);
        // Towards B first, then back.
        fleet.migrate("counter", node);
    }
    assert_undisturbed(&probe.finish());
}
