//! A driver ends while its card works: it is started again with the card, and who talks to a domain through it notices a
//! pause.

use std::time::{Duration, Instant};

use harness::fleet::LIMIT;
use harness::machine::Options;
use harness::{Fleet, Machine, Node, prober};

/// Where the counter answers.
const COUNTER: &str = "10.77.0.20:7000";

/// The queue of a network card that frames go out by, and how many buffers the driver gives it.
const SEND_QUEUE: u16 = 1;
const QUEUE_SIZE: u16 = 128;

/// How long it may take until a driver sees what was done to its memory, before that is done again.
const SEEN_WITHIN: Duration = Duration::from_secs(5);

const CARD_IS_UP: &str = "[nic0] NIC 52:54:00:ca:7a:02 is up";

/// A card that root resets when its driver ends, and memory that the test can reach.
fn shape(options: Options) -> Options {
    options.behind_root_ports().debuggable()
}

/// Has the card use a buffer that no driver gave it, so that the driver gives up. The card itself may write over that
/// first: then once more.
fn end_driver(machine: &mut Machine) {
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        let mut debugger = machine.debugger();
        let (ring, used) = machine.used_ring(SEND_QUEUE);
        let entry = ring + 4 + 8 * u64::from(used % QUEUE_SIZE);
        let lie = [0xff; 8];
        debugger.write(entry, &lie).expect("QEMU writes");
        let used = used.wrapping_add(1).to_le_bytes();
        debugger.write(ring + 2, &used).expect("QEMU writes");
        debugger.detach().expect("QEMU goes on");
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
fn a_driver_that_ends_is_started_again_with_its_card_and_connections_live() {
    let mut fleet = Fleet::start_with_other("machine-b", shape);
    fleet.await_log(Node::A, "[counter] counter: ready");
    fleet.migrate("counter", Node::A);
    fleet.machine(Node::B).expect(CARD_IS_UP, LIMIT);
    let mut options = prober::Options::new(COUNTER.parse().expect("an address"));
    options.udp_interval = Duration::from_millis(50);
    options.tcp_interval = Duration::from_millis(50);
    let probe = fleet.party.probe(&options);
    for _ in 0..3 {
        end_driver(fleet.machine(Node::B));
        fleet.machine(Node::B).expect(CARD_IS_UP, LIMIT);
    }
    // Through the new driver goes what a move takes.
    fleet.migrate("counter", Node::B);
    let summary = probe.finish().summary;
    assert_eq!(summary.error_count(), 0, "{summary}");
    assert!(summary.tcp_survived, "{summary}");
    assert_eq!(summary.tcp.answered, summary.tcp.asked, "{summary}");
}
