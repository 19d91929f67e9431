//! Freeze and thaw. The rest of a domain's life cycle is in `retire`.
//!
//! ```text
//!   running --freeze--> frozen --retire(version, token)--> retired
//!      ^  thaw(token) or   |  ^                               |
//!      +---- deadline -----+  +------------unretire-----------+
//! ```
//!
//! A freeze belongs to the holder of its token. At its deadline the kernel thaws the domain, so that the domain continues
//! even if that holder has failed.
//!
//! The state changes at once, but the threads are stopped or released a few at a time ([`settle`]). A freeze returns when
//! all threads are stopped. Until then the domain is not data, and cannot be retired. A thaw returns at once. Whatever
//! happens to the calling thread, the timer finishes a freeze or a thaw, and stops the threads of a domain that is being
//! destroyed.

use abi::Error;

use super::retire::fail_waiters_step;
use crate::kernel::Kernel;
use crate::memory::Ref;
use crate::objects::{Domain, DomainState, PendingWaiters, Step, Thread};
use crate::{arch, ipc};

/// The maximum number of threads that one step stops or releases. A sleeping thread takes up to a thousand instructions.
pub const SETTLED_PER_STEP: usize = 8;

/// The result of a freeze.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// The domain's version, once the freeze is complete.
    pub version: u64,
    /// The number that proves ownership of the freeze, for thaw and retire.
    pub token: u64,
}

/// Takes one step of the freeze with this token; token 0 begins a freeze. The deadline is in nanoseconds, in the time of the
/// caller's domain. The freeze is complete when every thread stands at an instruction or awaits a reply.
///
/// # Errors
/// [`Error::Oneself`] if the caller belongs to the domain. When a freeze begins: [`Error::InUse`] if the domain is already
/// frozen, [`Error::WrongState`] if it is retired or being destroyed, [`Error::TimedOut`] if the deadline has passed, checked
/// in this order. When a freeze continues: [`Error::TimedOut`] if the domain was thawed meanwhile, [`Error::WrongState`] if
/// it was retired or is being destroyed.
pub fn freeze(
    kernel: &Kernel,
    domain: Ref<Domain>,
    caller: Ref<Thread>,
    token: u64,
    deadline: u64,
) -> Result<(Step, Freeze), Error> {
    match token {
        0 => begin_freezing(kernel, domain, caller, deadline)?,
        token => check_same_freeze(domain, caller, token)?,
    }
    let step = settle_by_timer(kernel, domain, SETTLED_PER_STEP);
    let (version, token) = (domain.version(), domain.token());
    Ok((step, Freeze { version, token }))
}

/// Changes the domain's state. The first step of the freeze then schedules the timer.
fn begin_freezing(
    kernel: &Kernel,
    domain: Ref<Domain>,
    caller: Ref<Thread>,
    deadline: u64,
) -> Result<(), Error> {
    match domain.state() {
        DomainState::Frozen => return Err(Error::InUse),
        DomainState::Retired | DomainState::Destroying => return Err(Error::WrongState),
        DomainState::Running if caller.domain == domain => return Err(Error::Oneself),
        DomainState::Running => {}
    }
    let deadline = deadline_ticks(kernel, caller, deadline)?;
    domain.set_state(DomainState::Frozen);
    domain.new_token();
    domain.thaw_ticks.set(deadline);
    Ok(())
}

fn check_same_freeze(domain: Ref<Domain>, caller: Ref<Thread>, token: u64) -> Result<(), Error> {
    if caller.domain == domain {
        return Err(Error::Oneself);
    }
    match domain.state() {
        DomainState::Frozen if domain.token() == token => Ok(()),
        DomainState::Frozen | DomainState::Running => Err(Error::TimedOut),
        DomainState::Retired | DomainState::Destroying => Err(Error::WrongState),
    }
}

/// Lets a frozen domain run. Raises its version, so that a description read before is not valid in the next freeze.
///
/// # Errors
/// As [`check_owner`].
pub fn thaw(kernel: &Kernel, domain: Ref<Domain>, token: u64) -> Result<(), Error> {
    check_owner(domain, token)?;
    begin_thawing(kernel, domain);
    Ok(())
}

/// Handles a domain whose deadline has passed: ends its freeze, or does a step of its unfinished work. The domain is no
/// longer in the list of deadlines.
pub fn handle_deadline(kernel: &Kernel, domain: Ref<Domain>, now_ticks: u64) {
    match domain.state() {
        DomainState::Frozen if domain.thaw_ticks.get().is_some_and(|due| due <= now_ticks) => {
            begin_thawing(kernel, domain);
        }
        DomainState::Frozen | DomainState::Running => {
            settle_by_timer(kernel, domain, SETTLED_PER_STEP);
        }
        DomainState::Destroying => {
            end_by_timer(kernel, domain, SETTLED_PER_STEP);
        }
        DomainState::Retired => panic!("a retired domain has no deadline"),
    }
}

fn begin_thawing(kernel: &Kernel, domain: Ref<Domain>) {
    domain.touch();
    domain.set_state(DomainState::Running);
    settle_by_timer(kernel, domain, SETTLED_PER_STEP);
}

/// Like [`settle`], but the timer finishes the work whatever happens to the calling thread. Otherwise nothing could stop the
/// threads of a domain to which no capability is left, or whose freeze has no deadline.
fn settle_by_timer(kernel: &Kernel, domain: Ref<Domain>, limit: usize) -> Step {
    let step = settle(kernel, domain, limit);
    schedule(kernel, domain);
    step
}

/// Stops up to `limit` threads of a domain that is being destroyed. When all are stopped, takes one step of failing the
/// waits that are still pending from its retirement. The timer finishes the work.
pub fn end_by_timer(kernel: &Kernel, domain: Ref<Domain>, limit: usize) -> Step {
    let step = if !domain.is_settled() {
        settle(kernel, domain, limit);
        Step::More
    } else if domain.pool().is_retired() {
        fail_waiters_step(kernel, domain)
    } else {
        Step::Done
    };
    schedule(kernel, domain);
    step
}

/// Updates the domain's position in the list of deadlines. If work is left, the domain is due at once, after the domains
/// that have been due for longer. Otherwise it is due when its freeze ends.
fn schedule(kernel: &Kernel, domain: Ref<Domain>) {
    let has_waiters =
        domain.pool().is_retired() && domain.pending_waiters.get() != PendingWaiters::None;
    let due = match domain.state() {
        _ if !domain.is_settled() => Some(arch::ticks()),
        DomainState::Destroying if has_waiters => Some(arch::ticks()),
        DomainState::Frozen => domain.thaw_ticks.get(),
        DomainState::Running | DomainState::Retired | DomainState::Destroying => None,
    };
    let domains = &kernel.scheduler.timers.domains;
    domains.remove(domain);
    if let Some(due) = due {
        domains.insert(domain, due);
        kernel.scheduler.arm();
    }
}

/// Stops or releases up to `limit` more threads, according to the domain's state. When the last one has stopped, the version
/// rises, because the threads that still ran may have changed the domain.
fn settle(kernel: &Kernel, domain: Ref<Domain>, limit: usize) -> Step {
    if domain.is_settled() {
        return Step::Done;
    }
    let stop_or_release = if domain.is_running() {
        ipc::release
    } else {
        ipc::hold
    };
    for _ in 0..limit {
        let Some(thread) = domain.next_unsettled() else {
            break;
        };
        let is_logged = ipc::is_trapped(thread);
        stop_or_release(kernel, thread);
        if is_logged {
            // Writing this thread's log line takes longer than handling all the other threads of a step.
            break;
        }
    }
    if !domain.is_settled() {
        return Step::More;
    }
    domain.touch();
    Step::Done
}

/// Checks that a domain is frozen and that this token owns the freeze.
///
/// # Errors
/// [`Error::WrongState`] unless it is frozen; [`Error::InUse`] for the token of another freeze.
pub(super) fn check_owner(domain: Ref<Domain>, token: u64) -> Result<(), Error> {
    match domain.state() {
        DomainState::Frozen if domain.token() == token => Ok(()),
        DomainState::Frozen => Err(Error::InUse),
        _ => Err(Error::WrongState),
    }
}

/// Converts a deadline in the time of the caller's domain to ticks; `None` for [`abi::NO_DEADLINE`].
///
/// # Errors
/// [`Error::TimedOut`] if the deadline has passed.
pub(super) fn deadline_ticks(
    kernel: &Kernel,
    caller: Ref<Thread>,
    deadline: u64,
) -> Result<Option<u64>, Error> {
    let deadline = ipc::machine_deadline(caller, deadline);
    if deadline.is_some_and(|deadline| deadline <= kernel.now_ns()) {
        return Err(Error::TimedOut);
    }
    Ok(deadline.map(|deadline| kernel.clock.ticks_at(deadline)))
}

/// Begins a new freeze of a domain that is already frozen, with a new token and this deadline in ticks.
pub(super) fn set_owner(kernel: &Kernel, domain: Ref<Domain>, deadline_ticks: Option<u64>) {
    domain.new_token();
    domain.thaw_ticks.set(deadline_ticks);
    schedule(kernel, domain);
}
