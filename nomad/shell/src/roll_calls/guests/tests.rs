//! The guests that a roll call queries.

use alloc::collections::BTreeMap;
use core::net::Ipv4Addr;

use identity::{DomainId, Incarnation, Name};
use nomad_protocol::{Timing, Turn};
use service_protocol::root::{DomainRecord, DomainState};

use super::*;
use crate::machines::FleetMember;
use crate::roll_calls::needed;

const HOME: MachineId = MachineId([1; 32]);
const SENT_TO: MachineId = MachineId([2; 32]);
const UP: MachineId = MachineId([3; 32]);
const NOW: Instant = Instant::from_us(0);

fn name(text: &str) -> Name {
    Name::try_new(text).expect("a name")
}

/// A home with two guests that are up.
fn machines() -> Machines {
    let address = Ipv4Addr::new(10, 77, 0, 1);
    let own = FleetMember::new(name("a"), HOME, Some(address));
    let mut machines = Machines::new(own, Vec::new());
    for (text, id) in [("guest-2", SENT_TO), ("guest-3", UP)] {
        machines.add_guest(name(text), id, Ipv4Addr::new(10, 77, 0, id.0[0]));
    }
    machines
}

/// The roll call of a domain that is at home here and away.
fn calls(machines: &mut Machines, has_package: bool, guest: Option<&str>) -> RollCalls {
    let record = DomainRecord {
        name: name("pushed"),
        id: DomainId(1),
        incarnation: Incarnation(1),
        state: DomainState::Away,
        movable: true,
        is_part_of_machine: false,
        home: Some(name("a")),
        has_package,
        guest: guest.map(name),
        pool_pages: 0,
        spent_pages: 0,
    };
    let fleet = Fleet::new([HOME]);
    let none = core::iter::empty();
    let needed: BTreeMap<_, _> = needed(&[record], none, &fleet, |_| SENT_TO);
    let mut calls = RollCalls::default();
    calls.update(NOW, needed, surroundings(&fleet, machines), || Turn(1));
    calls
}

/// What a home knows that has listened for guests for a long time.
fn surroundings<'a>(fleet: &'a Fleet, machines: &'a mut Machines) -> Surroundings<'a> {
    Surroundings {
        fleet,
        machines,
        guests_known_from: Some(NOW),
        timing: Timing::STANDARD,
    }
}

fn update(calls: &mut RollCalls, now: Instant, machines: &mut Machines) {
    let fleet = Fleet::new([HOME]);
    calls.update_machines(now, surroundings(&fleet, machines));
}

fn queried(calls: &mut RollCalls, now: Instant) -> Vec<MachineId> {
    let queries = calls.poll_queries(now).into_iter();
    queries.map(|(machine, ..)| machine).collect()
}

#[test]
fn a_domain_of_the_manifest_is_not_looked_for_on_guests() {
    let mut calls = calls(&mut machines(), false, None);
    assert_eq!(queried(&mut calls, NOW), [HOME]);
}

#[test]
fn a_domain_of_a_package_is_looked_for_on_all_guests_that_are_up() {
    let mut calls = calls(&mut machines(), true, None);
    assert_eq!(queried(&mut calls, NOW), [HOME, SENT_TO, UP]);
}

#[test]
fn a_guest_that_the_domain_was_sent_to_is_queried_though_it_is_not_up() {
    let mut machines = machines();
    for guest in [SENT_TO, UP] {
        machines.mark_silent(guest);
    }
    let mut calls = calls(&mut machines, true, Some("guest-2"));
    assert_eq!(queried(&mut calls, NOW), [HOME, SENT_TO]);
}

#[test]
fn a_silent_guest_is_waited_for_only_if_the_domain_was_sent_to_it() {
    let mut machines = machines();
    let mut calls = calls(&mut machines, true, Some("guest-2"));
    assert_eq!(queried(&mut calls, NOW), [HOME, SENT_TO, UP]);
    let late = NOW.after_us(Timing::STANDARD.silence_limit_us);
    update(&mut calls, late, &mut machines);
    assert_eq!(queried(&mut calls, late), [HOME, SENT_TO]);
    let why = calls.start_objection(late, &machines, name("pushed"));
    let why = why.expect("the guest is silent");
    assert!(!why.contains("guest-3"), "{why}");
}
