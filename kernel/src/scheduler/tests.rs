//! The shares of the core that competing threads get, on a clock that stands still while the kernel works.

use abi::calls::Yield;
use abi::register::Slot;

use super::SLICE_MS;
use crate::objects::tests::checker::check;
use crate::testing::{World, calls, slots};
use contest::{Act, Contest, When, before_the_timer};

mod contest;
mod revoking;

/// The fake clock counts nanoseconds.
const MS: u64 = 1_000_000;
const SLICE: u64 = SLICE_MS * MS;

const NOTIFICATION: Slot = Slot(slots::FREE);
const ENDPOINT: Slot = Slot(slots::FREE + 1);
const REPLY: Slot = Slot(slots::FREE + 2);

#[test]
fn threads_of_equal_priority_share_the_core() {
    let mut contest = Contest::new();
    for _ in 0..4 {
        contest.enter(10, None);
    }
    assert_eq!(contest.shares(), [25, 25, 25, 25]);
}

#[test]
fn a_thread_that_yields_before_its_slice_ends_gains_nothing() {
    let acts = [
        Act::Yield,
        Act::Sleep(1),
        Act::Sleep(MS / 20),
        Act::Sleep(MS),
    ];
    for act in acts {
        let mut contest = Contest::new();
        let thief = contest.enter(10, Some((act, before_the_timer)));
        let victim = contest.enter(10, None);
        let shares = contest.shares();
        assert!(shares[thief] <= 51, "{act:?}: {shares:?}");
        assert!(shares[victim] >= 49, "{act:?}: {shares:?}");
    }
}

#[test]
fn yielding_at_any_moment_gains_nothing() {
    let moments: [When; 4] = [
        |began, _| began + MS / 100,
        |began, _| began + MS,
        |began, _| began + SLICE / 2,
        |began, _| began + SLICE - 1,
    ];
    for moment in moments {
        let mut contest = Contest::new();
        let thief = contest.enter(10, Some((Act::Yield, moment)));
        contest.enter(10, None);
        contest.enter(10, None);
        let shares = contest.shares();
        assert!(shares[thief] <= 34, "{shares:?}");
        assert!(shares[1].abs_diff(shares[2]) <= 1, "{shares:?}");
    }
}

#[test]
fn a_preempted_thread_keeps_the_rest_of_its_slice() {
    // The higher-priority sleeper wakes in the middle of slices, often enough to interrupt every slice.
    let mut contest = Contest::new();
    let often: When = |began, _| began + MS / 2;
    let above = contest.enter(20, Some((Act::Sleep(MS * 7 / 10), often)));
    let (first, second) = (contest.enter(10, None), contest.enter(10, None));
    let shares = contest.shares();
    assert!((40..=43).contains(&shares[above]), "{shares:?}");
    assert!(shares[first].abs_diff(shares[second]) <= 1, "{shares:?}");
}

#[test]
fn a_signal_to_a_higher_priority_thread_costs_the_signaller_no_turn() {
    let mut contest = Contest::new();
    let soon: When = |began, _| began + MS / 3;
    let at_once: When = |began, _| began;
    let above = contest.enter(20, Some((Act::Wait, at_once)));
    let signaller = contest.enter(10, Some((Act::Signal, soon)));
    let victim = contest.enter(10, None);
    contest.share_notification(above, signaller);
    let shares = contest.shares();
    assert_eq!(shares[above], 0);
    assert!(
        shares[signaller].abs_diff(shares[victim]) <= 2,
        "{shares:?}"
    );
}

#[test]
fn a_slice_is_whole_however_late_the_timer_was_armed() {
    // The first thread yields just before its slice ends. The second gets a slice of its own, not the rest of the first
    // one's.
    let mut contest = Contest::new();
    contest.enter(10, Some((Act::Yield, before_the_timer)));
    let second = contest.enter(10, None);
    contest.world.machine.set_ticks(contest.now);
    contest.shares();
    let turns = contest.had[&second] / SLICE;
    assert!(turns > 190, "{turns} slices");
}

#[test]
fn a_system_call_whose_caller_keeps_running_neither_reads_the_clock_nor_arms_the_timer() {
    let world = World::new();
    let actor = world.domain();
    world.does(actor, calls::notification(NOTIFICATION));
    world.machine.set_ticks(MS);
    world.machine.take_events();
    world.does(actor, calls::signal(NOTIFICATION, 1));
    world.does(actor, abi::calls::Null {});
    world.machine.set_ticks_step(0);
    assert_eq!(crate::arch::ticks(), MS);
    let arms = world.machine.take_events();
    let armed =
        |event: &crate::arch::fake::Event| matches!(event, crate::arch::fake::Event::ArmTimer(_));
    assert!(!arms.iter().any(armed), "{arms:?}");
}

#[test]
fn threads_that_call_each_other_share_one_slice_and_wait_for_no_other_thread_meanwhile() {
    let soon = |began: u64, _| began + MS / 10;
    let mut contest = Contest::new();
    let server = contest.enter(10, Some((Act::Serve, soon)));
    let client = contest.enter(10, Some((Act::Call, soon)));
    let third = contest.enter(10, None);
    contest.share_endpoint(server, client);
    let shares = contest.shares();
    assert!((48..=52).contains(&shares[third]), "{shares:?}");
    assert!((23..=27).contains(&shares[client]), "{shares:?}");
    assert!((23..=27).contains(&shares[server]), "{shares:?}");
}

#[test]
fn a_call_to_a_higher_priority_server_does_not_donate_its_slice() {
    // The slice ends while the server runs, so the server continues with one of its own.
    let mut contest = Contest::new();
    let server = contest.enter(20, Some((Act::Serve, |began, _| began + MS / 5)));
    let client = contest.enter(10, Some((Act::Call, before_the_timer)));
    let victim = contest.enter(10, None);
    contest.share_endpoint(server, client);
    let shares = contest.shares();
    assert!(shares[victim] >= 48, "{shares:?}");
    assert!(shares[client] >= 45, "{shares:?}");
}

#[test]
fn a_thread_keeps_the_segment_bases_that_it_sets() {
    let world = World::new();
    let threads = [world.domain().thread, world.domain().thread];
    let bases = [(0x10_0000, 0x20_0000), (0x30_0000, u64::MAX)];
    for (thread, (fs, gs)) in threads.into_iter().zip(bases) {
        world.does(thread, abi::calls::Null {});
        assert_eq!(world.machine.segment_bases(), (0, 0));
        world.machine.set_segment_bases(fs, gs);
    }
    for (thread, own) in threads.into_iter().zip(bases) {
        world.does(thread, Yield {});
        world.kernel.scheduler.force(thread);
        assert_eq!(world.machine.segment_bases(), own);
    }
}

#[test]
fn a_ready_thread_with_a_raised_priority_is_chosen_before_its_former_equals() {
    const RAISED: Slot = Slot(20);
    let world = World::new();
    let [chief, first, second] = [(); 3].map(|()| world.domain());
    world.give(second, slots::THREAD, chief, RAISED, 0);
    let scheduler = &world.kernel.scheduler;
    for (actor, priority) in [(chief, 20), (first, 10), (second, 10)] {
        scheduler.remove(actor.thread);
        actor.thread.priority.set(priority);
        scheduler.wake(actor.thread);
    }
    world.does(chief, calls::schedule(RAISED, 15));
    world.begin_step(chief, calls::stop(slots::THREAD));
    assert_eq!(scheduler.current(), Some(second.thread));
    check(&world.kernel);
}
