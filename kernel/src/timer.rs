//! Handling the timer interrupt: [`handle`].
//!
//! A timer interrupt triggers several [`JOBS`], and any domain can make all of them due at once. So one entry does only one
//! job, round robin among those that have work. It arms the timer to fire again at once for the others:
//!
//! ```text
//!   time-outs  -->  undelivered interrupts  -->  thaws  --+
//!       ^                                                 |
//!       +-------------------------------------------------+
//! ```

use core::cell::Cell;

use crate::kernel::Kernel;
use crate::{arch, capture, ipc};

/// A job of the timer interrupt, which gets the time in ticks and returns whether there was work.
type Job = fn(&Kernel, u64) -> bool;

/// The jobs. The log and the end of a time slice are not among them: they are short, so every timer interrupt handles them.
const JOBS: [Job; 3] = [end_waits, deliver_interrupts, thaw_domain];

/// The maximum number of waits that one entry ends.
const WAITS_PER_ENTRY: usize = 16;

/// The job that is tried first.
#[derive(Debug, Default)]
pub struct Turn(Cell<usize>);

/// Handles a timer interrupt: does one of the jobs that are due.
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
    // If more waits or thaws are due, the timer fires again at once.
    kernel.scheduler.arm();
    if !kernel.undelivered.is_empty() {
        kernel.scheduler.arm_at(now);
    }
}

/// Ends waits whose deadlines have passed.
fn end_waits(kernel: &Kernel, now_ticks: u64) -> bool {
    let pop = || kernel.scheduler.timers.threads.pop_due(now_ticks);
    let due = core::iter::from_fn(pop).take(WAITS_PER_ENTRY);
    due.map(|thread| ipc::time_out(kernel, thread)).count() > 0
}

/// Continues to deliver the interrupts at one vector.
fn deliver_interrupts(kernel: &Kernel, _: u64) -> bool {
    let vector = kernel.undelivered.take_next();
    vector.map(|vector| ipc::deliver(kernel, vector)).is_some()
}

/// Thaws a domain whose deadline has passed, or continues freezing, thawing or destroying one.
fn thaw_domain(kernel: &Kernel, now_ticks: u64) -> bool {
    let domain = kernel.scheduler.timers.domains.pop_due(now_ticks);
    domain
        .map(|domain| capture::handle_deadline(kernel, domain, now_ticks))
        .is_some()
}

#[cfg(test)]
mod tests;
