//! The shares of the core that competing threads get, on a clock that stands still while the kernel works.

use std::collections::BTreeMap;

use abi::MessageInfo;
use abi::calls::{Call, ReplyAndReceive, Yield};
use abi::register::Slot;

use super::SLICE_MS;
use crate::arch::Cause;
use crate::memory::Ref;
use crate::objects::Thread;
use crate::objects::tests::checker::check;
use crate::testing::{TestDomain, World, calls, slots};

mod revoking;

/// The fake clock counts nanoseconds.
const MS: u64 = 1_000_000;
const SLICE: u64 = SLICE_MS * MS;
/// The duration of a contest: a few hundred slices.
const CONTEST: u64 = 2_000 * MS;

const NOTIFICATION: Slot = Slot(slots::FREE);
const ENDPOINT: Slot = Slot(slots::FREE + 1);
const REPLY: Slot = Slot(slots::FREE + 2);

/// The action of a thread that interrupts its computing.
#[derive(Clone, Copy, Debug)]
enum Act {
    Yield,
    /// Sleeps for this long.
    Sleep(u64),
    /// Signals the notification of its domain.
    Signal,
    /// Waits for that notification.
    Wait,
    /// Calls through the endpoint of its domain.
    Call,
    /// Answers, and receives the next call there.
    Serve,
}

/// The time at which a thread acts, given the time at which it began to run and the armed time of the timer.
type When = fn(u64, u64) -> u64;

#[derive(Clone, Copy, Debug)]
struct Contender {
    actor: TestDomain,
    habit: Option<(Act, When)>,
}

/// Threads that compete for the core, and the time that each has run.
struct Contest {
    world: World,
    contenders: Vec<Contender>,
    had: BTreeMap<usize, u64>,
    now: u64,
}

impl Contest {
    fn new() -> Contest {
        let world = World::new();
        world.machine.set_ticks_step(0);
        Contest {
            world,
            contenders: Vec::new(),
            had: BTreeMap::new(),
            now: MS,
        }
    }

    /// Adds a thread of this priority; returns its index among the contenders.
    fn enter(&mut self, priority: u8, habit: Option<(Act, When)>) -> usize {
        let actor = self.world.domain();
        self.world.does(actor, calls::notification(NOTIFICATION));
        self.world.kernel.scheduler.remove(actor.thread);
        actor.thread.priority.set(priority);
        self.contenders.push(Contender { actor, habit });
        self.contenders.len() - 1
    }

    /// Gives a contender the notification of another in place of its own.
    fn share_notification(&self, from: usize, to: usize) {
        let (from, to) = (self.contenders[from].actor, self.contenders[to].actor);
        let place = to.place(NOTIFICATION);
        self.world.kernel.empty_slot(place).expect("its own");
        self.world.give(from, NOTIFICATION, to, NOTIFICATION, 0);
    }

    /// Creates an endpoint that one contender receives from and another calls.
    fn share_endpoint(&self, server: usize, client: usize) {
        let [server, client] = [server, client].map(|number| self.contenders[number].actor);
        self.world.does(server, calls::endpoint(ENDPOINT));
        self.world.give(server, ENDPOINT, client, ENDPOINT, 7);
    }

    /// Runs a contest, and returns each contender's share of the total in percent.
    fn shares(&mut self) -> Vec<u64> {
        self.world.machine.set_ticks(self.now);
        let scheduler = &self.world.kernel.scheduler;
        // The setup is over: all are queued, in order.
        scheduler.rotate();
        for contender in &self.contenders {
            scheduler.remove(contender.actor.thread);
        }
        for contender in &self.contenders {
            scheduler.wake(contender.actor.thread);
        }
        self.world.kernel.enter(Cause::Spurious);
        let end = self.now + CONTEST;
        while self.now < end {
            self.run_once();
        }
        let all: u64 = self.had.values().sum();
        let had = |number| self.had.get(&number).copied().unwrap_or(0);
        (0..self.contenders.len())
            .map(|number| had(number) * 100 / all)
            .collect()
    }

    /// Runs the current thread until it acts or the timer fires.
    fn run_once(&mut self) {
        let timer = self.world.machine.timer();
        let Some(number) = self.current() else {
            return self.fire(timer.expect("somebody sleeps"));
        };
        let timer = timer.expect("while a thread runs the timer is armed");
        let habit = self.contenders[number].habit;
        let acts_at = habit.map_or(u64::MAX, |(_, when)| when(self.now, timer).max(self.now));
        let until = timer.min(acts_at).max(self.now);
        *self.had.entry(number).or_default() += until - self.now;
        if timer <= acts_at {
            return self.fire(timer);
        }
        self.advance(until);
        let (act, _) = habit.expect("it acts");
        self.act(self.contenders[number].actor.thread, act);
    }

    fn current(&self) -> Option<usize> {
        let current = self.world.kernel.scheduler.current()?;
        self.contenders
            .iter()
            .position(|contender| contender.actor.thread == current)
    }

    fn fire(&mut self, timer: u64) {
        self.advance(timer.max(self.now));
        self.world.machine.take_timer();
        self.world.kernel.enter(Cause::Timer);
    }

    fn advance(&mut self, now: u64) {
        self.now = now;
        self.world.machine.set_ticks(now);
    }

    fn act(&self, thread: Ref<Thread>, act: Act) {
        let notification = NOTIFICATION;
        let wait = |deadline| calls::wait(notification, deadline);
        match act {
            Act::Yield => self.world.begin_step(thread, Yield {}),
            Act::Sleep(time) => self.world.begin_step(thread, wait(self.now + time)),
            Act::Wait => self.world.begin_step(thread, wait(u64::MAX)),
            Act::Call => self.world.begin_step(thread, call()),
            Act::Serve => self.world.begin_step(thread, serve()),
            Act::Signal => {
                self.world
                    .begin_step(thread, calls::signal(notification, 1));
            }
        }
    }
}

fn call() -> Call {
    Call::new(ENDPOINT, MessageInfo::EMPTY, [0; 4])
}

fn serve() -> ReplyAndReceive {
    ReplyAndReceive::new(ENDPOINT, MessageInfo::EMPTY, [0; 4], REPLY)
}

/// Just before the timer fires, as a thread can predict from the time-stamp counter.
fn before_the_timer(began: u64, timer: u64) -> u64 {
    began.max(timer.saturating_sub(MS / 10))
}

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
    // The sleeper above them wakes in the middle of slices, often enough to interrupt every slice.
    let mut contest = Contest::new();
    let often: When = |began, _| began + MS / 2;
    let above = contest.enter(20, Some((Act::Sleep(MS * 7 / 10), often)));
    let (first, second) = (contest.enter(10, None), contest.enter(10, None));
    let shares = contest.shares();
    assert!((40..=43).contains(&shares[above]), "{shares:?}");
    assert!(shares[first].abs_diff(shares[second]) <= 1, "{shares:?}");
}

#[test]
fn a_signal_to_a_thread_above_costs_the_signaller_no_turn() {
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
    // The second wakes just before the slice of the first ends: it gets a slice of its own, not that rest.
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
fn threads_that_call_each_other_share_one_slice_and_wait_for_no_other_in_between() {
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
fn the_segment_bases_that_a_thread_sets_are_its_own_and_last() {
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
