//! The timer fired: [`handle`].
//!
//! Several things can wait for the timer, and any domain can make all of them due at once. So an entry does one of these
//! [`JOBS`], whichever has waited longest among those that have something to do, and arms the timer at once for the others:
//!
//! ```text
//!   time-outs  -->  interrupts that were not delivered  -->  thaws  --+
//!       ^                                                             |
//!       +-------------------------------------------------------------+
//! ```

use core::cell::Cell;

use crate::kernel::Kernel;
use crate::{arch, capture, ipc};

/// Something that an entry for the timer does if there is anything to do; returns whether there was.
type Job = fn(&Kernel, u64) -> bool;

/// Everything that waits for the timer but the log and the end of a slice, which are short.
const JOBS: [Job; 3] = [end_waits, deliver_interrupts, thaw_domain];

/// Waits that end in one entry.
const WAITS_PER_ENTRY: usize = 16;

/// Whose turn it is among the [`JOBS`].
#[derive(Debug, Default)]
pub struct Turn(Cell<usize>);

/// Does what the timer was armed for, or a part of it.
#[inline(never)]
pub fn handle(kernel: &Kernel) {
    let now = arch::ticks();
    kernel.scheduler.tick(now);
    let first = kernel.timer_turn.0.get();
    let mut turns = (first..first + JOBS.len()).map(|turn| turn % JOBS.len());
    if let Some(done) = turns.find(|turn| JOBS[*turn](kernel, now)) {
        kernel.timer_turn.0.set((done + 1) % JOBS.len());
    }
    kernel.scheduler.write_log();
    // What is left is due, so that this brings the next entry at once.
    kernel.scheduler.arm();
    if !kernel.undelivered.is_empty() {
        kernel.scheduler.arm_at(now);
    }
}

/// Ends waits whose deadlines have come.
fn end_waits(kernel: &Kernel, now_ticks: u64) -> bool {
    let pop = || kernel.scheduler.timers.threads.pop_due(now_ticks);
    let due = core::iter::from_fn(pop).take(WAITS_PER_ENTRY);
    due.map(|thread| ipc::time_out(kernel, thread)).count() > 0
}

/// Goes on with the interrupts at one vector.
fn deliver_interrupts(kernel: &Kernel, _: u64) -> bool {
    let vector = kernel.undelivered.take_next();
    vector.map(|vector| ipc::deliver(kernel, vector)).is_some()
}

/// Thaws a domain whose deadline has come, or goes on freezing, thawing or ending one.
fn thaw_domain(kernel: &Kernel, now_ticks: u64) -> bool {
    let domain = kernel.scheduler.timers.domains.pop_due(now_ticks);
    domain
        .map(|domain| capture::deadline_came(kernel, domain, now_ticks))
        .is_some()
}

#[cfg(test)]
mod tests;
