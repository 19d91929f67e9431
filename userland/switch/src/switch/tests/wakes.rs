//! When the switch wakes the owners of ports, and when it wakes itself.

use super::*;
use crate::away::KEPT_NS;

/// Has a port's owner request a wake-up for frames. As an owner that goes to sleep, it then finds no frame.
fn sleep(bench: &Bench, number: PortNumber) {
    bench.end(number).request_wake(WakeFlag::FRAMES);
    assert_eq!(bench.end(number).incoming().queued(), Ok(0));
}

/// Whether the owner that sleeps was woken for frames: then its request was taken.
fn was_woken(bench: &Bench, number: PortNumber) -> bool {
    let index = bench.switch.index_of(number).expect("a port");
    let ring = bench.switch.ports[index].ring();
    !ring.ends().take_wake_request(WakeFlag::FRAMES)
}

#[test]
fn an_owner_is_woken_for_a_frame_and_no_other_is() {
    let mut bench = Bench::new();
    sleep(&bench, A);
    sleep(&bench, B);
    bench.send(WIRE, A, 0..1);
    assert!(was_woken(&bench, A));
    assert!(!was_woken(&bench, B));
}

#[test]
fn an_owner_that_has_made_space_is_woken_for_a_queued_frame() {
    let mut bench = Bench::new();
    bench.send(WIRE, A, 0..SLOT_COUNT + 1);
    while bench.take(A).is_some() {}
    sleep(&bench, A);
    assert!(bench.end(A).take_wake_request(WakeFlag::SPACE));
    assert!(bench.switch.forward(PASSES));
    assert!(was_woken(&bench, A));
    assert_eq!(bench.take(A), Some(SLOT_COUNT));
}

#[test]
fn frames_of_a_port_that_is_not_served_stay_in_its_ring() {
    for service in [Service::Stopped, Service::Leaving] {
        let mut bench = Bench::new();
        bench.switch.quiesce(A, service);
        bench.send(A, WIRE, 0..3);
        assert_eq!(bench.end(A).outgoing().queued(), Ok(3));
        assert_eq!(bench.take(WIRE), None);
        bench.switch.activate(A, None);
        assert!(bench.switch.forward(PASSES));
        assert_eq!(bench.take_all(WIRE), [0, 1, 2]);
    }
}

#[test]
fn a_frame_to_its_own_sender_is_not_returned() {
    let mut bench = Bench::new();
    for number in [A, B] {
        bench.send(number, number, 0..1);
        assert_eq!(bench.take(number), None);
    }
}

#[test]
fn the_switch_wakes_when_the_address_of_a_domain_that_left_expires() {
    let mut bench = Bench::new();
    assert_eq!(bench.switch.next_ns(), NO_DEADLINE);
    bench.switch.forwarding.depart(A, 5);
    assert_eq!(bench.switch.next_ns(), 5 + KEPT_NS);
    bench.switch.expire(5 + KEPT_NS);
    assert_eq!(bench.switch.next_ns(), NO_DEADLINE);
}

/// A source of numbers that look random (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    fn port(&mut self) -> PortNumber {
        [WIRE, TUNNEL, A, B][self.below(4) as usize]
    }
}

/// Owners send, take, and go to sleep; ports stop and start.
fn disturb(bench: &mut Bench, random: &mut Random) {
    for _ in 0..random.below(400) {
        let (from, to) = (random.port(), random.port());
        if random.below(2) == 0 {
            let frame = frame(from, to, 60);
            // The ring may be full.
            let _ = bench.end(from).outgoing().send(&frame);
        } else {
            bench.take(from);
        }
    }
    for number in [WIRE, TUNNEL, A, B] {
        let end = bench.end(number);
        if end.incoming().queued() == Ok(0) {
            end.request_wake(WakeFlag::FRAMES);
        }
        if end.outgoing().space() == Ok(0) {
            end.request_wake(WakeFlag::SPACE);
        }
    }
    match random.below(16) {
        0 => bench.switch.quiesce(random.port(), Service::Leaving),
        1 => bench.switch.quiesce(random.port(), Service::Stopped),
        2 | 3 => bench.switch.activate(random.port(), None),
        _ => {}
    }
}

/// Checks that each owner and the switch would be woken for what they wait for, after the switch has found nothing to do.
fn check(bench: &Bench, number: PortNumber) {
    let port = &bench.switch.ports[bench.switch.index_of(number).expect("a port")];
    let entry = bench.switch.forwarding.find(number).expect("an entry");
    assert_eq!(port.is_active, entry.is_active());
    assert!(port.is_active || !port.has_waiting());
    if !port.is_active {
        return;
    }
    let (end, ring) = (bench.end(number), port.ring());
    let ends = ring.ends();
    assert_eq!(ends.incoming().queued(), Ok(0));
    assert!(end.take_wake_request(WakeFlag::FRAMES), "for frames");
    if port.has_waiting() {
        assert_eq!(ends.outgoing().space(), Ok(0));
        assert!(end.take_wake_request(WakeFlag::SPACE), "for space");
    }
    let frames = end.incoming().queued() != Ok(0);
    assert!(!(frames && ends.take_wake_request(WakeFlag::FRAMES)));
    assert!(!ends.take_wake_request(WakeFlag::SPACE));
}

#[test]
fn no_wake_up_is_lost_whatever_arrives_and_whichever_ports_stop() {
    for seed in 1..=40 {
        let mut random = Random(seed * 0x9e37_79b9);
        let mut bench = Bench::new();
        for _ in 0..60 {
            disturb(&mut bench, &mut random);
            if bench.switch.forward(PASSES) {
                for number in [WIRE, TUNNEL, A, B] {
                    check(&bench, number);
                }
            }
        }
    }
}
