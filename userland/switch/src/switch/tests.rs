//! Frames between ports in ordinary memory: queued, forwarded into the tunnel while a domain leaves, or lost.

mod wakes;

use super::*;
use crate::buffer::FRAMES_MAX;
use crate::counters::Counters;
use abi::register::Slot;
use runtime::host::{self, DONE, shared_memory};
use runtime::port::{
    self, BUFFERED_FRAMES, FRAME_BYTES_LIMIT, FRAME_BYTES_MAX, Port as RingEnds, SLOT_COUNT,
};
use runtime::protocol::{Mac, Mtu};
use runtime::shared::SharedMemory;

const WIRE: PortNumber = PortNumber(1);
const TUNNEL: PortNumber = PortNumber(2);
const A: PortNumber = PortNumber(3);
const B: PortNumber = PortNumber(4);
/// The offset of a frame's content.
const CONTENT: usize = 14;
/// The number of passes over the rings per call of `forward`.
const PASSES: usize = 8;

fn mac(port: PortNumber) -> Mac {
    Mac([2, 0, 0, 0, 0, port.0 as u8])
}

/// A frame of this length, with the EtherType of IPv6 and zeros as its content.
fn frame(from: PortNumber, to: PortNumber, length: usize) -> Vec<u8> {
    let mut frame = vec![0; length];
    frame[..6].copy_from_slice(&mac(to).0);
    frame[6..12].copy_from_slice(&mac(from).0);
    frame[12..CONTENT].copy_from_slice(&[0x86, 0xdd]);
    frame
}

/// A switch, and the owners' ends of its ports.
struct Bench {
    switch: Switch,
    ends: Vec<(PortNumber, RingEnds<'static>)>,
}

impl Bench {
    /// A wire, a tunnel and two domains.
    fn new() -> Bench {
        let domain = Cap::from_slot(Slot(1));
        let mut bench = Bench {
            switch: Switch::new(domain, Buffer::new(FRAMES_MAX)),
            ends: Vec::new(),
        };
        bench.plug(WIRE, PortKind::Uplink);
        bench.plug(TUNNEL, PortKind::Tunnel);
        bench.plug(A, PortKind::Domain);
        bench.plug(B, PortKind::Domain);
        bench
    }

    fn plug(&mut self, number: PortNumber, kind: PortKind) {
        self.plug_with(number, kind, Layout::STANDARD);
    }

    /// Adds a port, or replaces the one of this number; returns its memory.
    fn plug_with(
        &mut self,
        number: PortNumber,
        kind: PortKind,
        layout: Layout,
    ) -> SharedMemory<'static> {
        self.switch.ports.retain(|port| port.number() != number);
        self.ends.retain(|(port, _)| *port != number);
        let memory = shared_memory(layout.bytes());
        layout.write(memory);
        let entry = PortEntry {
            port: number,
            mac: mac(number),
            ip: None,
            kind,
            service: Service::Stopped,
        };
        let port = Port::for_test(memory, layout, entry, Cap::from_slot(host::WAKE));
        self.switch.ports.push(port);
        self.switch.activate(number, None);
        let end = RingEnds::try_new(memory, port::Side::Domain).expect("a port of the right size");
        self.ends.push((number, end));
        memory
    }

    fn end(&self, number: PortNumber) -> RingEnds<'static> {
        let found = self.ends.iter().find(|(port, _)| *port == number);
        found.expect("a port that was plugged in").1
    }

    fn counters(&self, number: PortNumber) -> Counters {
        self.switch.ports[self.switch.index_of(number).expect("a port")].counters
    }

    /// Sends frames with these numbers from one port's owner to another's, as many at a time as the ring holds.
    fn send(&mut self, from: PortNumber, to: PortNumber, numbers: core::ops::Range<u32>) {
        for number in numbers {
            while self.end(from).outgoing().space() == Ok(0) {
                self.switch.forward(PASSES);
            }
            let mut frame = frame(from, to, 60);
            frame[20..24].copy_from_slice(&number.to_be_bytes());
            self.end(from)
                .outgoing()
                .send(&frame)
                .expect("there is space");
        }
        while !self.switch.forward(PASSES) {}
    }

    /// Sends one frame of this length, in which every byte of the content is `byte`.
    fn send_filled(&mut self, from: PortNumber, to: PortNumber, length: usize, byte: u8) {
        let mut frame = frame(from, to, length);
        frame[CONTENT..].fill(byte);
        let sent = self.end(from).outgoing().send(&frame);
        sent.expect("there is space");
        while !self.switch.forward(PASSES) {}
    }

    /// The length of the next frame received by a port's owner, and the byte that fills its content.
    fn take_filled(&self, number: PortNumber) -> Option<(usize, u8)> {
        let mut frame = vec![0; FRAME_BYTES_LIMIT];
        let length = self.end(number).incoming().receive(&mut frame);
        let length = length.expect("a sound ring")?;
        let [byte, rest @ ..] = &frame[CONTENT..length] else {
            panic!("a frame without content");
        };
        assert!(
            rest.iter().all(|other| other == byte),
            "every payload byte is the same"
        );
        Some((length, *byte))
    }

    /// The number of the next frame received by a port's owner.
    fn take(&self, number: PortNumber) -> Option<u32> {
        let mut frame = [0; FRAME_BYTES_MAX];
        let length = self.end(number).incoming().receive(&mut frame);
        length.expect("a sound ring")?;
        frame[20..]
            .first_chunk()
            .map(|number| u32::from_be_bytes(*number))
    }

    /// The numbers of all frames received by a port's owner, which signals the switch only after it has emptied its ring.
    fn take_all(&mut self, number: PortNumber) -> Vec<u32> {
        let mut taken = Vec::new();
        loop {
            let before = taken.len();
            taken.extend(core::iter::from_fn(|| self.take(number)));
            if taken.len() == before {
                return taken;
            }
            // The switch is woken only if it requested a signal for space.
            if self.end(number).take_wake_request(WakeFlag::SPACE) {
                while !self.switch.forward(PASSES) {}
            }
        }
    }
}

#[test]
fn a_burst_larger_than_a_ring_is_queued_and_arrives_complete_and_in_order() {
    let mut bench = Bench::new();
    let burst = SLOT_COUNT + BUFFERED_FRAMES as u32;
    for from in [WIRE, B] {
        bench.send(from, A, 0..burst);
        assert!(bench.take_all(A).into_iter().eq(0..burst), "from {from:?}");
    }
    let counters = bench.counters(A);
    assert_eq!(counters.waited, 2 * BUFFERED_FRAMES as u64);
    assert_eq!((counters.sent, counters.lost()), (2 * u64::from(burst), 0));
}

#[test]
fn an_active_port_is_announced_to_the_wire_and_to_no_domain() {
    let mut bench = Bench::new();
    let ip = Ipv4 {
        address: [10, 0, 0, 9].into(),
        prefix: 24,
    };
    bench.switch.activate(A, Some(ip));
    bench.switch.announce(bench.switch.next_ns());
    assert!(bench.take(WIRE).is_some());
    for other in [TUNNEL, A, B] {
        assert_eq!(bench.take(other), None, "{other:?}");
    }
}

#[test]
fn frames_for_the_wire_are_queued_too() {
    let mut bench = Bench::new();
    bench.send(A, WIRE, 0..1000);
    assert!(bench.take_all(WIRE).into_iter().eq(0..1000));
}

#[test]
fn no_frame_overtakes_a_queued_one() {
    let mut bench = Bench::new();
    bench.send(WIRE, A, 0..SLOT_COUNT + 1);
    assert_eq!(bench.take(A), Some(0));
    // There is space again, but a queued frame comes first.
    bench.send(WIRE, A, SLOT_COUNT + 1..SLOT_COUNT + 3);
    assert!(bench.take_all(A).into_iter().eq(1..SLOT_COUNT + 3));
}

#[test]
fn an_owner_that_takes_nothing_loses_only_its_own_frames() {
    let mut bench = Bench::new();
    bench.send(WIRE, A, 0..10_000);
    let kept = u64::from(SLOT_COUNT) + BUFFERED_FRAMES as u64;
    assert_eq!(bench.counters(A).lost(), 10_000 - kept);
    bench.send(WIRE, B, 0..1000);
    assert!(bench.take_all(B).into_iter().eq(0..1000));
    assert_eq!(bench.counters(B).lost(), 0);
}

#[test]
fn frames_queued_for_a_leaving_domain_go_through_the_tunnel_before_later_ones() {
    let mut bench = Bench::new();
    bench.send(WIRE, A, 0..500);
    bench.switch.quiesce(A, Service::Leaving);
    bench.send(WIRE, A, 500..600);
    let ring = core::iter::from_fn(|| bench.take(A));
    assert!(ring.eq(0..SLOT_COUNT), "the ring is left alone");
    assert!(bench.take_all(TUNNEL).into_iter().eq(SLOT_COUNT..600));
    assert_eq!(bench.take(A), None);
    // The move is cancelled.
    bench.switch.activate(A, None);
    bench.send(TUNNEL, A, 700..1000);
    assert!(bench.take_all(A).into_iter().eq(700..1000));
}

#[test]
fn frames_queued_for_a_stopped_domain_are_lost_and_free_their_room() {
    let mut bench = Bench::new();
    for _ in 0..5 {
        bench.send(WIRE, A, 0..BUFFERED_FRAMES as u32);
        bench.switch.quiesce(A, Service::Stopped);
        assert_eq!(
            core::iter::from_fn(|| bench.take(A)).count(),
            SLOT_COUNT as usize
        );
        assert_eq!(bench.take_all(TUNNEL), []);
        bench.switch.activate(A, None);
        while !bench.switch.forward(PASSES) {}
    }
    let lost = 5 * (BUFFERED_FRAMES as u64 - u64::from(SLOT_COUNT));
    assert_eq!(bench.counters(A).lost(), lost);
    bench.send(WIRE, B, 0..SLOT_COUNT + BUFFERED_FRAMES as u32);
    assert_eq!(bench.counters(B).lost(), 0);
}

#[test]
fn a_detached_port_frees_its_room() {
    let mut bench = Bench::new();
    for _ in 0..5 {
        bench.send(WIRE, A, 0..BUFFERED_FRAMES as u32);
        host::with_kernel(|_| DONE, || bench.switch.detach(A));
        bench.ends.retain(|(port, _)| *port != A);
        bench.plug(A, PortKind::Domain);
    }
    bench.send(WIRE, A, 0..BUFFERED_FRAMES as u32);
    assert_eq!(bench.counters(A).lost(), 0);
}

#[test]
fn the_longest_frames_pass_between_ports_of_their_mtu() {
    for mtu in [9000, 65_000] {
        let layout = Layout::of(Mtu::try_from(mtu).expect("an MTU"));
        let length = layout.frame_bytes_max();
        let mut bench = Bench::new();
        bench.plug_with(WIRE, PortKind::Uplink, layout);
        bench.plug_with(A, PortKind::Domain, layout);
        for byte in 0..200 {
            bench.send_filled(WIRE, A, length, byte);
            bench.send_filled(A, WIRE, length - 1, byte);
            assert_eq!(bench.take_filled(A), Some((length, byte)));
            assert_eq!(bench.take_filled(WIRE), Some((length - 1, byte)));
        }
        assert_eq!(bench.counters(A).lost() + bench.counters(WIRE).lost(), 0);
    }
}

#[test]
fn a_frame_that_exceeds_the_receivers_mtu_is_dropped_and_counted() {
    let jumbo = Layout::of(Mtu::try_from(9000).expect("an MTU"));
    let mut bench = Bench::new();
    bench.plug_with(WIRE, PortKind::Uplink, jumbo);
    for length in [jumbo.frame_bytes_max(), 1515, 1514] {
        bench.send_filled(WIRE, A, length, 5);
    }
    assert_eq!(bench.take_filled(A), Some((1514, 5)));
    assert_eq!(bench.take_filled(A), None);
    let counters = bench.counters(A);
    assert_eq!((counters.sent, counters.dropped_long), (1, 2));
    assert_eq!(counters.lost(), 2);
}

#[test]
fn a_long_frame_for_a_full_ring_is_dropped_and_later_ones_arrive() {
    let jumbo = Layout::of(Mtu::MAX);
    let mut bench = Bench::new();
    bench.plug_with(WIRE, PortKind::Uplink, jumbo);
    bench.plug_with(A, PortKind::Domain, jumbo);
    let count = jumbo.slot_count();
    for _ in 0..=count {
        bench.send_filled(WIRE, A, FRAME_BYTES_LIMIT, 1);
    }
    bench.send_filled(WIRE, A, 60, 2);
    assert_eq!(bench.counters(A).dropped_full, 1);
    for _ in 0..count {
        assert_eq!(bench.take_filled(A), Some((FRAME_BYTES_LIMIT, 1)));
    }
    assert!(bench.end(A).take_wake_request(WakeFlag::SPACE));
    while !bench.switch.forward(PASSES) {}
    assert_eq!(bench.take_filled(A), Some((60, 2)));
}

#[test]
fn a_long_frame_for_a_leaving_domain_is_not_cut_for_the_tunnel() {
    let jumbo = Layout::of(Mtu::try_from(1514).expect("an MTU"));
    let mut bench = Bench::new();
    bench.plug_with(WIRE, PortKind::Uplink, jumbo);
    bench.plug_with(A, PortKind::Domain, jumbo);
    bench.send(WIRE, A, 0..SLOT_COUNT + 1);
    bench.switch.quiesce(A, Service::Leaving);
    bench.send_filled(WIRE, A, jumbo.frame_bytes_max(), 7);
    assert_eq!(bench.take_all(TUNNEL), [SLOT_COUNT]);
    assert_eq!(bench.counters(TUNNEL).dropped_long, 1);
}

#[test]
fn an_owner_that_overwrites_the_header_changes_nothing_for_the_switch() {
    let mut bench = Bench::new();
    let memory = bench.plug_with(A, PortKind::Domain, Layout::STANDARD);
    Layout::of(Mtu::MAX).write(memory);
    bench.send(WIRE, A, 0..SLOT_COUNT + 10);
    assert!(bench.take_all(A).into_iter().eq(0..SLOT_COUNT + 10));
}

#[test]
fn a_loss_is_reported() {
    let mut bench = Bench::new();
    bench.send(WIRE, A, 0..SLOT_COUNT + BUFFERED_FRAMES as u32);
    assert_eq!(bench.switch.next_ns(), abi::NO_DEADLINE);
    bench.send(WIRE, A, 0..1);
    assert_eq!(bench.switch.next_ns(), 0);
    bench.switch.report_losses(5);
    assert_eq!(bench.switch.next_ns(), abi::NO_DEADLINE);
}

#[test]
fn forwarding_ends_after_some_passes_or_when_no_frame_is_left() {
    let mut made = 0;
    let mut pass = |last: usize| {
        made += 1;
        made == last
    };
    assert!(repeat(8, || pass(3)));
    assert!(!repeat(8, || pass(usize::MAX)));
    assert_eq!(made, 3 + 8);
}

#[test]
fn a_flood_does_not_keep_the_switch_from_its_commands() {
    const REST: u32 = 3;
    let mut bench = Bench::new();
    let frame = frame(A, B, 60);
    for _ in 0..BATCH as u32 + REST {
        let sent = bench.end(A).outgoing().send(&frame);
        sent.expect("there is space");
    }
    let received = |bench: &Bench| {
        let take = || bench.end(B).incoming().receive(&mut [0; FRAME_BYTES_LIMIT]);
        core::iter::from_fn(|| take().expect("a sound ring")).count()
    };
    assert!(!bench.switch.forward(1), "frames are left");
    assert_eq!(received(&bench), BATCH);
    assert!(bench.switch.forward(1), "none is left");
    assert_eq!(received(&bench), REST as usize);
}
