//! [`CaptureError`]: the reason a step of a source failed.

use nomad_image::{DescribeError, Verdict};
use runtime::Error;
use runtime::protocol::root::DomainState;

use crate::capture::listing::ListError;
use crate::root::RootError;

/// The reason a step of a source failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureError {
    /// A call of the kernel failed.
    Kernel(Error),
    /// A request to root failed.
    Root(RootError),
    /// The domain holds something that cannot move.
    Refused(Verdict),
    /// The domain has more of something than may move.
    TooMany {
        /// The kind of thing.
        what: &'static str,
        /// The most that may move.
        most: u32,
    },
    /// The manifest keeps the domain on its machine.
    Pinned,
    /// The domain does not run here, and root gives this server no authority over it.
    NotRunning(DomainState),
    /// The domain has faulted. It stays with its memory, so that it can be inspected.
    Faulted,
    /// The freeze ended before the step was done: its deadline passed, and the kernel let the domain run.
    FreezeEnded,
    /// Another domain froze this one.
    FrozenByAnother,
    /// The kernel's records are malformed, or a step came out of order.
    Inconsistent,
}

impl CaptureError {
    /// Converts the error of a freeze, or of a call that only the owner of a freeze may make.
    pub fn of_freeze(error: Error) -> CaptureError {
        match error {
            Error::WrongState | Error::TimedOut => CaptureError::FreezeEnded,
            Error::InUse => CaptureError::FrozenByAnother,
            error => CaptureError::Kernel(error),
        }
    }

    /// Converts the error of reading a frozen domain. If the domain runs again, the kernel reports no state of its
    /// threads, and a listed object may have ended.
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

impl From<ListError> for CaptureError {
    fn from(error: ListError) -> CaptureError {
        match error {
            ListError::Kernel(error) => CaptureError::Kernel(error),
            ListError::TooMany { what, most } => CaptureError::TooMany { what, most },
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
            DescribeError::NoState(_) | DescribeError::BadRecord(_) => CaptureError::Inconsistent,
        }
    }
}
