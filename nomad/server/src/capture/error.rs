//! What may go wrong while a domain is captured: [`CaptureError`].

use nomad_image::{DescribeError, Verdict};
use runtime::Error;

use crate::capture::listing::Unlisted;
use crate::root::RootError;

/// Why a step of the source's failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureError {
    /// The kernel said no.
    Kernel(Error),
    /// Root said no.
    Root(RootError),
    /// The domain holds what cannot travel.
    Refused(Verdict),
    /// The domain has more of something than a move takes.
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many may move.
        most: u32,
    },
    /// Root gives nobody the authority to move it.
    Pinned,
    /// The freeze ended before the step was done: its deadline passed, and the kernel let the domain run.
    FreezeEnded,
    /// Another domain froze it.
    FrozenByAnother,
    /// The kernel's records are not what they should be, or a step was asked for out of turn.
    Confused,
}

impl CaptureError {
    /// The kernel's refusal of what only the owner of a freeze may do, or of a freeze.
    pub fn of_freeze(error: Error) -> CaptureError {
        match error {
            Error::WrongState | Error::TimedOut => CaptureError::FreezeEnded,
            Error::InUse => CaptureError::FrozenByAnother,
            error => CaptureError::Kernel(error),
        }
    }

    /// Why a domain that was frozen cannot be read. The threads of one that runs again have no state, and what was listed
    /// of it may have ended.
    #[must_use]
    pub fn of_frozen(self) -> CaptureError {
        match self {
            CaptureError::Kernel(Error::WrongState | Error::NotThere) => CaptureError::FreezeEnded,
            error => error,
        }
    }
}

impl From<Error> for CaptureError {
    fn from(error: Error) -> CaptureError {
        CaptureError::Kernel(error)
    }
}

impl From<Unlisted> for CaptureError {
    fn from(unlisted: Unlisted) -> CaptureError {
        match unlisted {
            Unlisted::Kernel(error) => CaptureError::Kernel(error),
            Unlisted::TooMany { what, most } => CaptureError::TooMany { what, most },
        }
    }
}

impl From<RootError> for CaptureError {
    fn from(error: RootError) -> CaptureError {
        CaptureError::Root(error)
    }
}

impl From<DescribeError> for CaptureError {
    fn from(error: DescribeError) -> CaptureError {
        match error {
            DescribeError::Refused(verdict) => CaptureError::Refused(verdict),
            DescribeError::NoState(_) | DescribeError::BadRecord(_) => CaptureError::Confused,
        }
    }
}
