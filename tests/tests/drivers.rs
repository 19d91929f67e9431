//! A driver that ends while its NIC is in use is restarted with the NIC, and clients of a domain behind it notice only a
//! pause.

use std::time::{Duration, Instant};

use harness::fleet::LIMIT;
use harness::machine::{NicModel, Options};
use harness::{Fleet, Machine, Node, counter, prober};

/// A virtio NIC's queues, and the size of those queues and of the rings of Intel's cards.
const RECEIVE_QUEUE: u16 = 0;
const SEND_QUEUE: u16 = 1;
const QUEUE_SIZE: u16 = 128;
/// The size of the rings of Realtek's cards.
const REALTEK_QUEUE_SIZE: u64 = 64;

/// How long a driver may take to notice the change to its memory, before the change is repeated.
const SEEN_WITHIN: Duration = Duration::from_secs(5);

const NIC_IS_UP: &str = "[nic0] NIC 52:54:00:ca:7a:02 is up";

/// A NIC that root resets when its driver ends, and memory that the test can write.
fn debuggable(options: Options) -> Options {
    options.behind_root_ports().debuggable()
}

/// A PCI card that its driver polls, and a card without a driver.
fn with_e1000(options: Options) -> Options {
    let unknown = "ne2k_pci,romfile=,mac=52:54:00:ca:7a:99";
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

/// A PCI card that its driver polls, with registers that are smaller than a page.
fn with_rtl8139(options: Options) -> Options {
    options.nic_model(NicModel::Rtl8139).debuggable()
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
/// one.
const UNWIRED: [(&str, &str); 6] = [
    ("igb", "igb"),
    ("e1000", "e1000"),
    ("e1000", "e1000e"),
    ("realtek", "rtl8139"),
    ("vmxnet3", "vmxnet3"),
    ("virtio-net", "virtio-net-pci,disable-legacy=on"),
];

/// Writes a value into a ring that the card itself would never write, so that the driver fails. If the card overwrites it first,
/// this is repeated.
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

/// Forges a used buffer that the driver never made available.
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

/// Forges available buffers that do not exist, an error for which the NIC itself asks for a reset once it receives a frame.
fn forge_available_buffers(machine: &mut Machine) {
    let mut debugger = machine.debugger();
    let entries = machine.available_ring(RECEIVE_QUEUE) + 4;
    let forged = [0xff; 2 * QUEUE_SIZE as usize];
    debugger.write(entries, &forged).expect("QEMU writes");
    debugger.detach().expect("QEMU resumes");
}

/// Forges received frames that are larger than their buffers: the card's next frame, which it may overwrite, and the one after it.
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

/// Forges such frames in the legacy layout of Intel's cards.
fn forge_legacy_frames(machine: &mut Machine) {
    forge_received_frames(machine, [0xff, 0xff, 0, 0, 0b11, 0, 0, 0]);
}

/// Forges such frames in the advanced layout of Intel's cards.
fn forge_advanced_frames(machine: &mut Machine) {
    forge_received_frames(machine, [0b11, 0, 0, 0, 0xff, 0xff, 0, 0]);
}

/// Forges such frames in Realtek's layout, in all descriptors: the card does not report its position while it has no descriptor.
fn forge_realtek_frames(machine: &mut Machine) {
    let mut debugger = machine.debugger();
    let ring = machine.nic_register(1, 0xe4);
    for index in 0..REALTEK_QUEUE_SIZE {
        let forged = 0x3000_1fff_u32.to_le_bytes();
        debugger
            .write(ring + 16 * index, &forged)
            .expect("QEMU writes");
    }
    debugger.detach().expect("QEMU resumes");
}

/// Forges the event that a vmxnet3 has stopped a queue, in the memory that it shares with its driver. Such memory of earlier drivers
/// is changed, too.
fn forge_stopped_queue(machine: &mut Machine) {
    const MAGIC: u32 = 0xbabe_fee1;
    const EVENTS: u64 = 696;
    let mut debugger = machine.debugger();
    for page in machine.pages_that_begin_with(&MAGIC.to_le_bytes()) {
        debugger
            .write(page + EVENTS, &[1, 0, 0, 0])
            .expect("QEMU writes");
    }
    debugger.detach().expect("QEMU resumes");
}

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
    // A move through the new driver works.
    fleet.migrate("counter", Node::B);
    assert_undisturbed(&probe.finish());
}

#[test]
fn a_nic_that_asks_for_a_reset_gets_one_and_its_link_is_reported() {
    let mut fleet = Fleet::start_with_other("machine-b", debuggable);
    fleet.await_log(Node::A, counter::READY);
    fleet.await_log(Node::B, "[nic0] the link is up");
    let machine = fleet.machine(Node::B);
    machine.skip_log();
    for (is_up, line) in [(false, "the link is down"), (true, "the link is up")] {
        machine.set_link(is_up);
        machine.expect(&format!("[nic0] {line}"), LIMIT);
    }
    fleet.migrate("counter", Node::A);
    let probe = fleet.party.probe(&probe_options());
    fleet.machine(Node::B).skip_log();
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
    let mut fleet = Fleet::start_changed([with_rtl8139; 2]);
    fleet.await_log(
        Node::A,
        "it has no message-signalled interrupt, and is polled",
    );
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
    fleet.await_log(Node::B, "[nic6] NIC 52:54:00:ca:7a:02 is up");
    fleet.await_log(Node::B, "the network card 10ec:8029 (Ethernet) at 00:");
    let log = fleet.log(Node::B);
    let last = "network card 6 is 8086:10c9 at 01:00.0, for igb";
    assert!(log.contains(last), "{log}");
    // Its migration server is reached through the last card.
    fleet.list(Node::B);
}

/// Moves the counter to the other machine and back, then ends the driver of each machine twice under traffic, each time with a
/// move after it.
fn restart_under_traffic(fleet: &mut Fleet, nics: [Nic; 2]) {
    for (node, nic) in [Node::A, Node::B].into_iter().zip(&nics) {
        let speed = nic.megabits_per_second;
        fleet.await_log(node, &format!("[nic0] the link is up, {speed} Mb/s"));
    }
    fleet.await_log(Node::A, counter::READY);
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
        // Towards B first, then back.
        fleet.migrate("counter", node);
    }
    assert_undisturbed(&probe.finish());
}
