//! A driver ends while its NIC is in use: it is restarted with the NIC, and clients of a domain behind it notice only a
//! pause.

use std::time::{Duration, Instant};

use harness::fleet::LIMIT;
use harness::machine::Options;
use harness::{Fleet, Machine, Node, prober};

/// The counter's address.
const COUNTER: &str = "10.77.0.20:7000";

/// A NIC's transmit queue, and its size.
const SEND_QUEUE: u16 = 1;
const QUEUE_SIZE: u16 = 128;

/// How long a driver may take to notice the change to its memory, before the change is repeated.
const SEEN_WITHIN: Duration = Duration::from_secs(5);

const NIC_IS_UP: &str = "[nic0] NIC 52:54:00:ca:7a:02 is up";

/// A NIC that root resets when its driver ends, and memory that the test can write.
fn debuggable(options: Options) -> Options {
    options.behind_root_ports().debuggable()
}

/// Forges a used buffer that the driver never made available, so that the driver fails. The NIC may overwrite it first:
/// then it is repeated.
fn end_driver(machine: &mut Machine) {
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        let mut debugger = machine.debugger();
        let (ring, used) = machine.used_ring(SEND_QUEUE);
        let entry = ring + 4 + 8 * u64::from(used % QUEUE_SIZE);
        let forged = [0xff; 8];
        debugger.write(entry, &forged).expect("QEMU writes");
        let used = used.wrapping_add(1).to_le_bytes();
        debugger.write(ring + 2, &used).expect("QEMU writes");
        debugger.detach().expect("QEMU resumes");
        if machine
            .wait_for("nic0 has exception 6", SEEN_WITHIN)
            .is_ok()
        {
            return;
        }
    }
    panic!("the driver does not end");
}

#[test]
fn a_driver_that_ends_is_restarted_with_its_nic_and_connections_survive() {
    let mut fleet = Fleet::start_with_other("machine-b", debuggable);
    fleet.await_log(Node::A, "[counter] counter: ready");
    fleet.migrate("counter", Node::A);
    fleet.machine(Node::B).expect(NIC_IS_UP, LIMIT);
    let mut options = prober::Options::new(COUNTER.parse().expect("an address"));
    options.udp_interval = Duration::from_millis(50);
    options.tcp_interval = Duration::from_millis(50);
    let probe = fleet.party.probe(&options);
    for _ in 0..3 {
        end_driver(fleet.machine(Node::B));
        fleet.machine(Node::B).expect(NIC_IS_UP, LIMIT);
    }
    // A move through the new driver works.
    fleet.migrate("counter", Node::B);
    let summary = probe.finish().summary;
    assert_eq!(summary.error_count(), 0, "{summary}");
    assert!(summary.tcp_survived, "{summary}");
    assert_eq!(summary.tcp.answered, summary.tcp.asked, "{summary}");
}
