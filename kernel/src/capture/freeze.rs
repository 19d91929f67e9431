//! Freeze and thaw; what comes after is in `retire`.
//!
//! ```text
//!   running --freeze--> frozen --retire(version)--> retired
//!      ^------thaw-------'  ^-------unretire----------'
//! ```

use abi::Error;

use crate::ipc;
use crate::kernel::Kernel;
use crate::memory::Ref;
use crate::objects::{Domain, DomainState, Phase, Thread};

/// Stops a domain: every thread stands at an instruction or awaits an answer. Takes time for its threads, none for its
/// memory. Returns the version, also if it is frozen already.
///
/// # Errors
/// [`Error::Oneself`] if the caller runs in it; [`Error::WrongState`] for a retired domain.
pub fn freeze(kernel: &Kernel, domain: Ref<Domain>, caller: Ref<Thread>) -> Result<u64, Error> {
    match domain.state() {
        DomainState::Frozen => return Ok(domain.version()),
        DomainState::Retired | DomainState::Ending => return Err(Error::WrongState),
        DomainState::Running if caller.domain == domain => return Err(Error::Oneself),
        DomainState::Running => {}
    }
    domain
        .threads()
        .for_each(|thread| ipc::roll_back(kernel, thread));
    domain.set_state(DomainState::Frozen);
    Ok(domain.version())
}

/// Lets a frozen domain run. A wait for an answer that nobody can give any more ends with
/// [`Error::Interrupted`].
///
/// # Errors
/// [`Error::WrongState`] unless it is frozen.
pub fn thaw(kernel: &Kernel, domain: Ref<Domain>) -> Result<(), Error> {
    change(domain, DomainState::Frozen, DomainState::Running)?;
    for thread in domain.threads() {
        match thread.phase.get() {
            Phase::Awaiting if !thread.answerable.get() => thread.complete(Err(Error::Interrupted)),
            Phase::AwaitingFault if !thread.answerable.get() => thread.phase.set(Phase::Ready),
            _ => {}
        }
        kernel.scheduler.wake(thread);
    }
    Ok(())
}

/// Changes the state.
///
/// # Errors
/// [`Error::WrongState`] if it was another.
pub(super) fn change(domain: Ref<Domain>, from: DomainState, to: DomainState) -> Result<(), Error> {
    if domain.state() != from {
        return Err(Error::WrongState);
    }
    domain.set_state(to);
    Ok(())
}
