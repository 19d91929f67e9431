//! The NIC and the migration server of one machine have an MTU of 9000, those of the other one of 65000. The domains have the
//! standard MTU. In the last test both have an MTU of 65000, and the wire between them no longer carries that.

use std::time::Duration;

use harness::fleet::LIMIT;
use harness::frame::{self, Addresses, migration_server};
use harness::{Faults, Fleet, Node, counter, prober};

/// The size of an IPv4 packet that fits into a frame of either machine, and of a packet that fits only into a frame of the
/// second one.
const JUMBO_BYTES: usize = 8900;
const LARGEST_BYTES: usize = 64_900;

/// How long a reply is awaited before the request is repeated: a machine may not know the other one's address yet.
const REPEATED_AFTER: Duration = Duration::from_secs(5);
const ATTEMPTS_MAX: usize = 20;

const ECHO_REPLY: u8 = 0;
const ECHO_REQUEST: u8 = 8;

/// An echo message (RFC 792) in a packet of this size.
fn echo(kind: u8, from: Addresses, to: Addresses, packet_bytes: usize) -> Vec<u8> {
    let mut icmp: Vec<u8> = (0..packet_bytes - 20).map(|at| (at / 7) as u8).collect();
    icmp[..8].copy_from_slice(&[kind, 0, 0, 0, 0, 9, 0, 1]);
    let sum = frame::checksum(&icmp).to_be_bytes();
    icmp[2..4].copy_from_slice(&sum);
    frame::ipv4(frame::ICMP, from, to, &icmp)
}

/// Delivers an echo request to one machine as if the other one had sent it, and checks that the complete reply is sent to the other
/// one.
fn assert_replies(fleet: &Fleet, node: Node, packet_bytes: usize) {
    let (here, there) = (migration_server(node), migration_server(node.other()));
    let request = echo(ECHO_REQUEST, there, here, packet_bytes);
    let expected = echo(ECHO_REPLY, here, there, packet_bytes);
    // The addresses, and the message with its checksum. The other fields of an IPv4 header are the stack's choice.
    let is_reply = |frame: &Vec<u8>| {
        frame.len() == expected.len()
            && frame[..14] == expected[..14]
            && frame[26..] == expected[26..]
    };
    let has_replied = || {
        let inject = || fleet.port(node).inject(&request);
        let has_reply = |frames: &[Vec<u8>]| frames.iter().any(is_reply);
        let segment = &fleet.segment;
        let frames = segment.captured_until(inject, has_reply, Duration::ZERO, REPEATED_AFTER);
        has_reply(&frames)
    };
    let replied = (0..ATTEMPTS_MAX).any(|_| has_replied());
    assert!(replied, "{node:?} does not reply: {}", fleet.log(node));
}

/// Probes the counter at a rate at which the machines are not busy.
fn probe_options() -> prober::Options {
    let mut options = counter::options(counter::LARGE);
    options.udp_interval = Duration::from_millis(50);
    options.tcp_interval = Duration::from_millis(50);
    options
}

#[test]
fn machines_exchange_jumbo_frames_and_domains_with_the_standard_mtu_move() {
    let mut fleet = Fleet::start_jumbo();
    fleet.await_log(Node::A, "[nic0] its MTU is 9000");
    fleet.await_log(Node::B, "[nic0] its MTU is 65000");
    for node in [Node::A, Node::B] {
        assert_replies(&fleet, node, JUMBO_BYTES);
    }
    assert_replies(&fleet, Node::B, LARGEST_BYTES);
    fleet.await_log(Node::A, counter::READY);
    let counter = (counter::MAC, counter::IP.octets());
    let long = echo(
        ECHO_REQUEST,
        migration_server(Node::B),
        counter,
        JUMBO_BYTES,
    );
    fleet.port(Node::A).inject(&long);
    fleet.await_log(Node::A, "dropped_long: 1");

    let probe = fleet.party.probe(&probe_options());
    for from in [Node::A, Node::B] {
        fleet.migrate("counter", from);
    }
    let summary = probe.finish().summary;
    assert_eq!(summary.error_count(), 0, "{summary}");
    assert!(summary.tcp_survived, "{summary}");
    assert_eq!(summary.tcp.replies, summary.tcp.requests, "{summary}");
    for node in [Node::A, Node::B] {
        assert_replies(&fleet, node, JUMBO_BYTES);
    }
}

/// The longest frames that the wire carries after each of these lines of a move, with the Ethernet header.
const SHRUNK: [(&str, usize); 2] = [("phase Rounds", 9_014), ("round 1", 1_514)];
/// A limit at which the rounds take longer than the test takes to read a line, in megabytes per second.
const BANDWIDTH: &str = "--bandwidth=20";

/// The machines found that the wire carries frames of 65,000 bytes. Then it no longer does.
#[test]
fn a_wire_that_carries_ever_shorter_frames_does_not_end_a_move() {
    let mut fleet = Fleet::start_largest("largest-a", |it| it.host_mtu(65_000));
    fleet.await_log(Node::A, counter::READY);
    let probe = fleet.party.probe(&probe_options());
    for from in [Node::A, Node::B] {
        let migration = fleet.begin_migration_with("counter", from, &[BANDWIDTH]);
        for (line, frame_bytes_max) in SHRUNK {
            migration.await_output(&format!(r#""text":"{line}"#), LIMIT);
            let shorter = Faults {
                frame_bytes_max,
                ..Faults::seeded(1)
            };
            fleet.port(Node::B).set_faults(Some(shorter));
        }
        migration.await_output(r#""text":"done""#, LIMIT);
        let lost = fleet.port(Node::B).counters().lost;
        println!("{lost:?}");
        assert!(lost.bytes > 0, "no frame was too long");
        fleet.port(Node::B).set_faults(None);
    }
    let summary = probe.finish().summary;
    assert_eq!(summary.error_count(), 0, "{summary}");
    assert!(summary.tcp_survived, "{summary}");
    assert_eq!(summary.tcp.replies, summary.tcp.requests, "{summary}");
}
