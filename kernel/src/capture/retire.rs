//! Retire and unretire.
//!
//! [`retire`] is the commit point of a move: one step that changes the domain's state. From then on the domain's own threads
//! do not run. Every use of its objects by other domains is refused, since each lookup checks the object's pool. Waits that
//! other domains' threads began before are failed afterwards, one by one, by [`fail_waiters_step`]. No new wait can begin
//! meanwhile, so one pass finds all of them. The pass can be interrupted between any two steps.

use abi::Error;
use abi::register::ObjectId;
use capabilities::{Place, Scan, SlotNumber, Storage};

use super::freeze::{Freeze, check_owner, deadline_ticks, set_owner};
use crate::ipc;
use crate::kernel::Kernel;
use crate::memory::{Ref, SlotStorage};
use crate::objects::{Domain, Object, PendingWaiters, Search, Step, Thread};

/// The stage after the last object: the callers that await a reply.
const CALLERS: PendingWaiters = PendingWaiters::Callers(SlotNumber::new(0));

/// The maximum number of slots that one step examines.
const SLOTS_SEARCHED: u32 = 64;

/// Retires a frozen domain, so that it does not run again. The token must own the freeze, and the domain must still have
/// this version. If the domain is already retired, the call succeeds whatever the version and the token are.
///
/// # Errors
/// [`Error::WrongState`] unless it is frozen and all its threads have stopped; [`Error::InUse`] for the token of another freeze;
/// [`Error::VersionMoved`].
pub fn retire(kernel: &Kernel, domain: Ref<Domain>, version: u64, token: u64) -> Result<(), Error> {
    if domain.is_retired() {
        return Ok(());
    }
    check_owner(domain, token)?;
    if !domain.is_quiescent() {
        return Err(Error::WrongState);
    }
    if domain.version() != version {
        return Err(Error::VersionMoved);
    }
    kernel.scheduler.timers.domains.remove(domain);
    domain.retire();
    domain.pending_waiters.set(PendingWaiters::ALL);
    Ok(())
}

/// Takes one bounded step towards failing all waits of other domains' threads at a retired domain's objects.
pub fn fail_waiters_step(kernel: &Kernel, domain: Ref<Domain>) -> Step {
    match domain.pending_waiters.get() {
        PendingWaiters::From(id) => fail_waiter_at(kernel, domain, id),
        PendingWaiters::Callers(slot) => drop_reply_right(kernel, domain, slot),
        PendingWaiters::None => return Step::Done,
    }
    Step::More
}

/// Fails one wait at the object with this identity, or advances to the next object.
fn fail_waiter_at(kernel: &Kernel, domain: Ref<Domain>, id: ObjectId) {
    match domain.pool().seek(id) {
        Search::Found(object) => match first_waiter(object) {
            Some(thread) => ipc::end_wait(kernel, thread, Error::Gone),
            None => {
                let next = object.header().next.get();
                domain
                    .pending_waiters
                    .set(next.map_or(CALLERS, |next| PendingWaiters::From(next.id())));
            }
        },
        Search::Unfinished => {}
        Search::Absent => domain.pending_waiters.set(CALLERS),
    }
}

/// The first waiter of an object. It belongs to another domain, since the freeze has rolled back the domain's own threads.
fn first_waiter(object: Object) -> Option<Ref<Thread>> {
    match object {
        Object::Endpoint(endpoint) => endpoint.senders.first().or(endpoint.receivers.first()),
        Object::Notification(notification) => notification.waiters.first(),
        _ => None,
    }
}

/// Drops the next right to reply to another domain's thread, from this slot on.
fn drop_reply_right(kernel: &Kernel, domain: Ref<Domain>, from: SlotNumber) {
    let found = domain
        .table
        .next_occupied(&domain.directory, from, SLOTS_SEARCHED);
    domain.pending_waiters.set(match found {
        Scan::Found { slot, place } => {
            if replies_to_other_domain(domain, place) {
                // This cannot fail: the slot is occupied and not an origin.
                let _ = kernel.empty_slot(place);
            }
            PendingWaiters::Callers(SlotNumber::new(slot.get() + 1))
        }
        Scan::Unfinished { next } => PendingWaiters::Callers(next),
        Scan::End => PendingWaiters::None,
    });
}

fn replies_to_other_domain(domain: Ref<Domain>, place: Place) -> bool {
    let held = SlotStorage.slot(place).capability();
    matches!(held.map(|held| held.object), Some(Object::Reply(caller)) if caller.domain != domain)
}

/// Makes a retired domain frozen again, by a new freeze with this deadline, and raises its version. Waits that have not been
/// failed yet continue.
///
/// # Errors
/// [`Error::WrongState`] unless it is retired and has all its pages; [`Error::TimedOut`] if the deadline has passed.
pub fn unretire(
    kernel: &Kernel,
    domain: Ref<Domain>,
    caller: Ref<Thread>,
    deadline: u64,
) -> Result<Freeze, Error> {
    if !domain.is_restorable() {
        return Err(Error::WrongState);
    }
    let deadline = deadline_ticks(kernel, caller, deadline)?;
    domain.unretire();
    domain.touch();
    ipc::deliver_undelivered(kernel);
    set_owner(kernel, domain, deadline);
    let (version, token) = (domain.version(), domain.token());
    Ok(Freeze { version, token })
}
