//! Machines whose manifests have no addresses of others find each other on the wire.

use std::time::Duration;

use Node::{A, B, C};
use harness::fleet::LIMIT;
use harness::frame;
use harness::lan_servers::{self, Lease, dhcp};
use harness::neighbours::{HOSTS, Neighbours};
use harness::repeat::fresh_seed;
use harness::{Fleet, Node, counter};

/// A delay that is longer than a DHCP client waits for the reply to its first request.
const SLOW: Duration = Duration::from_secs(6);
/// The server's line about its second reply to a request for the address.
const REPEATED: &str = "dhcp Lease 2";

/// Two machines of one fleet, and one of another fleet with the name of one of them.
#[test]
fn machines_find_each_other_and_move_a_domain_and_a_stranger_is_not_listed() {
    let mut fleet = Fleet::start_as(&["found-a", "found-b", "found-stranger"]);
    // The counter's home has queried all machines of the fleet, so it has found them.
    fleet.await_log(A, counter::READY);
    let lists =
        [(A, B), (B, A)].map(|(by, other)| fleet.await_found(by.address(), other, other.address()));
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
    fleet.await_found(A.address(), B, &leased);
    fleet.await_found(&leased, A, A.address());
    fleet.await_log(A, counter::READY);
    fleet.migrate("counter", A);
    let reply = fleet.command_at(&leased, &["migrate", "counter", A.name()]);
    assert!(reply.ends_with("done"), "{reply}");
    let list = fleet.command(A, &["list"]);
    assert!(list.contains("counter"), "{list}");
}

/// The server of the lab needs longer for a reply than its client waits at first, so the client repeats its request for the address. Its
/// renewals are requests of another kind. Before the first of them is answered, a second request for the address is a repetition.
#[test]
fn a_machine_whose_dhcp_server_is_slow_is_found_later() {
    let mut fleet = Fleet::boot_as(&["found-a", "found-dhcp"]);
    let lease = Lease {
        delay: SLOW,
        ..Lease::default()
    };
    let servers = lan_servers::start_with(&fleet.party, lease);
    let leased = lease.address.to_string();
    fleet.await_log(B, &format!("[nomad] this machine has the address {leased}"));
    servers.await_output(REPEATED, LIMIT);
    let replies = servers.output().text();
    let earlier = replies.split_once(REPEATED).map(|(earlier, _)| earlier);
    assert!(
        earlier.is_some_and(|earlier| !earlier.contains("Renewal")),
        "{replies}"
    );
    fleet.await_found(A.address(), B, &leased);
    fleet.await_log(A, counter::READY);
}

/// The server assigns the address of the other machine.
#[test]
fn a_machine_does_not_use_a_lease_with_the_address_of_another_one() {
    let mut fleet = Fleet::boot_as(&["found-a", "found-taken"]);
    fleet.await_up();
    let lease = Lease {
        address: A.address().parse().expect("an address"),
        ..Lease::default()
    };
    let _servers = lan_servers::start_with(&fleet.party, lease);
    let line =
        "the DHCP server has assigned 10.77.0.1, the address of a: this machine asks again in 30 s";
    fleet.await_log(B, line);
    let query = || {
        for _ in 0..5 {
            let forget = ["neighbour", "flush", "dev", "lan0"];
            fleet.party.run("ip", &forget, LIMIT);
            let list = fleet.list(A);
            assert!(list.is_done(), "{list}");
        }
    };
    let segment = &fleet.segment;
    let frames = segment.captured_until(query, |_| true, Duration::ZERO, LIMIT);
    let [a, b] = [A, B].map(frame::migration_server);
    let claims = |mac| {
        let is_claim = |frame: &&Vec<u8>| frame::sender(frame) == Some((mac, a.1));
        frames.iter().filter(is_claim).count()
    };
    // One reply to each query for the address, and the replies to the commands.
    assert!(claims(a.0) >= 10, "{} frames", frames.len());
    assert_eq!(claims(b.0), 0, "{} frames", frames.len());
}

/// The wire has many other hosts, which send broadcasts, multicasts and false hellos from the first moment on.
#[test]
fn machines_find_each_other_and_move_a_domain_among_a_hundred_other_hosts() {
    let seed = fresh_seed();
    println!("seed {seed}");
    let mut fleet = Fleet::boot_as(&["found-a", "found-b"]);
    let neighbours = Neighbours::start(&mut fleet.segment, seed);
    // The counter's home has found the other machine.
    fleet.await_log(A, counter::READY);
    for (by, other) in [(A, B), (B, A)] {
        let list = fleet.await_found(by.address(), other, other.address());
        // The titles, two machines, and a line about drivers.
        assert_eq!(list.lines().count(), 4, "{list}");
    }
    let mut options = counter::options(counter::SMALL);
    options.udp_interval = Duration::from_millis(50);
    options.tcp_interval = Duration::from_millis(50);
    let probe = fleet.party.probe(&options);
    fleet.migrate("counter", A);
    fleet.migrate("counter", B);
    let summary = probe.finish().summary;
    let sent = neighbours.finish();
    println!("{sent} frames of other hosts");
    assert!(sent > 10 * u64::from(HOSTS), "{sent} frames");
    let received = fleet.port(A).counters().to_peer.frames;
    assert!(received > sent, "{received} of {sent} frames");
    assert_eq!(summary.error_count(), 0, "{summary:?}");
    assert!(summary.tcp_survived, "{summary:?}");
    assert_eq!(summary.tcp.replies, summary.tcp.requests, "{summary:?}");
}
