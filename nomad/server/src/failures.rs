//! This server's errors as the protocol's failures.

use nomad_image::{Subject, Verdict};
use nomad_protocol::LocalFailure;
use nomad_shell::RootError;
use runtime::Error;

use crate::capture::CaptureError;
use crate::restore::RestoreError;

/// The failure of a source's step.
pub fn of_capture(error: &CaptureError) -> LocalFailure {
    match error {
        CaptureError::Kernel(error) | CaptureError::Root(RootError::Call(error)) => {
            of_kernel(*error)
        }
        CaptureError::Root(_)
        | CaptureError::Pinned
        | CaptureError::NotRunning(_)
        | CaptureError::Faulted => LocalFailure::Service,
        CaptureError::Refused(verdict) => of_verdict(verdict),
        CaptureError::FreezeEnded => LocalFailure::FreezeEnded,
        CaptureError::FrozenByAnother => LocalFailure::FrozenByAnother,
        // The domain grew while it was copied.
        CaptureError::TooMany { .. } => of_kernel(Error::ArgumentRange),
        CaptureError::Inconsistent => LocalFailure::BadImage,
    }
}

/// The failure of a destination's step.
pub fn of_restore(error: &RestoreError) -> LocalFailure {
    match error {
        error if error.is_out_of_memory() => LocalFailure::NoMemory,
        RestoreError::Kernel { error, .. } => of_kernel(*error),
        RestoreError::Priority(priority) => LocalFailure::Priority {
            priority: u8::try_from(*priority).unwrap_or(u8::MAX),
        },
        RestoreError::Root { .. } | RestoreError::NoService(_) => LocalFailure::Service,
        RestoreError::OtherDomain
        | RestoreError::NoWake
        | RestoreError::Differs(_)
        | RestoreError::Unexpected(_) => LocalFailure::BadImage,
    }
}

fn of_kernel(error: Error) -> LocalFailure {
    match error {
        Error::PoolEmpty => LocalFailure::NoMemory,
        error => LocalFailure::Kernel {
            error: error as u32,
        },
    }
}

fn of_verdict(verdict: &Verdict) -> LocalFailure {
    let slot = match verdict.subject {
        Subject::Slot(slot) => Some(slot),
        Subject::Held(..) | Subject::Mapping(_) | Subject::Object(_) => None,
    };
    LocalFailure::Pinned {
        slot,
        kind: verdict.kind.map(|kind| kind as u8),
    }
}

#[cfg(test)]
mod tests {
    use abi::ObjectKind;
    use nomad_image::{Judgement, Refusal as Pinned};

    use super::*;

    #[test]
    fn names_the_slot_that_pins_a_domain() {
        let verdict = Verdict {
            subject: Subject::Slot(9),
            kind: Some(ObjectKind::Interrupt),
            judgement: Judgement::Refuse(Pinned::Device),
        };
        let failure = of_capture(&CaptureError::Refused(verdict));
        let pinned = LocalFailure::Pinned {
            slot: Some(9),
            kind: Some(ObjectKind::Interrupt as u8),
        };
        assert_eq!(failure, pinned);
    }

    #[test]
    fn an_empty_pool_is_missing_memory_wherever_it_shows() {
        let step = "filling Memory";
        let error = Error::PoolEmpty;
        let which = 0;
        let restore = RestoreError::Kernel { step, which, error };
        assert_eq!(of_restore(&restore), LocalFailure::NoMemory);
        assert_eq!(
            of_capture(&CaptureError::Kernel(error)),
            LocalFailure::NoMemory
        );
    }
}
