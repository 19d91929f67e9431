//! Who runs next: [`Scheduler`].
//!
//! Fixed priorities, and round robin among equals: a thread at the head of its ready queue runs for a slice of
//! [`SLICE_MS`], then goes behind the others. The slice belongs to the thread:
//!
//! ```text
//!   wake, yield, slice over --> behind its equals, with a whole slice
//!   preempted               --> before its equals, with what is left of its slice
//!   chosen from its queue   --> its slice begins, or goes on
//!   called, answered        --> in place of its partner that waits now, for the rest of that slice; behind its equals,
//!                               if that slice began above its priority
//!   slice over in a revoke  --> goes on, until the revocation is done
//! ```
//!
//! So a thread that gives up the core early takes nothing from the next one, one that is interrupted by a higher
//! priority loses nothing, and each runs for at most one slice before all that were ready at its priority have had theirs, but for
//! a revocation (decision 25).
//!
//! The clock is read only when a thread is chosen from a queue. A system call after which the caller goes on running
//! does not read it. The timer is armed only for a time before the one for which it is armed already: a
//! slice that ends later than the one before it is armed when the timer fires for that one.
//!
//! | file | noun |
//! | --- | --- |
//! | `queue` | [`Queue`]: threads in order |
//! | `timers` | [`Timers`]: threads and domains with deadlines |
//! | `clock` | [`Clock`]: ticks and nanoseconds |
//! | `stint` | [`Stint`]: how long an entry goes on with a long call |
//!
//! Invariants: a thread is in a ready queue exactly when it is runnable and not current; while a thread runs, the
//! timer is armed for the end of its slice or earlier.

mod clock;
mod queue;
mod stint;
#[cfg(test)]
mod tests;
mod timers;

use core::cell::Cell;

pub use clock::Clock;
pub use queue::Queue;
pub use stint::Stint;
pub use timers::Timers;

use crate::arch::{self, Resume};
use crate::memory::Ref;
use crate::objects::Thread;

/// How long a thread runs before another of its priority does.
pub const SLICE_MS: u64 = 5;

const PRIORITY_COUNT: usize = abi::PRIORITY_MAX as usize + 1;

/// What runs on a core, and what could. One a core; there is one core so far.
pub struct Scheduler {
    ready: [Queue; PRIORITY_COUNT],
    /// Bit n is set when queue n is not empty.
    occupied: Cell<u64>,
    current: Cell<Option<Ref<Thread>>>,
    /// Whose segment bases and vector registers the processor holds.
    loaded: Cell<Option<Ref<Thread>>>,
    /// Whether the vector registers hold something that a thread without them must not find there.
    vectors_live: Cell<bool>,
    /// Threads and domains with deadlines.
    pub timers: Timers,
    /// When the slice ends that the current thread is using, in ticks; none while nothing runs.
    slice_end: Cell<Option<u64>>,
    /// The priority at which that slice began.
    slice_priority: Cell<u8>,
    /// When the console may take more of the log, in ticks; none while no line waits.
    log_due: Cell<Option<u64>>,
    /// The tick for which the timer is armed.
    armed: Cell<u64>,
    slice_ticks: u64,
}

impl Scheduler {
    /// A scheduler without threads.
    pub fn new(clock: Clock) -> Scheduler {
        Scheduler {
            ready: [const { Queue::new() }; PRIORITY_COUNT],
            occupied: Cell::new(0),
            current: Cell::new(None),
            loaded: Cell::new(None),
            // The firmware may have used them.
            vectors_live: Cell::new(true),
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

    /// Enters a thread that has become runnable, behind its equals and with a whole slice, in which it has yet to make a step of
    /// a revocation; does nothing for one that is not runnable, or already is known.
    pub fn wake(&self, thread: Ref<Thread>) {
        if self.is_new(thread) {
            thread.slice_left.set(self.slice_ticks);
            thread.is_revoking.set(false);
            thread.is_overdue.set(false);
            self.ready[thread.priority.get() as usize].push(thread);
            self.mark(thread.priority.get());
        }
    }

    /// As [`Scheduler::wake`], for a thread that a call or an answer has made runnable: if the one that called or answered has
    /// given the core up, this one runs in its place, for the rest of its slice. Otherwise each call and each answer would wait
    /// for a slice of every thread that only computes. A slice goes to no thread below the priority at which it began: a server
    /// whose slices begin above its clients would give each of them turn after turn, before their equals.
    pub fn switch_to(&self, thread: Ref<Thread>) {
        let is_in_place =
            self.current.get().is_none() && thread.priority.get() >= self.slice_priority.get();
        if is_in_place && self.is_new(thread) {
            self.current.set(Some(thread));
        } else {
            self.wake(thread);
        }
    }

    /// Whether a thread is runnable, and neither queued nor on the core yet.
    fn is_new(&self, thread: Ref<Thread>) -> bool {
        thread.is_runnable() && !thread.link.queued.get() && self.current.get() != Some(thread)
    }

    /// Forgets a thread that is no longer runnable, or no longer at this priority: takes it from its ready queue or
    /// from the core. It must be in no other queue.
    pub fn remove(&self, thread: Ref<Thread>) {
        if self.current.get() == Some(thread) {
            self.current.set(None);
        } else if thread.link.queued.get() {
            let priority = thread.priority.get();
            self.ready[priority as usize].remove(thread);
            self.unmark_if_empty(priority);
        }
    }

    /// Lets another thread of the current one's priority run, if there is one.
    pub fn rotate(&self) {
        if let Some(thread) = self.current.take() {
            self.wake(thread);
        }
    }

    /// The timer fired: takes note, and rotates if the current slice is over. The caller ends the waits that are due,
    /// and arms the timer again.
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

    /// The current thread has made a step of a revocation. While that goes on, the thread stays before its equals when its slice
    /// is over, since they could make capabilities as fast as it takes them away; then it goes behind them.
    pub fn note_revocation(&self, thread: Ref<Thread>, goes_on: bool) {
        thread.is_revoking.set(goes_on);
        if !goes_on && thread.is_overdue.take() {
            self.rotate();
        }
    }

    /// Chooses what runs next and makes the processor ready for it.
    pub fn resume(&self) -> Resume {
        let next = self.choose();
        self.current.set(next);
        let Some(thread) = next else {
            return self.idle();
        };
        self.ensure_loaded(thread);
        Resume::Thread(&thread.as_static().context)
    }

    /// Arms the timer for the next deadline, the end of the slice or what the log waits for, unless it is armed for
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

    /// Writes as much of the log as the console takes without waiting. [`Scheduler::arm`] brings the next time.
    pub fn write_log(&self) {
        self.log_due.set(arch::with_log(arch::Log::drain));
    }

    /// Takes a thread's registers out of the processor, so that its state in memory is whole.
    pub fn unload_thread(&self, thread: Ref<Thread>) {
        if self.loaded.get() == Some(thread) {
            self.unload();
        }
    }

    /// Lets the current thread use the vector registers, from now on for good.
    pub fn allow_vectors(&self, thread: Ref<Thread>) {
        thread.uses_vectors.set(true);
        self.load_vectors(thread);
    }

    /// Forgets a thread that ends: it is in no queue, and the processor does not hold its registers.
    pub fn forget(&self, thread: Ref<Thread>) {
        assert!(
            !thread.link.queued.get() && thread.deadline_ticks.get().is_none(),
            "a thread that ends waits for nothing"
        );
        if self.loaded.get() == Some(thread) {
            self.unload();
            // Its domain's tables may be the next that go.
            arch::activate_kernel();
        }
    }

    /// The ready queue of a priority, and whether it counts as occupied.
    #[cfg(test)]
    pub fn ready(&self, priority: u8) -> (&Queue, bool) {
        let is_occupied = self.occupied.get() & 1 << priority != 0;
        (&self.ready[usize::from(priority)], is_occupied)
    }

    /// Makes a runnable thread the current one, as if it had been chosen, whoever has a higher priority.
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
        self.ensure_loaded(thread);
    }

    fn idle(&self) -> Resume {
        self.slice_end.set(None);
        self.write_log();
        self.arm();
        self.unload();
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

    /// Puts the thread that ran before its equals, with what is left of the slice, or behind them if nothing is left.
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

    /// Takes the first thread of a ready queue; its slice begins or goes on.
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

    fn unload(&self) {
        let Some(thread) = self.loaded.take() else {
            return;
        };
        arch::save_segment_bases(&thread.context);
        if thread.uses_vectors.get() {
            arch::vectors_save(&thread.vectors);
        }
    }

    fn ensure_loaded(&self, thread: Ref<Thread>) {
        if self.loaded.get() != Some(thread) {
            self.unload();
            self.load(thread);
        }
    }

    fn load(&self, thread: Ref<Thread>) {
        arch::load_segment_bases(&thread.context);
        if thread.uses_vectors.get() {
            self.load_vectors(thread);
        } else if self.vectors_live.take() {
            arch::vectors_clear();
        }
        arch::activate(thread.domain.space.root());
        self.loaded.set(Some(thread));
    }

    fn load_vectors(&self, thread: Ref<Thread>) {
        arch::vectors_load(&thread.vectors);
        self.vectors_live.set(true);
    }
}
