//! Deadlines in the time of a domain whose clock differs much from the machine's.

use abi::Error;
use abi::calls::Wait;

use super::{NOTIFICATION, pair};
use crate::objects::Phase;
use crate::testing::{TestDomain, World, calls, slots};

const SECOND_NS: u64 = 1_000_000_000;

fn wait(deadline: u64) -> Wait {
    calls::wait(NOTIFICATION, deadline)
}

/// A test domain with a notification, whose clock is ahead of the machine's by this many nanoseconds.
fn with_clock(offset: i64) -> (World, TestDomain) {
    let (world, actor, _) = pair();
    world.does(actor, calls::notification(NOTIFICATION));
    world.does(actor, calls::clock(slots::DOMAIN, offset));
    (world, actor)
}

#[test]
fn a_deadline_before_the_machine_started_has_passed() {
    let offset = 10 * SECOND_NS.cast_signed();
    for deadline in [0, 1, 5 * SECOND_NS, 10 * SECOND_NS] {
        let (world, actor) = with_clock(offset);
        let late = world.call(actor, wait(deadline));
        assert_eq!(late, Err(Error::TimedOut), "{deadline}");
    }
    let (world, actor) = with_clock(i64::MAX);
    let late = world.call(actor, wait(i64::MAX as u64));
    assert_eq!(late, Err(Error::TimedOut));
}

#[test]
fn a_deadline_beyond_the_end_of_the_machines_time_is_waited_for() {
    for deadline in [0, SECOND_NS, abi::NO_DEADLINE - 1] {
        let (world, actor) = with_clock(i64::MIN);
        world.begin(actor, wait(deadline));
        let phase = actor.thread.phase.get();
        assert!(matches!(phase, Phase::Waiting { .. }), "{deadline}");
        assert!(world.kernel.scheduler.timers.earliest().is_some());
    }
}
