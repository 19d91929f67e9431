//! The reason a guest's run fails: [`Failure`].

use alloc::format;
use alloc::string::String;
use core::fmt;

use runtime::capability::Pool;
use runtime::{Cap, Error};

/// The reason a guest's run fails.
#[derive(Debug)]
pub enum Failure {
    /// The kernel refused a call.
    Refused(Error),
    /// Something else, in words.
    Other(String),
}

impl Failure {
    /// The failure that something is absent or did not happen.
    pub fn missing(what: &str) -> Failure {
        Failure::Other(format!("there was no {what}"))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Refused(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(error) => write!(formatter, "the kernel refused: {error}"),
            Failure::Other(text) => formatter.write_str(text),
        }
    }
}

/// Expects that a pool has spent this many pages.
///
/// # Errors
/// The kernel's error, or a leak.
pub fn check_leak(pool: Cap<Pool>, before: u64) -> Result<(), Failure> {
    let after = pool.report()?.spent.0;
    let leak = || Failure::Other(format!("{before} pages spent before, {after} after"));
    (after == before).then_some(()).ok_or_else(leak)
}
