//! The switch, tested through plain Unix datagram sockets.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use super::*;

/// The time limit of a wait. Only a test that hangs reaches it. Also used as a delay that never elapses.
const LIMIT: Duration = Duration::from_secs(30);
/// How long a test waits for a frame that must not arrive. A longer time only makes it more likely to notice one.
const SILENCE: Duration = Duration::from_millis(100);

const BROADCAST: MacAddress = MacAddress([0xff; 6]);
const ONE: MacAddress = MacAddress::local(1);
const TWO: MacAddress = MacAddress::local(2);

/// A peer at a port, in place of QEMU.
struct Peer {
    socket: UnixDatagram,
    port: Port,
}

impl Peer {
    fn at(port: &Port) -> Self {
        // Like QEMU, removes the path of a previous owner.
        let _ = std::fs::remove_file(port.peer_socket());
        let socket = UnixDatagram::bind(port.peer_socket()).expect("the peer's socket");
        Self {
            socket,
            port: port.clone(),
        }
    }

    fn send(&self, to: MacAddress, from: MacAddress, payload: &[u8]) {
        let frame = frame(to, from, payload);
        self.socket
            .send_to(&frame, self.port.switch_socket())
            .expect("the switch accepts every frame");
    }

    fn receive_within(&self, limit: Duration) -> Option<Vec<u8>> {
        self.socket
            .set_read_timeout(Some(limit))
            .expect("a timeout above zero");
        let mut buffer = vec![0; 2000];
        match self.socket.recv(&mut buffer) {
            Ok(length) => Some(buffer[14..length].to_vec()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// The payload of the next frame.
    fn receive(&self) -> Vec<u8> {
        self.receive_within(LIMIT).expect("a frame")
    }

    fn receives_nothing(&self) -> bool {
        self.receive_within(SILENCE).is_none()
    }
}

fn frame(to: MacAddress, from: MacAddress, payload: &[u8]) -> Vec<u8> {
    [&to.0, &from.0, &[0x88, 0xb5][..], payload].concat()
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {LIMIT:?}: {what}");
        thread::yield_now();
    }
}

/// A segment and its first three peers; the second's address has been learnt.
fn three() -> (Segment, [Peer; 3]) {
    let mut segment = Segment::new();
    let peers = ["a", "b", "c"].map(|name| Peer::at(&segment.port(name)));
    peers[1].send(ONE, TWO, b"hello");
    assert_eq!(
        (peers[0].receive(), peers[2].receive()),
        (b"hello".to_vec(), b"hello".to_vec())
    );
    (segment, peers)
}

#[test]
fn floods_broadcasts_but_not_back() {
    let (_segment, [a, b, c]) = three();
    a.send(BROADCAST, ONE, b"all");
    assert_eq!(
        (b.receive(), c.receive()),
        (b"all".to_vec(), b"all".to_vec())
    );
    assert!(a.receives_nothing());
}

#[test]
fn sends_to_a_learnt_address_at_its_port_only() {
    let (_segment, [a, b, c]) = three();
    a.send(TWO, ONE, b"you");
    assert_eq!(b.receive(), b"you");
    assert!(c.receives_nothing());
}

#[test]
fn follows_an_address_to_its_new_port() {
    let (_segment, [a, b, c]) = three();
    c.send(BROADCAST, TWO, b"moved");
    assert_eq!(
        (a.receive(), b.receive()),
        (b"moved".to_vec(), b"moved".to_vec())
    );
    a.send(TWO, ONE, b"you");
    assert_eq!(c.receive(), b"you");
    assert!(b.receives_nothing());
}

#[test]
fn drops_runts() {
    let (_segment, [a, b, _c]) = three();
    a.socket
        .send_to(&[0xff; 13], a.port.switch_socket())
        .expect("the switch accepts every frame");
    a.send(TWO, ONE, b"next");
    assert_eq!(b.receive(), b"next");
}

#[test]
fn a_cut_port_is_silent_both_ways_until_it_is_healed() {
    let (_segment, [a, b, c]) = three();
    b.port.cut();
    a.send(BROADCAST, ONE, b"lost");
    assert_eq!(c.receive(), b"lost");
    b.send(BROADCAST, TWO, b"lost too");
    assert!(a.receives_nothing() && b.receives_nothing());
    wait_until("both frames are counted", || {
        b.port.counters().cut.frames == 2
    });

    b.port.heal();
    a.send(
        TWO,
        ONE,
        b"flooded, since a cut port's addresses are forgotten",
    );
    assert_eq!(b.receive(), c.receive());
}

#[test]
fn a_partition_separates_only_its_two_ports() {
    let (_segment, [a, b, c]) = three();
    b.send(BROADCAST, TWO, b"here I am");
    assert_eq!(a.receive(), c.receive());
    a.port.partition_from(&b.port);
    a.send(TWO, ONE, b"lost");
    b.send(BROADCAST, TWO, b"to others");
    assert_eq!(c.receive(), b"to others");
    assert!(a.receives_nothing() && b.receives_nothing());

    b.port.clear_partitions();
    a.send(TWO, ONE, b"again");
    assert_eq!(b.receive(), b"again");
}

#[test]
fn frames_pass_against_a_one_way_cut() {
    let (_segment, [a, b, c]) = three();
    b.send(BROADCAST, TWO, b"here I am");
    assert_eq!(a.receive(), c.receive());
    c.send(BROADCAST, ONE, b"and I");
    assert_eq!(a.receive(), b.receive());
    a.port.drop_to(&b.port);
    a.send(TWO, ONE, b"lost");
    a.send(BROADCAST, ONE, b"to others");
    assert_eq!(c.receive(), b"to others");
    assert!(b.receives_nothing());
    b.send(ONE, TWO, b"back");
    assert_eq!(a.receive(), b"back");

    a.port.clear_partitions();
    a.send(TWO, ONE, b"again");
    assert_eq!(b.receive(), b"again");
}

#[test]
fn a_dropped_address_is_reachable_at_another_port_only() {
    let (_segment, [a, b, c]) = three();
    b.port.drop_address(TWO);
    a.send(TWO, ONE, b"lost");
    b.send(BROADCAST, TWO, b"lost too");
    assert!(a.receives_nothing() && b.receives_nothing());
    b.send(BROADCAST, ONE, b"another's");
    assert_eq!(a.receive(), c.receive());
    c.send(BROADCAST, TWO, b"here I am");
    assert_eq!(a.receive(), b.receive());
    a.send(TWO, ONE, b"there");
    assert_eq!(c.receive(), b"there");

    a.port.clear_partitions();
    b.send(BROADCAST, TWO, b"again");
    assert_eq!(a.receive(), b"again");
}

#[test]
fn a_cut_loses_delayed_frames() {
    let (_segment, [a, b, c]) = three();
    b.port.set_faults(Some(Faults {
        delay: LIMIT,
        ..Faults::seeded(1)
    }));
    a.send(BROADCAST, ONE, b"slow");
    // Ports are served in order: once c has received its copy, b's copy is in b's queue.
    assert_eq!(c.receive(), b"slow");
    b.port.set_faults(None);
    b.port.cut();
    b.port.heal();
    a.send(BROADCAST, ONE, b"quick");
    assert_eq!(b.receive(), b"quick");
    assert_eq!(b.port.counters().cut.frames, 1);
}

#[test]
fn loses_and_duplicates_by_its_seed() {
    let (_segment, [a, b, _c]) = three();
    let faults = Faults {
        loss: 0.3,
        duplication: 0.3,
        ..Faults::seeded(11)
    };
    let same = faults::Wire::default();
    same.set(Some(faults), 0);
    let expected: Vec<u8> = (0..200)
        .flat_map(|n| vec![n; same.cross(15).delays().len()])
        .collect();
    assert!(expected.len() != 200);

    a.port.set_faults(Some(faults));
    (0..200_u8).for_each(|number| a.send(TWO, ONE, &[number]));
    let received: Vec<_> = expected.iter().map(|_| b.receive()[0]).collect();
    assert_eq!(received, expected);
    assert!(b.receives_nothing());
}

#[test]
fn one_seed_affects_different_frames_at_two_ports() {
    const LAST: u8 = 0xff;
    let (_segment, [a, b, c]) = three();
    let faults = Faults {
        loss: 0.5,
        ..Faults::seeded(11)
    };
    let arrived = |from: &Peer, address: MacAddress| {
        let crossed = || {
            let counters = from.port.counters();
            counters.from_peer.frames + counters.lost.frames
        };
        let before = crossed();
        from.port.set_faults(Some(faults));
        (0..200).for_each(|number| from.send(BROADCAST, address, &[number]));
        wait_until("each has arrived or is lost", || crossed() == before + 200);
        from.port.set_faults(None);
        from.send(BROADCAST, address, &[LAST]);
        let received = std::iter::repeat_with(|| c.receive()[0]);
        let received: Vec<u8> = received.take_while(|number| *number != LAST).collect();
        assert!((50..150).contains(&received.len()), "{received:?}");
        received
    };
    assert_ne!(arrived(&a, ONE), arrived(&b, TWO));
}

#[test]
fn delays_without_reordering() {
    let (_segment, [a, b, _c]) = three();
    let delay = Duration::from_millis(30);
    b.port.set_faults(Some(Faults {
        delay,
        ..Faults::seeded(1)
    }));
    let start = Instant::now();
    (0..50_u8).for_each(|number| a.send(TWO, ONE, &[number]));
    let received: Vec<_> = (0..50).map(|_| b.receive()[0]).collect();
    assert!(start.elapsed() >= delay);
    assert_eq!(received, Vec::from_iter(0..50));
}

#[test]
fn a_burst_to_a_slow_peer_arrives_complete_and_in_order() {
    let (_segment, [a, b, _c]) = three();
    // This is far more than a Unix socket queues, and the peer does not read yet.
    (0..1000_u32).for_each(|number| a.send(TWO, ONE, &number.to_le_bytes()));
    let received: Vec<_> = (0..1000)
        .map(|_| u32::from_le_bytes(b.receive().try_into().expect("4 bytes")))
        .collect();
    assert_eq!(received, Vec::from_iter(0..1000));
}

#[test]
fn a_peer_that_never_reads_does_not_delay_others() {
    let (_segment, [a, _b, c]) = three();
    for number in 0..10_000_u32 {
        a.send(TWO, ONE, &number.to_le_bytes());
    }
    a.send(BROADCAST, ONE, b"after");
    assert_eq!(c.receive(), b"after");
}

#[test]
fn frames_to_a_gone_peer_are_lost_and_its_successor_gets_the_next() {
    let (_segment, [a, b, _c]) = three();
    let port = b.port.clone();
    drop(b.socket);
    a.send(TWO, ONE, b"to nobody");
    wait_until("the frame is counted", || port.counters().gone.frames == 1);
    let successor = Peer::at(&port);
    a.send(TWO, ONE, b"to the next");
    assert_eq!(successor.receive(), b"to the next");
    successor.send(ONE, TWO, b"and back");
    assert_eq!(a.receive(), b"and back");
}

#[test]
fn counts_frames_and_bytes() {
    let (_segment, [a, b, _c]) = three();
    a.send(TWO, ONE, &[0; 100]);
    b.receive();
    let expected = Traffic {
        frames: 1,
        bytes: 114,
    };
    assert_eq!(a.port.counters().from_peer, expected);
    // A sent frame is counted after the send has returned, so the peer may receive a frame before it is counted.
    wait_until("the sent frame is counted", || {
        b.port.counters().to_peer == expected
    });
}

#[test]
fn captures_entering_frames() {
    let (segment, [a, b, _c]) = three();
    let path = segment.directory().join("wire.pcap");
    segment.start_capture(&path);
    a.send(TWO, ONE, b"seen");
    b.receive();
    segment.stop_capture();
    a.send(TWO, ONE, b"unseen");
    b.receive();
    let bytes = std::fs::read(&path).expect("the capture");
    let expected = frame(TWO, ONE, b"seen");
    assert_eq!(bytes.len(), 24 + 16 + expected.len());
    assert_eq!(bytes[24 + 16..], expected);
}
