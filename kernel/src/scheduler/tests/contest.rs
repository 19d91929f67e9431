//! A contest of threads for the core: [`Contest`].

use std::collections::BTreeMap;

use abi::MessageInfo;
use abi::calls::{Call, ReplyAndReceive, Yield};

use super::{ENDPOINT, MS, NOTIFICATION, REPLY};
use crate::arch::Cause;
use crate::memory::Ref;
use crate::objects::Thread;
use crate::testing::{TestDomain, World, calls};

/// The duration of a contest: a few hundred slices.
const CONTEST: u64 = 2_000 * MS;

/// The action of a thread that interrupts its computing.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    Yield,
    /// Sleeps for this long.
    Sleep(u64),
    /// Signals the notification of its domain.
    Signal,
    /// Waits for that notification.
    Wait,
    /// Calls through the endpoint of its domain.
    Call,
    /// Replies, and receives the next call at that endpoint.
    Serve,
}

/// The time at which a thread acts, given the time at which it began to run and the time for which the timer is armed.
pub type When = fn(u64, u64) -> u64;

/// A thread, and the action with which it interrupts its computing, if any.
#[derive(Clone, Copy, Debug)]
struct Contender {
    actor: TestDomain,
    habit: Option<(Act, When)>,
}

/// Threads that compete for the core, and the time that each has run.
pub struct Contest {
    pub world: World,
    contenders: Vec<Contender>,
    /// The time that each contender has run, by its index.
    pub had: BTreeMap<usize, u64>,
    pub now: u64,
}

impl Contest {
    pub fn new() -> Contest {
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
    pub fn enter(&mut self, priority: u8, habit: Option<(Act, When)>) -> usize {
        let actor = self.world.domain();
        self.world.does(actor, calls::notification(NOTIFICATION));
        self.world.kernel.scheduler.remove(actor.thread);
        actor.thread.priority.set(priority);
        self.contenders.push(Contender { actor, habit });
        self.contenders.len() - 1
    }

    /// Gives a contender the notification of another in place of its own.
    pub fn share_notification(&self, from: usize, to: usize) {
        let (from, to) = (self.contenders[from].actor, self.contenders[to].actor);
        let place = to.place(NOTIFICATION);
        self.world.kernel.empty_slot(place).expect("its own");
        self.world.give(from, NOTIFICATION, to, NOTIFICATION, 0);
    }

    /// Creates an endpoint that one contender receives from and another calls.
    pub fn share_endpoint(&self, server: usize, client: usize) {
        let [server, client] = [server, client].map(|number| self.contenders[number].actor);
        self.world.does(server, calls::endpoint(ENDPOINT));
        self.world.give(server, ENDPOINT, client, ENDPOINT, 7);
    }

    /// Runs a contest, and returns each contender's share of the total in percent.
    pub fn shares(&mut self) -> Vec<u64> {
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
            return self.fire(timer.expect("a thread sleeps"));
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

/// Just before the timer fires, which a thread can predict from the time-stamp counter.
pub fn before_the_timer(began: u64, timer: u64) -> u64 {
    began.max(timer.saturating_sub(MS / 10))
}
