//! Freeze and thaw; what comes after is in `retire`.
//!
//! ```text
//!   running --freeze--> frozen --retire(version, token)--> retired
//!      ^  thaw(token) or   |  ^                               |
//!      +---- deadline -----+  +------------unretire-----------+
//! ```
//!
//! A freeze belongs to the holder of its token, and it ends: at its deadline the kernel thaws the domain by itself, so that
//! no freezer's liveness decides whether a domain runs.
//!
//! The state turns at once; the threads are brought into line with it a few at a time ([`settle`]). A freeze returns when all
//! of them are stopped: until then the domain is not data, and cannot be retired. A thaw returns at once. Whatever becomes of the
//! thread that began it, the timer goes on: with the rest of a freeze, of a thaw, and of stopping a domain that is destroyed.

use abi::Error;

use super::retire::inform;
use crate::kernel::Kernel;
use crate::memory::Ref;
use crate::objects::{Domain, DomainState, PendingWaiters, Step, Thread};
use crate::{arch, ipc};

/// Threads that one step stops or lets run. One that sleeps takes a thousand instructions at worst.
pub const SETTLED_PER_STEP: usize = 8;

/// A freeze.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// The domain's version, once the freeze is complete.
    pub version: u64,
    /// What thaw and retire are asked for.
    pub token: u64,
}

/// Does a step of the freeze with this token; 0 begins one, until a deadline in nanoseconds of the caller's domain's clock. It is
/// complete when every thread stands at an instruction or awaits an answer.
///
/// # Errors
/// [`Error::Oneself`] if the caller runs in the domain. To begin: [`Error::InUse`] if it is frozen already,
/// [`Error::WrongState`] for a retired domain, [`Error::TimedOut`] if the deadline has passed; the state is looked at before the
/// deadline. To go on: [`Error::TimedOut`] if the domain was thawed before, [`Error::WrongState`] if it was retired.
pub fn freeze(
    kernel: &Kernel,
    domain: Ref<Domain>,
    caller: Ref<Thread>,
    token: u64,
    deadline: u64,
) -> Result<(Step, Freeze), Error> {
    match token {
        0 => begin_freezing(kernel, domain, caller, deadline)?,
        token => check_going_on(domain, caller, token)?,
    }
    let step = settle_by_timer(kernel, domain, SETTLED_PER_STEP);
    let (version, token) = (domain.version(), domain.token());
    Ok((step, Freeze { version, token }))
}

/// Turns the domain's state. Its first step lets the timer know of it.
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

fn check_going_on(domain: Ref<Domain>, caller: Ref<Thread>, token: u64) -> Result<(), Error> {
    if caller.domain == domain {
        return Err(Error::Oneself);
    }
    match domain.state() {
        DomainState::Frozen if domain.token() == token => Ok(()),
        DomainState::Frozen | DomainState::Running => Err(Error::TimedOut),
        DomainState::Retired | DomainState::Destroying => Err(Error::WrongState),
    }
}

/// Lets a frozen domain run, and raises its version: what was read before is not what it is when it is frozen again.
///
/// # Errors
/// As [`check_owner`].
pub fn thaw(kernel: &Kernel, domain: Ref<Domain>, token: u64) -> Result<(), Error> {
    check_owner(domain, token)?;
    begin_thawing(kernel, domain);
    Ok(())
}

/// A domain was due among the deadlines, and has left their list: a freeze ends, or there is more to do.
pub fn deadline_came(kernel: &Kernel, domain: Ref<Domain>, now_ticks: u64) {
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

/// Does as [`settle`]. What is left goes on from the timer, whatever becomes of the thread that began it: nobody could stop what
/// runs in a domain to which every capability is gone, or whose freeze never ends.
fn settle_by_timer(kernel: &Kernel, domain: Ref<Domain>, limit: usize) -> Step {
    let step = settle(kernel, domain, limit);
    schedule(kernel, domain);
    step
}

/// Does one step towards stopping up to `limit` threads of a domain that ends, and when all are stopped, towards telling an
/// outsider that its retirement has not come to. What is left goes on from the timer.
pub fn end_by_timer(kernel: &Kernel, domain: Ref<Domain>, limit: usize) -> Step {
    let step = if !domain.is_settled() {
        settle(kernel, domain, limit);
        Step::More
    } else if domain.pool().is_retired() {
        inform(kernel, domain)
    } else {
        Step::Done
    };
    schedule(kernel, domain);
    step
}

/// Puts a domain where it belongs among the deadlines: if there is more to do, it is due at once, and behind those that have been due
/// for longer; else when its freeze ends.
fn schedule(kernel: &Kernel, domain: Ref<Domain>) {
    let is_informed =
        !domain.pool().is_retired() || domain.pending_waiters.get() == PendingWaiters::None;
    let due = match domain.state() {
        _ if !domain.is_settled() => Some(arch::ticks()),
        DomainState::Destroying if !is_informed => Some(arch::ticks()),
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

/// Brings up to `limit` more threads into line with the domain's state. When the last one has stopped, the version rises: what
/// the others did meanwhile counts as changes.
fn settle(kernel: &Kernel, domain: Ref<Domain>, limit: usize) -> Step {
    if domain.is_settled() {
        return Step::Done;
    }
    let move_in_line = if domain.is_running() {
        ipc::release
    } else {
        ipc::hold
    };
    for _ in 0..limit {
        let Some(thread) = domain.next_unsettled() else {
            break;
        };
        let is_logged = ipc::is_trapped(thread);
        move_in_line(kernel, thread);
        if is_logged {
            // A line in the log takes longer than all the other threads of a step.
            break;
        }
    }
    if !domain.is_settled() {
        return Step::More;
    }
    domain.touch();
    Step::Done
}

/// Checks that a domain is frozen, and that this is the token of that freeze.
///
/// # Errors
/// [`Error::WrongState`] unless it is frozen; [`Error::InUse`] if the freeze is another's.
pub(super) fn check_owner(domain: Ref<Domain>, token: u64) -> Result<(), Error> {
    match domain.state() {
        DomainState::Frozen if domain.token() == token => Ok(()),
        DomainState::Frozen => Err(Error::InUse),
        _ => Err(Error::WrongState),
    }
}

/// A deadline of the caller's, in ticks; none for the end of time.
///
/// # Errors
/// [`Error::TimedOut`] if it has passed.
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

/// Gives a frozen domain a new owner, until this deadline in ticks.
pub(super) fn belong(kernel: &Kernel, domain: Ref<Domain>, deadline_ticks: Option<u64>) {
    domain.new_token();
    domain.thaw_ticks.set(deadline_ticks);
    schedule(kernel, domain);
}
