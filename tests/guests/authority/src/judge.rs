//! The verdict on a call's outcome: [`judge`].

use abi::register::Slot;
use abi::{Error, NotificationRights, ObjectKind, Request, Rights};

use super::{Lookup, View, lookups};

/// The outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The call succeeded, made a step, or blocked: it passed every check of authority.
    Allowed,
    /// The call was refused.
    Refused(Error),
}

/// The reason an outcome is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// The call was allowed although this lookup must fail.
    Allowed(Lookup),
    /// The call was refused with an error that the caller's table does not explain.
    Unexplained(Error),
    /// The call added a capability with too many rights to this slot.
    Gained(Slot, Rights),
}

/// Judges the outcome of a call by its caller's table before the call.
///
/// # Errors
/// The violation.
pub fn judge(
    request: &Request,
    outcome: Outcome,
    view: impl Fn(Slot) -> View,
) -> Result<(), Violation> {
    let lookups = lookups(request);
    match outcome {
        Outcome::Allowed => {
            let flawed = lookups.iter().find(|lookup| flaw(*lookup, &view).is_some());
            flawed.map_or(Ok(()), |lookup| Err(Violation::Allowed(lookup)))
        }
        Outcome::Refused(error) => {
            let flaws = |lookup| flaw(lookup, &view) == Some(error);
            let explained = !is_about_slots(error)
                || lookups.iter().any(flaws)
                || is_explained_otherwise(request, error);
            explained.then_some(()).ok_or(Violation::Unexplained(error))
        }
    }
}

/// Whether a lookup of a slot with this content succeeds.
pub fn fits(lookup: Lookup, view: View) -> bool {
    flaw(lookup, |_| view).is_none()
}

/// The error with which a lookup must fail; `None` if it must succeed.
fn flaw(lookup: Lookup, view: impl Fn(Slot) -> View) -> Option<Error> {
    match lookup {
        Lookup::Any(slot) => (view(slot) == View::Beyond).then_some(Error::NoSuchSlot),
        Lookup::Empty(slot) => match view(slot) {
            View::Beyond => Some(Error::NoSuchSlot),
            View::Empty => None,
            View::Holds { .. } => Some(Error::OccupiedSlot),
        },
        Lookup::Capability(slot, wanted, needed) => {
            let is_fit = |kind| wanted.is_none_or(|wanted| wanted == kind);
            flaw_of(view(slot), is_fit, needed)
        }
        Lookup::Raiser(slot, flags) => {
            let is_fit = |kind| kind == ObjectKind::Notification;
            let signal = NotificationRights::SIGNAL.into();
            let beyond = || exceeds(view(slot), flags).then_some(Error::MissingRight);
            flaw_of(view(slot), is_fit, signal).or_else(beyond)
        }
        Lookup::Copyable(slot, needed) => {
            flaw_of(view(slot), |kind| kind != ObjectKind::Reply, needed)
        }
    }
}

/// The error with which a capability must be refused; `None` if its kind fits and it has the rights.
fn flaw_of(view: View, is_fit: impl Fn(ObjectKind) -> bool, needed: Rights) -> Option<Error> {
    match view {
        View::Beyond => Some(Error::NoSuchSlot),
        View::Empty => Some(Error::EmptySlot),
        View::Holds { kind, .. } if !is_fit(kind) => Some(Error::WrongKind),
        View::Holds { rights, .. } if !rights.contains(needed) => Some(Error::MissingRight),
        View::Holds { .. } => None,
    }
}

/// Whether a capability's badge excludes some of these flags.
fn exceeds(view: View, flags: u64) -> bool {
    match view {
        View::Holds { badge, .. } => badge != 0 && flags & !badge != 0,
        View::Beyond | View::Empty => false,
    }
}

/// Whether an error is about the content of a slot.
fn is_about_slots(error: Error) -> bool {
    matches!(
        error,
        Error::NoSuchSlot
            | Error::EmptySlot
            | Error::OccupiedSlot
            | Error::WrongKind
            | Error::MissingRight
    )
}

/// Whether an error about slots can have another cause than the caller's table, such as another domain's table, a priority above the
/// caller's, or a capability named by a message.
fn is_explained_otherwise(request: &Request, error: Error) -> bool {
    match request {
        Request::DomainDerive(_) => true,
        Request::DomainInstall(_) | Request::DomainInstallReply(_) => {
            matches!(error, Error::NoSuchSlot | Error::OccupiedSlot)
        }
        Request::DomainMapOwn(_) | Request::DomainHold(_) => error != Error::OccupiedSlot,
        // A later step continues with the Memory that an earlier one has put into the slot.
        Request::DeviceMemoryCreate(call) => call.made.0 != 0 && error == Error::OccupiedSlot,
        Request::DomainRemove(_) | Request::CapabilityIdentify(_) => {
            matches!(error, Error::NoSuchSlot | Error::EmptySlot)
        }
        Request::ThreadSchedule(_) | Request::ThreadWrite(_) => error == Error::MissingRight,
        Request::DestroyChild(_)
        | Request::DomainPages(_)
        | Request::DomainReadPages(_)
        | Request::DomainBeginLog(_)
        | Request::DomainMapCaptured(_)
        | Request::DomainGrantPages(_)
        | Request::DomainReadThread(_) => error == Error::WrongKind,
        Request::Call(call) => call.info.capabilities() > 0,
        Request::Send(call) => call.info.capabilities() > 0,
        Request::Reply(call) => call.info.capabilities() > 0,
        Request::Receive(_) => matches!(error, Error::NoSuchSlot | Error::OccupiedSlot),
        Request::ReplyAndReceive(call) => {
            call.info.capabilities() > 0 || matches!(error, Error::EmptySlot | Error::WrongKind)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use abi::calls::{CapabilityCopy, Signal};

    use super::*;

    fn view(slot: Slot) -> View {
        match slot.0 {
            1 => View::Holds {
                kind: ObjectKind::Notification,
                rights: NotificationRights::SIGNAL.into(),
                badge: 0,
            },
            2 => View::Holds {
                kind: ObjectKind::Notification,
                rights: Rights(0),
                badge: 0,
            },
            3 => View::Empty,
            4 => View::Holds {
                kind: ObjectKind::Reply,
                rights: Rights(0),
                badge: 0,
            },
            5 => View::Holds {
                kind: ObjectKind::Notification,
                rights: NotificationRights::SIGNAL.into(),
                badge: 6,
            },
            _ => View::Beyond,
        }
    }

    fn signal(slot: u32) -> Request {
        Request::Signal(Signal {
            notification: Slot(slot),
            flags: 1,
        })
    }

    fn copy(from: u32, to: u32) -> Request {
        Request::CapabilityCopy(CapabilityCopy {
            from: Slot(from),
            to: Slot(to),
        })
    }

    #[test]
    fn a_success_without_the_right_is_a_violation() {
        assert_eq!(judge(&signal(1), Outcome::Allowed, view), Ok(()));
        for slot in [2, 3, 9] {
            let verdict = judge(&signal(slot), Outcome::Allowed, view);
            assert!(matches!(verdict, Err(Violation::Allowed(_))), "{slot}");
        }
    }

    #[test]
    fn a_refusal_is_explained_by_the_slot_or_not_about_slots() {
        for (slot, error) in [
            (2, Error::MissingRight),
            (3, Error::EmptySlot),
            (9, Error::NoSuchSlot),
            (1, Error::Gone),
        ] {
            assert_eq!(judge(&signal(slot), Outcome::Refused(error), view), Ok(()));
        }
        for error in [Error::MissingRight, Error::EmptySlot, Error::WrongKind] {
            let verdict = judge(&signal(1), Outcome::Refused(error), view);
            assert_eq!(verdict, Err(Violation::Unexplained(error)));
        }
    }

    #[test]
    fn only_flags_within_a_badge_are_raised() {
        let raise = |flags| {
            Request::Signal(Signal {
                notification: Slot(5),
                flags,
            })
        };
        let refused = Outcome::Refused(Error::MissingRight);
        for flags in [0, 2, 6] {
            assert_eq!(judge(&raise(flags), Outcome::Allowed, view), Ok(()));
            assert!(judge(&raise(flags), refused, view).is_err(), "{flags}");
        }
        for flags in [1, 7, u64::MAX] {
            assert_eq!(judge(&raise(flags), refused, view), Ok(()));
            assert!(judge(&raise(flags), Outcome::Allowed, view).is_err());
        }
    }

    #[test]
    fn a_copy_needs_an_empty_slot() {
        assert_eq!(judge(&copy(1, 3), Outcome::Allowed, view), Ok(()));
        let occupied = Outcome::Refused(Error::OccupiedSlot);
        assert_eq!(judge(&copy(1, 2), occupied, view), Ok(()));
        assert!(judge(&copy(1, 2), Outcome::Allowed, view).is_err());
    }

    #[test]
    fn a_reply_right_cannot_be_copied() {
        let refused = Outcome::Refused(Error::WrongKind);
        assert_eq!(judge(&copy(4, 3), refused, view), Ok(()));
        assert!(judge(&copy(4, 3), Outcome::Allowed, view).is_err());
        assert!(judge(&copy(1, 3), refused, view).is_err());
    }
}
