//! Machines whose manifests have no addresses of others find each other on the wire.

use std::thread::sleep;
use std::time::{Duration, Instant};

use Node::{A, B, C};
use harness::fleet::LIMIT;
use harness::{Fleet, Node};

/// The interval between queries.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Waits until a machine lists another one at an address that a handshake has proven; returns the list.
fn await_found(fleet: &Fleet, by: Node, other: Node) -> String {
    let deadline = Instant::now() + LIMIT;
    let expected = [other.name(), other.address(), "handshake"];
    loop {
        let list = fleet.command(by, &["machines"]);
        let mut rows = list.lines().map(str::split_whitespace);
        if rows.any(|row| row.take(3).eq(expected)) {
            return list;
        }
        assert!(Instant::now() < deadline, "{other:?} is not in {list}");
        sleep(POLL_INTERVAL);
    }
}

/// Two machines of one fleet, and one of another fleet with the name of one of them.
#[test]
fn machines_find_each_other_and_move_a_domain_and_a_stranger_is_not_listed() {
    let mut fleet = Fleet::start_as(&["found-a", "found-b", "found-stranger"]);
    // Its home has asked all machines of the fleet, so it has found them.
    fleet.await_log(A, "[counter] counter: ready");
    let lists = [await_found(&fleet, A, B), await_found(&fleet, B, A)];
    fleet.migrate("counter", A);
    fleet.migrate("counter", B);
    for list in lists {
        assert!(!list.contains(C.address()), "{list}");
        assert!(!list.contains("another machine"), "{list}");
    }
    let log = fleet.log(A) + &fleet.log(B);
    assert!(!log.contains(C.address()), "{log}");
}
