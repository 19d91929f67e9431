//! Five domains move at once, some from A to B and the others from B to A, and then back.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use harness::Node::{self, A, B};
use harness::fleet::LIMIT;
use harness::listed::Listed;
use harness::migration::Migration;
use harness::{Fleet, counter, prober};

/// The domains, the last byte of each one's address, and the machine that it starts on.
const DOMAINS: [(&str, u8, Node); 5] = [
    ("counter", 20, A),
    ("counter-2", 42, A),
    ("counter-3", 43, A),
    ("counter-4", 44, B),
    ("counter-5", 45, B),
];

/// A domain of each direction that is probed.
const PROBED: [usize; 2] = [0, 4];

fn options((_, last, _): (&str, u8, Node)) -> prober::Options {
    let mut options = counter::options(counter::SMALL);
    options.address = SocketAddr::from((Ipv4Addr::new(10, 77, 0, last), counter::PORT));
    options.udp_interval = Duration::from_millis(5);
    options.tcp_interval = Duration::from_millis(10);
    options
}

/// Moves all domains at once to the other machine, and then all back.
fn move_there_and_back(fleet: &Fleet) {
    for is_away in [false, true] {
        let place = |at: Node| if is_away { at.other() } else { at };
        let begun_ns = prober::now_ns();
        let moves = DOMAINS.map(|(name, _, at)| fleet.begin_migration(name, place(at)));
        for reply in moves.map(|begun| begun.finish(LIMIT)) {
            let migration = Migration::of_reply(begun_ns, &reply);
            println!("{} us, {} pages", migration.total_us, migration.pages_sent);
        }
        for (name, _, at) in DOMAINS {
            let to = place(at).other();
            let is_settled = |listed: &Listed| listed.is_settled_on(to, name).then_some(());
            Listed::wait(
                fleet,
                name,
                &format!("settled on {}", to.name()),
                is_settled,
            );
        }
    }
}

#[test]
fn five_domains_move_at_once_in_both_directions_and_back() {
    let mut fleet = Fleet::start_as(&["crossing-a", "crossing-b"]);
    for (name, _, at) in DOMAINS {
        fleet.await_log(at, &format!("[{name}] counter: ready"));
    }
    // Afterwards no table grows.
    move_there_and_back(&fleet);
    let before = fleet.spent_pages();
    let probes = PROBED.map(|number| fleet.party.probe(&options(DOMAINS[number])));
    move_there_and_back(&fleet);
    for probe in probes {
        let summary = probe.finish().summary;
        assert_eq!(summary.error_count(), 0, "{summary:?}");
        assert!(summary.tcp_survived, "{summary:?}");
        assert_eq!(summary.tcp.replies, summary.tcp.requests, "{summary:?}");
        assert!(summary.tcp.replies > 0, "{summary:?}");
    }
    for node in [A, B] {
        fleet.await_spent_pages(node, &before);
    }
}
