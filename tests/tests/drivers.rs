//! A driver that ends while its NIC is in use is restarted with the NIC, and clients of a domain behind it notice only a
//! pause.

use std::time::{Duration, Instant};

use harness::fleet::LIMIT;
use harness::machine::{NicModel, Options};
use harness::{Fleet, Machine, Node, prober};

/// The counter's address.
const COUNTER: &str = "10.77.0.20:7000";

/// A virtio NIC's transmit queue, and the size of that queue and of the rings of Intel's cards.
const SEND_QUEUE: u16 = 1;
const QUEUE_SIZE: u16 = 128;

/// How long a driver may take to notice the change to its memory, before the change is repeated.
const SEEN_WITHIN: Duration = Duration::from_secs(5);

const NIC_IS_UP: &str = "[nic0] NIC 52:54:00:ca:7a:02 is up";

/// A NIC that root resets when its driver ends, and memory that the test can write.
fn debuggable(options: Options) -> Options {
    options.behind_root_ports().debuggable()
}

/// A PCI card that its driver polls, and a card without a driver.
fn with_e1000(options: Options) -> Options {
    let unknown = "rtl8139,romfile=,mac=52:54:00:ca:7a:99";
    options
        .nic_model(NicModel::E1000)
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

/// A PCI Express card with MSI, MSI-X and advanced descriptors, which root resets.
fn with_igb(options: Options) -> Options {
    options
        .nic_model(NicModel::Igb)
        .behind_root_ports()
        .debuggable()
}

/// Forges a value in a ring that the card never writes, so that the driver fails. If the card overwrites it first, the forgery
/// is repeated.
fn end_driver(machine: &mut Machine, forge: fn(&mut Machine)) {
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        forge(machine);
        if machine
            .wait_for("nic0 has exception 6", SEEN_WITHIN)
            .is_ok()
        {
            return;
        }
    }
    panic!("the driver does not end");
}

/// A used buffer that the driver never made available.
fn forge_used_buffer(machine: &mut Machine) {
    let mut debugger = machine.debugger();
    let (ring, used) = machine.used_ring(SEND_QUEUE);
    let entry = ring + 4 + 8 * u64::from(used % QUEUE_SIZE);
    let forged = [0xff; 8];
    debugger.write(entry, &forged).expect("QEMU writes");
    let used = used.wrapping_add(1).to_le_bytes();
    debugger.write(ring + 2, &used).expect("QEMU writes");
    debugger.detach().expect("QEMU resumes");
}

/// Received frames that are larger than their buffers: the card's next one, which it may overwrite, and the one after that.
fn forge_received_frames(machine: &mut Machine, second_word: [u8; 8]) {
    let mut debugger = machine.debugger();
    let (ring, head) = machine.receive_ring();
    for index in [head, head + 1] {
        let descriptor = ring + 16 * u64::from(index % QUEUE_SIZE);
        debugger
            .write(descriptor + 8, &second_word)
            .expect("QEMU writes");
    }
    debugger.detach().expect("QEMU resumes");
}

/// Of the legacy layout of Intel's cards.
fn forge_legacy_frames(machine: &mut Machine) {
    forge_received_frames(machine, [0xff, 0xff, 0, 0, 0b11, 0, 0, 0]);
}

/// Of their advanced layout.
fn forge_advanced_frames(machine: &mut Machine) {
    forge_received_frames(machine, [0b11, 0, 0, 0, 0xff, 0xff, 0, 0]);
}

/// Probes the counter at a rate at which the machines are not busy.
fn probe_options() -> prober::Options {
    let mut options = prober::Options::new(COUNTER.parse().expect("an address"));
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
    fleet.await_log(Node::A, "[counter] counter: ready");
    fleet.migrate("counter", Node::A);
    fleet.machine(Node::B).expect(NIC_IS_UP, LIMIT);
    let probe = fleet.party.probe(&probe_options());
    for _ in 0..3 {
        end_driver(fleet.machine(Node::B), forge_used_buffer);
        fleet.machine(Node::B).expect(NIC_IS_UP, LIMIT);
    }
    // A move through the new driver works.
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
    fleet.await_log(Node::A, "the network card 10ec:8139 at 00:");
    restart_under_traffic(&mut fleet, [forge_legacy_frames; 2]);
}

#[test]
fn machines_with_advanced_cards_of_intel_move_a_domain_and_restart_their_drivers_under_traffic() {
    let mut fleet = Fleet::start_changed([with_igb; 2]);
    restart_under_traffic(&mut fleet, [forge_advanced_frames; 2]);
}

/// Moves the counter to the other machine and back, then ends the driver of each machine twice under traffic, each time with a
/// move after it.
fn restart_under_traffic(fleet: &mut Fleet, forges: [fn(&mut Machine); 2]) {
    for node in [Node::A, Node::B] {
        fleet.await_log(node, "[nic0] the link is up, 1000 Mb/s");
    }
    fleet.await_log(Node::A, "[counter] counter: ready");
    let probe = fleet.party.probe(&probe_options());
    fleet.migrate("counter", Node::A);
    fleet.migrate("counter", Node::B);
    for (node, mac, forge) in [
        (Node::A, "52:54:00:ca:7a:01", forges[0]),
        (Node::B, "52:54:00:ca:7a:02", forges[1]),
    ] {
        let is_up = format!("[nic0] NIC {mac} is up");
        fleet.machine(node).expect(&is_up, LIMIT);
        for _ in 0..2 {
            end_driver(fleet.machine(node), forge);
            fleet.machine(node).expect(&is_up, LIMIT);
        }
        // Towards B first, then back.
        fleet.migrate("counter", node);
    }
    assert_undisturbed(&probe.finish());
}
