//! Machines whose manifests have no addresses of others find each other on the wire.

use std::thread::sleep;
use std::time::{Duration, Instant};

use Node::{A, B, C};
use harness::fleet::LIMIT;
use harness::lan_servers::{self, dhcp};
use harness::{Fleet, Node, counter};

/// The interval between queries.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Waits until the machine at this address lists another one at an address that a handshake has proven; returns the list.
fn await_found(fleet: &Fleet, at: &str, other: Node, other_address: &str) -> String {
    let deadline = Instant::now() + LIMIT;
    let expected = [other.name(), other_address, "handshake"];
    loop {
        let list = fleet.command_at(at, &["machines"]);
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
    // The counter's home has queried all machines of the fleet, so it has found them.
    fleet.await_log(A, counter::READY);
    let lists = [(A, B), (B, A)]
        .map(|(by, other)| await_found(&fleet, by.address(), other, other.address()));
    fleet.migrate("counter", A);
    fleet.migrate("counter", B);
    for list in lists {
        assert!(!list.contains(C.address()), "{list}");
        assert!(!list.contains("another machine"), "{list}");
    }
    let log = fleet.log(A) + &fleet.log(B);
    assert!(!log.contains(C.address()), "{log}");
}

/// The server of the lab is silent until the machines are up.
#[test]
fn a_machine_with_a_lease_is_found_and_domains_move_there_and_back() {
    let mut fleet = Fleet::boot_as(&["found-a", "found-dhcp"]);
    fleet.await_up();
    fleet.await_log(B, "waiting for an address from a DHCP server");
    let _servers = lan_servers::start(&fleet.party);
    let leased = dhcp::LEASED.0.to_string();
    fleet.await_log(B, &format!("[nomad] this machine has the address {leased}"));
    await_found(&fleet, A.address(), B, &leased);
    await_found(&fleet, &leased, A, A.address());
    fleet.await_log(A, counter::READY);
    fleet.migrate("counter", A);
    let reply = fleet.command_at(&leased, &["migrate", "counter", A.name()]);
    assert!(reply.ends_with("done"), "{reply}");
    let list = fleet.command(A, &["list"]);
    assert!(list.contains("counter"), "{list}");
}
