//! What may go wrong while a domain is captured: [`CaptureError`].

use nomad_image::{Undescribed, Verdict};
use runtime::Error;

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
    /// Root gives nobody the authority to move it.
    Pinned,
    /// The freeze ended before the step was done: its deadline passed, and the kernel let the domain run.
    FreezeEnded,
    /// Another domain froze it.
    FrozenByAnother,
    /// The kernel's records are not what they should be, or a step was asked for out of turn.
    Confused,
}

impl From<Error> for CaptureError {
    fn from(error: Error) -> CaptureError {
        CaptureError::Kernel(error)
    }
}

impl From<RootError> for CaptureError {
    fn from(error: RootError) -> CaptureError {
        CaptureError::Root(error)
    }
}

impl From<Undescribed> for CaptureError {
    fn from(undescribed: Undescribed) -> CaptureError {
        match undescribed {
            Undescribed::Refused(verdict) => CaptureError::Refused(verdict),
            Undescribed::NoState(_) | Undescribed::BadRecord(_) => CaptureError::Confused,
        }
    }
}
