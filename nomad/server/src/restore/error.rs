//! [`RestoreError`]: the call of a restore that failed.

use identity::Name;
use nomad_image::Difference;
use runtime::Error;

use crate::root::RootError;

/// The reason a domain could not be rebuilt or activated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// A call of the kernel failed.
    #[error("{step} {which:#x}: {error}")]
    Kernel {
        /// The step that the call was part of.
        step: &'static str,
        /// The object, slot or address of the step.
        which: u64,
        error: Error,
    },
    /// A request to root failed.
    #[error("{step}: {error}")]
    Root {
        /// The step that the request was part of.
        step: &'static str,
        error: RootError,
    },
    /// A thread has a priority above this server's own, which this server may not assign.
    #[error("priority {0} is above this server's own")]
    Priority(u64),
    /// Root has no object of this name.
    #[error("there is no {0} here")]
    NoService(Name),
    /// The image describes another domain than the one admitted.
    #[error("the image describes another domain")]
    OtherDomain,
    /// The image has no notification that wakes the domain.
    #[error("the image has no notification that wakes the domain")]
    NoWake,
    /// The built domain differs from its description.
    #[error("the built domain differs from its description: {0:?}")]
    Differs(Difference),
    /// The image has something where this server does not expect it, or a step came out of order.
    #[error("unexpected: {0}")]
    Unexpected(&'static str),
}

impl RestoreError {
    /// Whether the only cause is a lack of memory.
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

/// Names the step that a call of the kernel was part of.
pub(crate) trait During<T> {
    fn during(self, step: &'static str, which: u64) -> Result<T, RestoreError>;
}

impl<T> During<T> for Result<T, Error> {
    fn during(self, step: &'static str, which: u64) -> Result<T, RestoreError> {
        self.map_err(|error| RestoreError::Kernel { step, which, error })
    }
}

/// Names the step that a request to root was part of.
pub(crate) trait DuringRequest<T> {
    fn during_request(self, step: &'static str) -> Result<T, RestoreError>;
}

impl<T> DuringRequest<T> for Result<T, RootError> {
    fn during_request(self, step: &'static str) -> Result<T, RestoreError> {
        self.map_err(|error| RestoreError::Root { step, error })
    }
}
