//! Which call of a restore failed.

use core::fmt;

use identity::Name;
use nomad_image::Difference;
use runtime::Error;

use crate::root::RootError;

/// Why a domain could not be rebuilt or activated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreError {
    /// A call of the kernel, on the thing of this number.
    Kernel {
        /// What was being done.
        step: &'static str,
        /// To which object, slot or address.
        which: u64,
        /// What the kernel said.
        error: Error,
    },
    /// Root said no.
    Root {
        /// What it was asked for.
        step: &'static str,
        /// What it said.
        error: RootError,
    },
    /// A thread has a priority that this server, whose own is lower, may not give.
    Priority(u64),
    /// Root has nothing of this name.
    NoService(Name),
    /// The image is of another domain than was admitted.
    OtherDomain,
    /// The image has no notification to wake the domain by.
    NoWake,
    /// What was built is not what was described.
    Differs(Difference),
    /// The image has something where this server does not expect it, or a step was asked for out of turn.
    Unexpected(&'static str),
}

impl RestoreError {
    /// Whether memory is all that was missing.
    pub fn is_out_of_memory(&self) -> bool {
        let kernel = matches!(
            self,
            RestoreError::Kernel {
                error: Error::PoolEmpty,
                ..
            }
        );
        kernel
            || matches!(
                self,
                RestoreError::Root {
                    error: RootError::Call(Error::PoolEmpty),
                    ..
                }
            )
    }
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RestoreError::Kernel { step, which, error } => write!(f, "{step} {which:#x}: {error}"),
            RestoreError::Root { step, error } => write!(f, "{step}: {error}"),
            RestoreError::Priority(priority) => write!(f, "priority {priority} is above our own"),
            RestoreError::NoService(name) => write!(f, "there is no {name} here"),
            RestoreError::OtherDomain => write!(f, "the image is of another domain"),
            RestoreError::NoWake => write!(f, "the image has no notification to wake it by"),
            RestoreError::Differs(what) => write!(f, "what was built differs: {what:?}"),
            RestoreError::Unexpected(what) => write!(f, "unexpected: {what}"),
        }
    }
}

/// Names the step that a call of the kernel was part of.
pub(crate) trait During<T> {
    /// Names it, and what it was about.
    fn during(self, step: &'static str, which: u64) -> Result<T, RestoreError>;
}

impl<T> During<T> for Result<T, Error> {
    fn during(self, step: &'static str, which: u64) -> Result<T, RestoreError> {
        self.map_err(|error| RestoreError::Kernel { step, which, error })
    }
}

/// Names the step that a question to root was part of.
pub(crate) trait Asking<T> {
    /// Names it.
    fn asking(self, step: &'static str) -> Result<T, RestoreError>;
}

impl<T> Asking<T> for Result<T, RootError> {
    fn asking(self, step: &'static str) -> Result<T, RestoreError> {
        self.map_err(|error| RestoreError::Root { step, error })
    }
}
