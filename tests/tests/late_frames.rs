//! Frames that arrive at the machine that a domain is leaving or has left reach the domain nevertheless.

use std::thread::sleep;
use std::time::Duration;

use harness::fleet::LIMIT;
use harness::frame::udp;
use harness::prober::Summary;
use harness::prober::protocol::Request;
use harness::{Fleet, MacAddress, Node, counter, prober};

/// The address of the requests' sender.
const CLIENT_IP: [u8; 4] = [10, 77, 0, 100];
const CLIENT_MAC: MacAddress = MacAddress::local(100);

/// How long a domain is watched before and after a move.
const WATCHED: Duration = Duration::from_secs(2);
/// How long a second reply is awaited after the first ones. A longer time only makes it more likely to detect one.
const LONGER: Duration = Duration::from_secs(1);
/// How long replies to the last requests are awaited. On a busy host they may come late.
const PATIENCE: Duration = Duration::from_secs(40);

/// The offset of a UDP payload in a frame, and sizes of the frame.
const CONTENT: usize = 42;
const FRAME_BYTES_MIN: usize = 60;
const FRAME_BYTES_MAX: usize = 1514;

fn fleet(start: fn() -> Fleet) -> Fleet {
    let mut fleet = start();
    fleet.await_log(Node::A, counter::READY);
    fleet
}

/// A rate of requests at which the requests of the longest pause fit in every ring. The smallest ring has 128 frames. The protocol
/// allows a domain to be frozen for five seconds, in which 100 datagrams and 20 segments arrive.
fn options() -> prober::Options {
    let mut options = counter::options(counter::USUAL);
    options.udp_interval = Duration::from_millis(50);
    options.tcp_interval = Duration::from_millis(250);
    options.udp_patience = PATIENCE;
    options
}

/// Checks that each request had a correct reply.
fn assert_all_replied(fleet: &Fleet, summary: &Summary) {
    let wires = [Node::A, Node::B].map(|node| fleet.port(node).counters());
    assert_eq!(summary.error_count(), 0, "{summary}");
    assert_eq!(summary.tcp.replies, summary.tcp.requests, "{summary}");
    assert_eq!(
        summary.udp.replies, summary.udp.requests,
        "{summary}\n{wires:?}"
    );
}

#[test]
fn no_request_is_lost_while_a_domain_moves() {
    let fleet = fleet(Fleet::start);
    let probe = fleet.party.probe(&options());
    for from in [Node::A, Node::B, Node::A, Node::B] {
        sleep(WATCHED);
        fleet.migrate("counter", from);
    }
    sleep(WATCHED);
    assert_all_replied(&fleet, &probe.finish().summary);
}

/// The source has retired the domain. The destination's server ends before it has verified its copy, and declines.
#[test]
fn no_request_is_lost_when_a_retired_domain_is_declined() {
    let mut fleet = fleet(Fleet::start_hooked);
    let mut options = options();
    // The domain is stopped until the destination's server has restarted. The frames of nine seconds must fit.
    options.udp_interval = Duration::from_millis(100);
    options.heap = counter::SMALL;
    let probe = fleet.party.probe(&options);
    sleep(WATCHED);
    fleet.hold_at(Node::B, "phase Verify");
    let migration = fleet.begin_migration("counter", Node::A);
    migration.await_output(r#""text":"committed""#, LIMIT);
    fleet.restart_server(Node::B);
    migration.await_output(
        r#""text":"failed: the migration server of the destination was restarted""#,
        LIMIT,
    );
    assert!(fleet.list(Node::A).running("counter").is_some());
    sleep(WATCHED);
    assert_all_replied(&fleet, &probe.finish().summary);
}

#[test]
fn frames_that_still_reach_the_old_machine_go_through_the_tunnel_only() {
    const REQUESTS: u64 = 40;
    let fleet = fleet(Fleet::start);
    let probe = fleet.party.probe(&options());
    sleep(WATCHED);
    fleet.migrate("counter", Node::A);
    // Both sides now know each other's addresses, and the wire is idle.
    assert_all_replied(&fleet, &probe.finish().summary);
    let requests: Vec<Request> = (0..REQUESTS).map(marked).collect();
    let inject = || {
        for request in &requests {
            let length = match request.sequence % 2 {
                0 => FRAME_BYTES_MIN,
                _ => FRAME_BYTES_MAX,
            };
            fleet.port(Node::A).inject(&frame(request, length));
        }
    };
    let all_replied = |frames: &[Vec<u8>]| {
        let has_replied = |request| !carriers(frames, request).is_empty();
        requests.iter().all(has_replied)
    };
    let segment = &fleet.segment;
    let frames = segment.captured_until(inject, all_replied, LONGER, LIMIT);
    for request in &requests {
        let carriers = carriers(&frames, request);
        assert_eq!(carriers.len(), 1, "replies to {request:?}: {carriers:x?}");
        let addresses = [CLIENT_MAC.0, counter::MAC.0].concat();
        assert_eq!(carriers[0][..addresses.len()], addresses, "{carriers:x?}");
    }
}

/// The frames with a request or with its reply, which begins like the request.
fn carriers<'a>(frames: &'a [Vec<u8>], request: &Request) -> Vec<&'a Vec<u8>> {
    let content = request.encode();
    let carries = |frame: &&Vec<u8>| {
        let rest = frame.get(CONTENT..);
        rest.is_some_and(|it| it.starts_with(&content))
    };
    frames.iter().filter(carries).collect()
}

/// A request that no prober sends.
fn marked(sequence: u64) -> Request {
    Request {
        sequence,
        client_time: 0x6c61_7465_2066_726d,
    }
}

/// A request to the counter in a frame of this length.
fn frame(request: &Request, length: usize) -> Vec<u8> {
    const CLIENT_PORT: u16 = 40_000;
    let client = (CLIENT_MAC, CLIENT_IP);
    let counter = (counter::MAC, counter::IP.octets());
    let (from, to) = ((client, CLIENT_PORT), (counter, counter::PORT));
    let mut frame = udp(from, to, &request.encode());
    frame.resize(length, 0);
    frame
}
