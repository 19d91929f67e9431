//! Hellos, which are only hints, and machines that share a name.

use core::net::Ipv4Addr;

use nomad_protocol::LifeId;

use super::*;
use crate::boots::TAKEOVER_US;

const PROBE_US: u64 = 500_000;

fn hello_of(number: u8, count: u64) -> Hello {
    Hello {
        name: name(number),
        boot: BootId(1),
        life: LifeId(2),
        count,
        address: Ipv4Addr::new(10, 77, 0, number),
    }
}

fn in_boot(number: u8, boot: u64) -> End {
    let mut end = End::new(number, "fleet");
    end.sessions = Sessions::new(Random::new([number.into(), boot, 0, 0]), Suites::ALL);
    end.sessions.boot = BootId(boot);
    end.sessions.fleet = [1, 2].map(|of| end.keys.machine(name(of))).into();
    end
}

/// Has the first end probe the second; returns the facts that each of them learns.
fn probe(now_us: u64, from: &mut End, to: &mut End) -> [Vec<Encounter>; 2] {
    let first = from.sessions.probe(&from.keys, now_us, to.keys.own_id());
    let mut datagrams = Vec::from_iter(first);
    let mut encounters = [Vec::new(), Vec::new()];
    while let Some(datagram) = datagrams.pop() {
        let there = to.handle_datagram(now_us, &datagram).expect("accepted");
        assert_eq!(there.incoming, None);
        encounters[1].extend(there.encounters);
        for reply in there.replies {
            let here = from.handle_datagram(now_us, &reply).expect("accepted");
            encounters[0].extend(here.encounters);
            datagrams.extend(here.replies);
        }
    }
    encounters
}

#[test]
fn a_probe_tells_both_sides_where_the_other_is_and_the_session_stays_usable() {
    let (mut a, mut b) = (in_boot(1, 1), in_boot(2, 1));
    let [a_id, b_id] = [&a, &b].map(|end| end.keys.own_id());
    let met = [b_id, a_id].map(|id| vec![Encounter::Met(id, BootId(1))]);
    assert_eq!(probe(0, &mut a, &mut b), met);
    // The empty message that completed b's session gets no reply, but the session still does not count as silent.
    let later_us = 10 * SILENCE_US;
    for (from, to) in [(&mut a, b_id), (&mut b, a_id)] {
        assert!(from.sessions.is_established(later_us, to));
    }
}

/// A guest may begin the handshake before its hello was received: its name comes with the handshake.
#[test]
fn a_machine_outside_of_the_fleet_that_begins_a_handshake_is_known_by_its_name() {
    let (mut guest, mut machine) = (in_boot(3, 1), in_boot(1, 1));
    let [guest_id, machine_id] = [&guest, &machine].map(|end| end.keys.own_id());
    let [here, there] = probe(0, &mut guest, &mut machine);
    assert_eq!(here, [Encounter::Met(machine_id, BootId(1))]);
    let introduced = Encounter::Introduced(guest_id, name(3));
    assert_eq!(there, [introduced, Encounter::Met(guest_id, BootId(1))]);
}

#[test]
fn a_hello_is_accepted_from_the_fleet_only() {
    let (a, mut b) = pair();
    let hello = hello_of(1, 7);
    let datagram = Sessions::hello(&a.keys, &hello);
    let received = b
        .handle_datagram(0, &datagram)
        .expect("a hello from the fleet is accepted");
    assert_eq!(received.incoming, Some(Incoming::Hello(hello)));
    assert!(received.replies.is_empty());
    for position in 0..datagram.len() {
        let mut changed = datagram.clone();
        changed[position] ^= 1;
        assert!(b.handle_datagram(0, &changed).is_err(), "{position}");
    }
    let stranger = Sessions::hello(&Keys::new("another", name(1)), &hello);
    let received = b.handle_datagram(0, &stranger);
    assert_eq!(received, Err(ReceiveError::Forged));
    assert!(b.sessions.peers.is_empty());
}

#[test]
fn a_restarted_machine_is_met_once_its_earlier_boot_is_silent() {
    let (mut a, mut b) = (in_boot(1, 1), in_boot(2, 1));
    let there = a.send(0, &b, b"there");
    carry(0, &mut a, &mut b, there);
    let mut b = in_boot(2, 2);
    let id = b.keys.own_id();
    let refused = [Encounter::Refused(id)];
    let refused_by = [Encounter::RefusedBy(a.keys.own_id())];
    // This probe uses up the first ticket, which may have been issued before the known boot was accepted.
    probe(1, &mut b, &mut a);
    let mut now_us = PROBE_US;
    let [here, there] = probe(now_us, &mut b, &mut a);
    assert_eq!((&here[..], &there[..]), (&refused_by[..], &refused[..]));
    let begin_us = now_us;
    // The restarted machine has the address of the earlier boot.
    while now_us < begin_us + TAKEOVER_US - PROBE_US {
        now_us += PROBE_US;
        assert_eq!(probe(now_us, &mut a, &mut b)[0], refused);
    }
    now_us += PROBE_US;
    let met = probe(now_us, &mut a, &mut b);
    assert_eq!(
        met[0],
        [Encounter::Restarted(id), Encounter::Met(id, BootId(2))]
    );
    let message = a.send(now_us, &b, b"message");
    assert_eq!(carry(now_us, &mut a, &mut b, message).0, [b"message"]);
}

#[test]
fn a_restarted_machine_may_take_over_by_its_own_handshake() {
    let (mut a, mut b) = (in_boot(1, 1), in_boot(2, 1));
    probe(0, &mut a, &mut b);
    let mut b = in_boot(2, 2);
    let id = b.keys.own_id();
    let mut there = Vec::new();
    for step in 1..20 {
        let now_us = step * PROBE_US;
        // This probe goes to the address of the earlier boot, where nothing replies any more.
        a.sessions.probe(&a.keys, now_us, id);
        let [_, learned] = probe(now_us + RETRY_US, &mut b, &mut a);
        there.extend(learned);
    }
    there.retain(|it| *it != Encounter::Refused(id));
    assert_eq!(
        there[..2],
        [Encounter::Restarted(id), Encounter::Met(id, BootId(2))]
    );
}

#[test]
fn of_two_machines_with_one_name_the_first_is_the_machine() {
    let (mut a, mut b) = (in_boot(1, 1), in_boot(2, 1));
    let there = a.send(0, &b, b"there");
    carry(0, &mut a, &mut b, there);
    let mut double = in_boot(2, 2);
    let id = b.keys.own_id();
    probe(1, &mut double, &mut a);
    let mut doubled = 0;
    for step in 1..50 {
        let now_us = step * PROBE_US;
        let [here, there] = probe(now_us, &mut double, &mut a);
        assert_eq!(there, [Encounter::Refused(id)], "{step}");
        assert_eq!(here, [Encounter::RefusedBy(a.keys.own_id())]);
        let now_us = now_us + RETRY_US;
        let [met, _] = probe(now_us, &mut a, &mut b);
        doubled += usize::from(met == [Encounter::Met(id, BootId(1)), Encounter::Doubled(id)]);
        let message = a.send(now_us, &b, b"message");
        assert_eq!(carry(now_us, &mut a, &mut b, message).0, [b"message"]);
    }
    assert_eq!(doubled, 49, "each probe shows that both are up");
    // Once the first is gone, the second is accepted as the machine.
    let mut now_us = 50 * PROBE_US;
    let met = core::iter::from_fn(|| {
        now_us += PROBE_US;
        let [met, _] = probe(now_us, &mut a, &mut double);
        Some(met)
    });
    let met = met
        .take(20)
        .position(|it| it.contains(&Encounter::Met(id, BootId(2))));
    assert!(met.is_some_and(|steps| steps as u64 * PROBE_US >= TAKEOVER_US - PROBE_US));
}
