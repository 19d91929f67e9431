//! The scheduler: [`Scheduler`].
//!
//! Priorities are fixed, and threads of equal priority run round robin: the thread at the head of its ready queue runs for a
//! time slice of [`SLICE_MS`], then goes to the tail. The slice belongs to the thread:
//!
//! ```text
//!   woken, yields, slice expires --> tail of its queue, with a whole slice
//!   preempted                    --> head of its queue, with the rest of its slice
//!   chosen from its queue        --> its slice begins, or continues
//!   called, replied to           --> runs in place of its partner, which now waits, for the rest of that slice; but goes
//!                                    to the tail if that slice began above its priority
//!   slice expires in a revoke    --> runs on until the revocation is done
//! ```
//!
//! So a thread that yields early takes nothing from the next one, and a preempted thread loses nothing. Each thread runs for
//! at most one slice before all others that were ready at its priority have had theirs. A revocation is the exception
//! (decision 25).
//!
//! The scheduler reads the clock only when it chooses a thread from a queue, not after a system call whose caller keeps running.
//! The timer is re-armed only for an earlier time. If a slice ends later than the armed time, its end is armed when the timer
//! fires.
//!
//! | file | content |
//! | --- | --- |
//! | `queue` | [`Queue`]: threads in order |
//! | `loaded` | [`Loaded`]: the thread whose registers the processor holds |
//! | `timers` | [`Timers`]: threads and domains with deadlines |
//! | `clock` | [`Clock`]: ticks and nanoseconds |
//! | `budget` | [`TimeBudget`]: the time of an entry for a long call |
//!
//! Invariants: a thread is in a ready queue exactly when it is runnable and not current. While a thread runs, the timer is
//! armed for the end of its slice or earlier.

mod budget;
mod clock;
mod loaded;
mod queue;
#[cfg(test)]
mod tests;
mod timers;

use core::cell::Cell;

pub use budget::TimeBudget;
pub use clock::Clock;
pub use loaded::Loaded;
pub use queue::Queue;
pub use timers::Timers;

use crate::arch::{self, Resume};
use crate::memory::Ref;
use crate::objects::Thread;

/// The time slice.
pub const SLICE_MS: u64 = 5;

const PRIORITY_COUNT: usize = abi::PRIORITY_MAX as usize + 1;

/// The running thread and the ready queues of a core. One per core; there is one core so far.
pub struct Scheduler {
    ready: [Queue; PRIORITY_COUNT],
    /// Bit n is set when queue n is not empty.
    occupied: Cell<u64>,
    current: Cell<Option<Ref<Thread>>>,
    pub loaded: Loaded,
    pub timers: Timers,
    /// The end of the current slice, in ticks; none while nothing runs.
    slice_end: Cell<Option<u64>>,
    /// The priority at which that slice began.
    slice_priority: Cell<u8>,
    /// The time, in ticks, at which the console may accept more of the log; none while no line waits.
    log_due: Cell<Option<u64>>,
    /// The tick for which the timer is armed.
    armed: Cell<u64>,
    slice_ticks: u64,
}

impl Scheduler {
    pub fn new(clock: Clock) -> Scheduler {
        Scheduler {
            ready: [const { Queue::new() }; PRIORITY_COUNT],
            occupied: Cell::new(0),
            current: Cell::new(None),
            loaded: Loaded::nothing(),
            timers: Timers::empty(),
            slice_end: Cell::new(None),
            slice_priority: Cell::new(0),
            log_due: Cell::new(None),
            armed: Cell::new(u64::MAX),
            slice_ticks: clock.ticks_per_second() * SLICE_MS / 1000,
        }
    }

    /// The thread that runs on this core.
    pub fn current(&self) -> Option<Ref<Thread>> {
        self.current.get()
    }

    /// Appends a thread that has become runnable to its ready queue, with a whole slice and no revocation in progress. Does
    /// nothing for a thread that is not runnable, or is already queued or current.
    pub fn wake(&self, thread: Ref<Thread>) {
        if self.is_new(thread) {
            thread.slice_left.set(self.slice_ticks);
            thread.is_revoking.set(false);
            thread.is_overdue.set(false);
            self.ready[thread.priority.get() as usize].push(thread);
            self.mark(thread.priority.get());
        }
    }

    /// As [`Scheduler::wake`], for a thread made runnable by a call or a reply. If its partner has given up the core, this
    /// thread runs in the partner's place, for the rest of the partner's slice. Otherwise each call and each reply would
    /// wait for a slice of every compute-bound thread. A slice is not passed to a thread below the priority at which the
    /// slice began. Otherwise a server of higher priority would favour its clients over their equals.
    pub fn switch_to(&self, thread: Ref<Thread>) {
        let is_in_place =
            self.current.get().is_none() && thread.priority.get() >= self.slice_priority.get();
        if is_in_place && self.is_new(thread) {
            self.current.set(Some(thread));
        } else {
            self.wake(thread);
        }
    }

    /// Whether a thread is runnable, and neither queued nor current.
    fn is_new(&self, thread: Ref<Thread>) -> bool {
        thread.is_runnable() && !thread.link.queued.get() && self.current.get() != Some(thread)
    }

    /// Removes a thread that is no longer runnable, or is about to change its priority, from its ready queue or from the core.
    /// It must be in no other queue.
    pub fn remove(&self, thread: Ref<Thread>) {
        if self.current.get() == Some(thread) {
            self.current.set(None);
        } else if thread.link.queued.get() {
            let priority = thread.priority.get();
            self.ready[priority as usize].remove(thread);
            self.unmark_if_empty(priority);
        }
    }

    /// Moves the current thread to the tail of its ready queue.
    pub fn rotate(&self) {
        if let Some(thread) = self.current.take() {
            self.wake(thread);
        }
    }

    /// Handles a timer interrupt: rotates if the current slice has expired. The caller ends the waits that are due, and re-arms
    /// the timer.
    pub fn tick(&self, now_ticks: u64) {
        self.armed.set(u64::MAX);
        if self.slice_end.get().is_none_or(|end| end > now_ticks) {
            return;
        }
        match self.current.get() {
            Some(thread) if thread.is_revoking.take() => {
                thread.is_overdue.set(true);
                thread.slice_left.set(self.slice_ticks);
                self.begin_slice(thread, now_ticks);
            }
            _ => self.rotate(),
        }
    }

    /// Records a step of a revocation of the current thread. Until the revocation is done, the thread runs on when its slice
    /// expires; after that it goes to the tail. Otherwise its equals could create capabilities as fast as it removes them.
    pub fn note_revocation(&self, thread: Ref<Thread>, is_unfinished: bool) {
        thread.is_revoking.set(is_unfinished);
        if !is_unfinished && thread.is_overdue.take() {
            self.rotate();
        }
    }

    /// Chooses the next thread and loads its state.
    pub fn resume(&self) -> Resume {
        let next = self.choose();
        self.current.set(next);
        let Some(thread) = next else {
            return self.idle();
        };
        self.loaded.ensure(thread);
        Resume::Thread(&thread.as_static().context)
    }

    /// Arms the timer for the next deadline, the end of the slice or the next write of the log, unless it is armed for
    /// an earlier time.
    pub fn arm(&self) {
        let times = [
            self.timers.earliest(),
            self.slice_end.get(),
            self.log_due.get(),
        ];
        if let Some(earliest) = times.into_iter().flatten().min() {
            self.arm_at(earliest);
        }
    }

    /// Writes as much of the log as the console accepts without blocking. [`Scheduler::arm`] schedules the next write.
    pub fn write_log(&self) {
        self.log_due.set(arch::with_log(arch::Log::drain));
    }

    /// Unloads a thread that is being destroyed. It must be in no queue.
    pub fn forget(&self, thread: Ref<Thread>) {
        assert!(
            !thread.link.queued.get() && thread.deadline_ticks.get().is_none(),
            "a destroyed thread is in no queue"
        );
        if self.loaded.save(thread) {
            // Its domain's page tables may be destroyed next.
            arch::activate_kernel();
        }
    }

    /// The ready queue of a priority, and whether it is marked as occupied.
    #[cfg(test)]
    pub fn ready(&self, priority: u8) -> (&Queue, bool) {
        let is_occupied = self.occupied.get() & 1 << priority != 0;
        (&self.ready[usize::from(priority)], is_occupied)
    }

    /// Makes a runnable thread the current one, as if it had been chosen, whatever the priorities of the others.
    #[cfg(test)]
    pub fn force(&self, thread: Ref<Thread>) {
        assert!(
            thread.is_runnable(),
            "only a runnable thread can be made current"
        );
        if self.current.get() != Some(thread) {
            self.rotate();
            self.remove(thread);
            self.current.set(Some(thread));
            self.begin_slice(thread, arch::ticks());
        }
        self.loaded.ensure(thread);
    }

    fn idle(&self) -> Resume {
        self.slice_end.set(None);
        self.write_log();
        self.arm();
        self.loaded.unload();
        arch::activate_kernel();
        Resume::Idle
    }

    fn choose(&self) -> Option<Ref<Thread>> {
        let highest = self.highest_ready();
        let current = self.current.take().filter(|thread| thread.is_runnable());
        match (current, highest) {
            (Some(thread), Some(priority)) if thread.priority.get() < priority => {
                let now = arch::ticks();
                self.preempt(thread, now);
                self.take(priority, now)
            }
            (Some(thread), _) => Some(thread),
            (None, Some(priority)) => self.take(priority, arch::ticks()),
            (None, None) => None,
        }
    }

    /// Puts the preempted thread at the head of its queue with the rest of its slice, or at the tail if nothing is left.
    fn preempt(&self, thread: Ref<Thread>, now_ticks: u64) {
        let end = self.slice_end.get().unwrap_or(now_ticks);
        let left = end.saturating_sub(now_ticks);
        if left == 0 && !thread.is_revoking.get() {
            return self.wake(thread);
        }
        thread.slice_left.set(left);
        self.ready[thread.priority.get() as usize].push_front(thread);
        self.mark(thread.priority.get());
    }

    /// Takes the first thread of a ready queue; its slice begins or continues.
    fn take(&self, priority: u8, now_ticks: u64) -> Option<Ref<Thread>> {
        let thread = self.ready[priority as usize].pop()?;
        self.unmark_if_empty(priority);
        self.begin_slice(thread, now_ticks);
        Some(thread)
    }

    fn begin_slice(&self, thread: Ref<Thread>, now_ticks: u64) {
        let end = now_ticks.saturating_add(thread.slice_left.get());
        self.slice_end.set(Some(end));
        self.slice_priority.set(thread.priority.get());
        self.arm_at(end);
    }

    /// Arms the timer for this time, in ticks, unless it is armed for an earlier one.
    pub fn arm_at(&self, ticks: u64) {
        if ticks < self.armed.get() {
            self.armed.set(ticks);
            arch::arm_timer(ticks);
        }
    }

    fn highest_ready(&self) -> Option<u8> {
        self.occupied
            .get()
            .checked_ilog2()
            .map(|priority| priority as u8)
    }

    fn mark(&self, priority: u8) {
        self.occupied.set(self.occupied.get() | 1 << priority);
    }

    fn unmark_if_empty(&self, priority: u8) {
        if self.ready[priority as usize].is_empty() {
            self.occupied.set(self.occupied.get() & !(1 << priority));
        }
    }
}
