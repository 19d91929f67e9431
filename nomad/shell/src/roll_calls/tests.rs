//! Roll calls of domains that other machines have, and the texts about them.

use alloc::collections::BTreeSet;
use core::net::Ipv4Addr;

use identity::{DomainId, Incarnation};
use nomad_protocol::planner::MoveOptions;
use nomad_protocol::{Doubt, Entry, LifeId, PhaseName, Side, TransactionId, samples};

use super::*;
use crate::machines::FleetMember;

fn name() -> Name {
    samples::offer().name
}

fn machines() -> Machines {
    let name = Name::try_new("a").expect("a name");
    let address = Ipv4Addr::new(10, 77, 0, 1);
    let own = FleetMember::new(name, MachineId([1; 32]), Some(address));
    Machines::new(own, Vec::new())
}

fn record(state: DomainState) -> DomainRecord {
    DomainRecord {
        name: name(),
        id: DomainId(1),
        incarnation: Incarnation(1),
        state,
        movable: true,
        is_part_of_machine: false,
        home: None,
        has_package: false,
        guest: None,
        pool_pages: 0,
        spent_pages: 0,
    }
}

/// The need of a domain that was sent away to a machine of the fleet.
fn watch() -> Need {
    Need {
        purpose: Purpose::Watch,
        guests: BTreeSet::new(),
        queries_guests: false,
    }
}

/// The purpose of the roll call for a domain whose home is this machine, given root's state of the domain and the reason for
/// which its unfinished move is in doubt.
fn purpose(state: DomainState, doubt: Doubt) -> Option<Purpose> {
    let offer = samples::offer();
    let entry = Entry {
        transaction: TransactionId(7),
        side: Side::Source,
        peer: MachineId([2; 32]),
        offer: &offer,
        options: &MoveOptions::default(),
        phase: PhaseName::Release,
        doubt: Some(doubt),
        is_about_to_run: false,
    };
    let fleet = Fleet::new([1, 2].map(|id| MachineId([id; 32])));
    let mut needed = needed(
        &[record(state)],
        [entry].into_iter(),
        &fleet,
        |_| unreachable!(),
    );
    needed.remove(&name()).map(|need| need.purpose)
}

#[test]
fn a_domain_that_has_left_is_missed_though_its_destination_is_silent() {
    let missed = purpose(DomainState::Waiting, Doubt::NotAcknowledged);
    assert_eq!(missed, Some(Purpose::Start));
    let missed = purpose(DomainState::Away, Doubt::NotAcknowledged);
    assert_eq!(missed, Some(Purpose::Watch));
    let doubted = purpose(DomainState::Exported, Doubt::Silent);
    assert_eq!(doubted, Some(Purpose::Doubt));
}

/// The home of a domain in doubt may have sent it to a guest since, and a guest may have a younger copy.
#[test]
fn every_guest_is_queried_about_a_domain_in_doubt() {
    let offer = samples::offer();
    let entry = Entry {
        transaction: TransactionId(7),
        side: Side::Destination,
        peer: MachineId([2; 32]),
        offer: &offer,
        options: &MoveOptions::default(),
        phase: PhaseName::Verify,
        doubt: Some(Doubt::Silent),
        is_about_to_run: false,
    };
    let guest = MachineId([9; 32]);
    let record = DomainRecord {
        guest: Name::try_new("guest-9").ok(),
        ..record(DomainState::Prepared)
    };
    let fleet = Fleet::new([1, 2].map(|id| MachineId([id; 32])));
    let mut needed = needed(&[record], [entry].into_iter(), &fleet, |_| guest);
    let need = needed.remove(&name()).expect("it is in doubt");
    assert!(need.queries_guests);
    assert_eq!(need.guests, BTreeSet::from([guest]));
}

/// A roll call with a reply from each other machine: the incarnation of its copy, and whether it runs.
fn replied(now: Instant, replies: &[(u64, bool)]) -> RollCall {
    let machine = |index: usize| MachineId([2 + index as u8; 32]);
    let others = (0..replies.len()).map(machine);
    let mut roll = RollCall::new(now, name(), others, Turn(1), Timing::STANDARD);
    roll.poll_queries(now);
    for (index, (incarnation, runs)) in replies.iter().enumerate() {
        let presence = Presence::Present {
            incarnation: Incarnation(*incarnation),
            runs: *runs,
        };
        roll.handle_reply(now, machine(index), Turn(1), presence);
    }
    roll
}

/// Whether an operator may start the domain here although another machine has a copy.
fn may_start(runs: bool, is_forced: bool) -> bool {
    let now = Instant::from_us(0);
    let roll = replied(now, &[(1, runs)]);
    let call = Call::new(watch(), roll);
    objection(now, &machines(), &call, is_forced).is_none()
}

#[test]
fn a_home_lists_the_copy_that_runs_and_marks_one_that_does_not() {
    let line = |replies: &[(u64, bool)]| {
        let now = Instant::from_us(0);
        let call = Call::new(watch(), replied(now, replies));
        call.home(now, &machines()).map(|home| home.to_string())
    };
    let runs = line(&[(1, false), (2, true), (3, false)]).expect("it is known");
    assert!(runs.ends_with("incarnation 2"), "{runs}");
    let stopped = line(&[(1, false), (3, false)]).expect("it is known");
    assert!(
        stopped.ends_with("incarnation 3, and does not run"),
        "{stopped}"
    );
}

#[test]
fn a_lost_domain_is_listed_with_the_youngest_copy_that_a_machine_had() {
    let machine = MachineId([1; 32]);
    let now = Instant::from_us(0);
    let roll = RollCall::new(now, name(), [machine], Turn(1), Timing::STANDARD);
    let mut call = Call::new(watch(), roll);
    let mut reply = |presence| {
        call.roll.poll_queries(now);
        let turn = call.roll.turn();
        call.handle_reply(now, machine, turn, presence);
        let home = call.home(now, &machines());
        home.map(|home| home.to_string())
    };
    for incarnation in [3, 2] {
        let presence = Presence::Present {
            incarnation: Incarnation(incarnation),
            runs: true,
        };
        let at = format!("home {} at 10.77.0.1, incarnation {incarnation}", name());
        assert_eq!(reply(presence), Some(at));
    }
    let absent = Presence::Absent {
        life: LifeId(1),
        activated: 0,
    };
    reply(absent);
    let lost = "lost: no machine has it; 10.77.0.1 had incarnation 3";
    assert_eq!(reply(absent), Some(format!("home {} {lost}", name())));
}

#[test]
fn only_a_copy_that_does_not_run_may_be_ignored_and_only_by_force() {
    let held = [(true, false), (true, true), (false, false), (false, true)];
    let may_start = held.map(|(runs, is_forced)| may_start(runs, is_forced));
    assert_eq!(may_start, [false, false, false, true]);
}

/// The text says what an operator can do about the machine that keeps the domain from starting.
#[test]
fn an_objection_has_a_next_step() {
    let by = MachineId([1; 32]);
    let text = |presence: Option<Presence>| {
        let now = Instant::from_us(0);
        let mut roll = RollCall::new(now, name(), [by], Turn(1), Timing::STANDARD);
        roll.poll_queries(now);
        let mut call = Call::new(watch(), roll);
        if let Some(presence) = presence {
            call.handle_reply(now, by, Turn(1), presence);
        }
        let late = now.after_us(if presence.is_some() { 0 } else { 60_000_000 });
        objection(late, &machines(), &call, false).expect("an obstacle")
    };
    let name = name();
    let silent = format!(
        "10.77.0.1 does not reply, so {name} is not run here: turn it on, or enter `force {name} run` if you know that it does not \
         have {name}"
    );
    assert_eq!(text(None), silent);
    let runs = Presence::Present {
        incarnation: Incarnation(1),
        runs: true,
    };
    let held = format!(
        "10.77.0.1 runs it, so {name} is not run here: stop it there, or try again in a few seconds"
    );
    assert_eq!(text(Some(runs)), held);
}

#[test]
fn nothing_is_forced_to_run_before_others_are_queried() {
    let calls = RollCalls::default();
    let objection = calls.objection_to_running(Instant::from_us(0), &machines(), name());
    assert!(objection.is_some());
}
