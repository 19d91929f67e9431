//! Retire, and its undoing.
//!
//! [`retire`] is the commit point of a move: one step that turns the domain's state. From then on every use of its objects
//! from outside is refused, since each lookup checks the object's pool; the domain's own threads use none. What
//! outsiders had begun before is ended afterwards, one by one, by [`inform`]: nobody can begin anything new meanwhile, so
//! that an outsider that was passed once needs no second look, and the rest can be left to the next caller.

use abi::Error;
use abi::register::ObjectId;
use capabilities::{Place, Scan, SlotNumber, Storage};

use super::freeze::{Freeze, belong, check_owner, deadline_ticks};
use crate::ipc;
use crate::kernel::Kernel;
use crate::memory::{Ref, SlotStorage};
use crate::objects::{Domain, Object, PendingWaiters, Search, Step, Thread};

/// What comes after the last object.
const CALLERS: PendingWaiters = PendingWaiters::Callers(SlotNumber::new(0));

/// Slots that one step looks at.
const SLOTS_SEARCHED: u32 = 64;

/// Retires a frozen domain, if the caller owns the freeze and nobody changed the domain since this version: from here on it
/// does not run again. One that is retired already stays so, whatever the version and the token.
///
/// # Errors
/// [`Error::WrongState`] unless it is frozen and stands still; [`Error::InUse`] if the freeze is another's;
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

/// Does one bounded step of telling outsiders that wait for something of a retired domain that it is gone.
pub fn inform(kernel: &Kernel, domain: Ref<Domain>) -> Step {
    match domain.pending_waiters.get() {
        PendingWaiters::From(id) => inform_at(kernel, domain, id),
        PendingWaiters::Callers(slot) => inform_callers(kernel, domain, slot),
        PendingWaiters::None => return Step::Done,
    }
    Step::More
}

/// Ends one wait at the object of this identity, or goes on to the next one.
fn inform_at(kernel: &Kernel, domain: Ref<Domain>, id: ObjectId) {
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

/// Whoever waits at an object first. The domain's own threads were rolled back when it was frozen: it is an outsider.
fn first_waiter(object: Object) -> Option<Ref<Thread>> {
    match object {
        Object::Endpoint(endpoint) => endpoint.senders.first().or(endpoint.receivers.first()),
        Object::Notification(notification) => notification.waiters.first(),
        _ => None,
    }
}

/// Gives up the first right to answer an outsider from this slot on.
fn inform_callers(kernel: &Kernel, domain: Ref<Domain>, from: SlotNumber) {
    let found = domain
        .table
        .next_occupied(&domain.directory, from, SLOTS_SEARCHED);
    domain.pending_waiters.set(match found {
        Scan::Found { slot, place } => {
            if answers_outsider(domain, place) {
                // It was found occupied, and is not an origin.
                let _ = kernel.empty_slot(place);
            }
            PendingWaiters::Callers(SlotNumber::new(slot.get() + 1))
        }
        Scan::Unfinished { next } => PendingWaiters::Callers(next),
        Scan::End => PendingWaiters::None,
    });
}

fn answers_outsider(domain: Ref<Domain>, place: Place) -> bool {
    let held = SlotStorage.slot(place).capability();
    matches!(held.map(|held| held.object), Some(Object::Reply(caller)) if caller.domain != domain)
}

/// Makes a retired domain frozen again, by a new freeze until this deadline, and raises its version. Outsiders that have not
/// received Gone yet never will.
///
/// # Errors
/// [`Error::WrongState`] unless it is retired; [`Error::TimedOut`] if the deadline has passed.
pub fn unretire(
    kernel: &Kernel,
    domain: Ref<Domain>,
    caller: Ref<Thread>,
    deadline: u64,
) -> Result<Freeze, Error> {
    if !domain.is_retired() {
        return Err(Error::WrongState);
    }
    let deadline = deadline_ticks(kernel, caller, deadline)?;
    domain.unretire();
    domain.touch();
    ipc::deliver_undelivered(kernel);
    belong(kernel, domain, deadline);
    let (version, token) = (domain.version(), domain.token());
    Ok(Freeze { version, token })
}
