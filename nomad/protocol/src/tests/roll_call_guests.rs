//! Roll calls whose machines change: guests that come and go.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use identity::Name;

use crate::*;

const HOME: MachineId = MachineId([1; 32]);
const B: MachineId = MachineId([2; 32]);
const GUEST: MachineId = MachineId([4; 32]);
const FIRST: Turn = Turn(7);
const NOW: Instant = Instant::from_us(0);

fn roll_call() -> RollCall {
    let name = Name::try_new("counter").expect("a name");
    RollCall::new(NOW, name, [HOME, B], FIRST, Timing::default())
}

/// Has machines reply in the present turn that they do not have the domain.
fn reply_all(call: &mut RollCall, machines: &[MachineId]) {
    call.poll_queries(NOW);
    let turn = call.turn();
    for machine in machines {
        let life = LifeId(1);
        let absent = Presence::Absent { life, activated: 0 };
        call.handle_reply(NOW, *machine, turn, absent);
    }
}

#[test]
fn a_machine_that_is_added_has_to_reply_in_two_turns() {
    let mut call = roll_call();
    let all = BTreeSet::from([HOME, B, GUEST]);
    reply_all(&mut call, &[HOME, B]);
    call.set_machines(NOW, &all);
    assert_eq!(
        call.obstacles(NOW).collect::<Vec<_>>(),
        [Obstacle::Pending(GUEST)]
    );
    reply_all(&mut call, &[HOME, B, GUEST]);
    assert!(
        !call.is_over(),
        "the new machine has replied in one turn only"
    );
    reply_all(&mut call, &[HOME, B, GUEST]);
    assert!(call.is_over());
}

#[test]
fn a_call_that_was_over_goes_on_with_a_machine_that_is_added() {
    let mut call = roll_call();
    reply_all(&mut call, &[HOME, B]);
    reply_all(&mut call, &[HOME, B]);
    assert!(call.is_over());
    call.set_machines(NOW, &BTreeSet::from([HOME, B, GUEST]));
    assert!(!call.is_over());
    assert!(call.poll_queries(NOW).contains(&GUEST));
}

#[test]
fn a_call_does_not_wait_for_a_machine_that_is_removed() {
    let mut call = roll_call();
    call.set_machines(NOW, &BTreeSet::from([HOME, B, GUEST]));
    reply_all(&mut call, &[HOME, B]);
    assert_eq!(call.turn(), FIRST);
    call.set_machines(NOW, &BTreeSet::from([HOME, B]));
    assert_eq!(call.turn(), FIRST.next());
    reply_all(&mut call, &[HOME, B]);
    assert!(call.is_over());
}

#[test]
fn a_call_does_not_end_before_its_machines_are_complete() {
    let mut call = roll_call();
    let complete = NOW.after_us(10_000_000);
    call.set_complete_from(NOW, Some(complete));
    reply_all(&mut call, &[HOME, B]);
    assert_eq!(call.poll_timeout(), complete, "more turns prove nothing");
    let reply_at = |call: &mut RollCall, now: Instant| {
        call.poll_queries(now);
        for machine in [HOME, B] {
            let life = LifeId(1);
            let absent = Presence::Absent { life, activated: 0 };
            call.handle_reply(now, machine, call.turn(), absent);
        }
    };
    reply_at(&mut call, complete);
    assert!(call.is_over());
    call.set_complete_from(complete, None);
    assert!(!call.is_over());
    for second in 0..60 {
        reply_at(&mut call, complete.after_us(second * 1_000_000));
        assert!(!call.is_over(), "it is not known which machines there are");
    }
}

/// The machine may have had the domain, and have sent it to one that had replied before.
#[test]
fn two_turns_have_to_follow_without_a_machine_that_is_removed() {
    let mut call = roll_call();
    call.set_machines(NOW, &BTreeSet::from([HOME, B, GUEST]));
    reply_all(&mut call, &[HOME, B, GUEST]);
    reply_all(&mut call, &[HOME, B]);
    call.set_machines(NOW, &BTreeSet::from([HOME, B]));
    assert!(!call.is_over());
    reply_all(&mut call, &[HOME, B]);
    assert!(call.is_over());
}

#[test]
fn a_machine_that_is_added_to_a_late_turn_is_not_silent_before_it_could_reply() {
    let mut call = roll_call();
    reply_all(&mut call, &[HOME]);
    let limit_us = Timing::default().silence_limit_us;
    let late = NOW.after_us(limit_us);
    call.set_machines(late, &BTreeSet::from([HOME, B, GUEST]));
    call.poll_queries(late);
    let of = |call: &RollCall, now| {
        let mut obstacles = call.obstacles(now);
        obstacles.find(|it| matches!(it, Obstacle::Pending(GUEST) | Obstacle::Silent(GUEST)))
    };
    assert_eq!(of(&call, late), Some(Obstacle::Pending(GUEST)));
    let silent = late.after_us(limit_us);
    assert_eq!(of(&call, silent), Some(Obstacle::Silent(GUEST)));
}
