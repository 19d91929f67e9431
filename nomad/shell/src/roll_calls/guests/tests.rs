//! The guests that a roll call queries.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use identity::{DomainId, Incarnation, Name};
use nomad_protocol::{BootId, LifeId, Timing, Turn};
use service_protocol::root::{DomainRecord, DomainState};

use super::*;
use crate::machines::FleetMember;
use crate::roll_calls::{Need, Purpose, needed};

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
        claimed: BTreeSet::new(),
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
    // It may only be slow.
    let soon = NOW.after_us(Timing::STANDARD.silence_limit_us);
    update(&mut calls, soon, &mut machines);
    assert_eq!(queried(&mut calls, soon), [HOME, SENT_TO, UP]);
    let late = late(NOW);
    update(&mut calls, late, &mut machines);
    assert_eq!(queried(&mut calls, late), [HOME, SENT_TO]);
    let why = calls.start_objection(late, &machines, name("pushed"));
    let why = why.expect("the guest is silent");
    assert!(!why.contains("guest-3"), "{why}");
}

#[test]
fn a_guest_that_gives_signs_of_life_is_waited_for_however_slow_it_is() {
    let mut machines = machines();
    let mut calls = calls(&mut machines, true, None);
    let mut now = NOW;
    for _ in 0..5 {
        machines.mark_up(now, UP);
        now = now.after_us(QUIET_US - 1);
        update(&mut calls, now, &mut machines);
        assert!(queried(&mut calls, now).contains(&UP));
        assert!(objection_to_start(&mut calls, now, &machines).is_some());
    }
    let forced = calls.check_start(now, &machines, name("pushed"), true);
    assert_eq!(forced, Ok(0), "an operator may decide that it is dead");
}

const RUNS: Presence = Presence::Present {
    incarnation: Incarnation(2),
    runs: true,
};
const ABSENT: Presence = Presence::Absent {
    life: LifeId(1),
    activated: 0,
};

/// Has machines reply in the present turn; returns whether root is to remember the last of them.
fn reply(calls: &mut RollCalls, now: Instant, replies: &[(MachineId, Presence)]) -> bool {
    calls.poll_queries(now);
    let turn = calls.calls[0].roll.turn();
    let mut is_remembered = false;
    for (machine, presence) in replies {
        let (from, about) = ((*machine, &Fleet::new([HOME])), (name("pushed"), turn));
        is_remembered = calls.handle_reply(now, from, about, *presence);
    }
    is_remembered
}

/// The moment at which a query of `now` has been without a reply for too long.
fn late(now: Instant) -> Instant {
    now.after_us(QUIET_US)
}

fn objection_to_start(calls: &mut RollCalls, now: Instant, machines: &Machines) -> Option<String> {
    let refused = calls.take_for_start(now, machines, name("pushed"), false);
    refused.err()
}

#[test]
fn a_guest_that_has_reported_the_domain_is_waited_for_although_root_knew_nothing_of_it() {
    let mut machines = machines();
    let mut calls = calls(&mut machines, true, None);
    let replies = [(HOME, ABSENT), (SENT_TO, ABSENT), (UP, RUNS)];
    assert!(reply(&mut calls, NOW, &replies), "root is to remember it");
    assert_eq!(calls.found_guests().collect::<Vec<_>>(), [UP]);
    let next = calls.poll_timeout().expect("the call goes on");
    reply(&mut calls, next, &[(HOME, ABSENT), (SENT_TO, ABSENT)]);
    let silent = late(next);
    update(&mut calls, silent, &mut machines);
    reply(&mut calls, silent, &[(HOME, ABSENT), (SENT_TO, ABSENT)]);
    assert!(calls.calls[0].roll.queries(UP));
    let refused = objection_to_start(&mut calls, silent, &machines).expect("it is silent");
    assert!(
        refused.contains("guest-3") && refused.contains("does not reply"),
        "{refused}"
    );
    let replies = [(HOME, ABSENT), (SENT_TO, ABSENT), (UP, ABSENT)];
    assert!(!reply(&mut calls, silent, &replies));
    reply(&mut calls, silent, &replies);
    assert_eq!(objection_to_start(&mut calls, silent, &machines), None);
}

#[test]
fn what_guests_have_reported_is_kept_when_the_purpose_of_a_call_changes() {
    let mut machines = machines();
    let mut calls = calls(&mut machines, true, None);
    reply(&mut calls, NOW, &[(UP, RUNS)]);
    let waits = Need {
        purpose: Purpose::Start,
        guests: BTreeSet::new(),
        queries_guests: true,
    };
    let needed = BTreeMap::from([(name("pushed"), waits)]);
    let fleet = Fleet::new([HOME]);
    machines.mark_silent(UP);
    calls.update(NOW, needed, surroundings(&fleet, &mut machines), || Turn(9));
    assert!(queried(&mut calls, NOW).contains(&UP));
}

/// A turn may be late because another machine is silent.
#[test]
fn a_guest_that_comes_up_in_a_late_turn_has_the_time_to_reply() {
    let mut machines = machines();
    machines.mark_silent(UP);
    let mut calls = calls(&mut machines, true, Some("guest-2"));
    reply(&mut calls, NOW, &[(HOME, ABSENT)]);
    let now = late(NOW);
    machines.prove(now, (UP, BootId(1)), Ipv4Addr::new(10, 77, 0, 3));
    update(&mut calls, now, &mut machines);
    reply(&mut calls, now, &[(HOME, ABSENT)]);
    update(&mut calls, now, &mut machines);
    reply(&mut calls, now, &[(UP, RUNS)]);
    let mut obstacles = calls.calls[0].roll.obstacles(now);
    assert!(obstacles.any(|it| matches!(it, Obstacle::Held { by: UP, .. })));
}

#[test]
fn the_reason_that_a_guest_runs_the_domain_names_the_guest_and_the_remedy() {
    let mut machines = machines();
    let mut calls = calls(&mut machines, true, None);
    reply(&mut calls, NOW, &[(HOME, ABSENT), (UP, RUNS)]);
    for is_forced in [false, true] {
        let refused = calls.take_for_start(NOW, &machines, name("pushed"), is_forced);
        let refused = refused.expect_err("the guest runs it");
        for part in ["guest-3", "runs it", "move it home", "turn the guest off"] {
            assert!(refused.contains(part), "{refused}");
        }
    }
}

#[test]
fn a_guest_whose_name_another_machine_claims_is_waited_for() {
    let mut machines = machines();
    let mut calls = calls(&mut machines, true, None);
    reply(&mut calls, NOW, &[(HOME, ABSENT), (SENT_TO, ABSENT)]);
    let (now, fleet) = (late(NOW), Fleet::new([HOME]));
    let surroundings = Surroundings {
        claimed: BTreeSet::from([UP]),
        ..surroundings(&fleet, &mut machines)
    };
    calls.update_machines(now, surroundings);
    reply(&mut calls, now, &[(HOME, ABSENT), (SENT_TO, ABSENT)]);
    reply(&mut calls, now, &[(HOME, ABSENT), (SENT_TO, ABSENT)]);
    assert!(calls.take_ready().is_empty());
    assert!(machines.guests_up().any(|guest| guest == UP));
}

/// It completes handshakes, so it comes up again and again, and never replies.
#[test]
fn only_force_does_not_wait_for_a_guest_that_never_replies() {
    let mut machines = machines();
    machines.mark_silent(SENT_TO);
    let mut calls = calls(&mut machines, true, None);
    let mut now = NOW;
    reply(&mut calls, now, &[(HOME, ABSENT)]);
    now = late(now);
    update(&mut calls, now, &mut machines);
    machines.prove(now, (UP, BootId(1)), Ipv4Addr::new(10, 77, 0, 3));
    update(&mut calls, now, &mut machines);
    calls.poll_queries(now);
    let forced = calls.check_start(now, &machines, name("pushed"), true);
    assert_eq!(forced, Ok(0), "it has had its time");
    // `start` alone could begin a second copy beside a guest that is only slow.
    for _ in 0..2 {
        let refused = objection_to_start(&mut calls, now, &machines);
        let refused = refused.expect("it may reply");
        assert!(
            refused.contains("guest-3") && refused.contains("`force pushed run`"),
            "{refused}"
        );
        update(&mut calls, now, &mut machines);
        reply(&mut calls, now, &[(HOME, ABSENT)]);
    }
}

#[test]
fn a_guest_that_was_just_met_is_waited_for_even_by_force() {
    let mut machines = machines();
    machines.mark_silent(SENT_TO);
    let mut calls = calls(&mut machines, true, None);
    reply(&mut calls, NOW, &[(HOME, ABSENT)]);
    for is_forced in [false, true] {
        let refused = calls.take_for_start(NOW, &machines, name("pushed"), is_forced);
        assert!(refused.expect_err("it may reply").contains("guest-3"));
    }
}
