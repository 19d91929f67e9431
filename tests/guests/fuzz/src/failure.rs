//! The reason a run failed: [`Failure`].

use core::fmt;

use runtime::abi::Error;

/// The reason a run failed.
#[derive(Debug)]
pub enum Failure {
    Refused(Error),
    /// A call came to what the oracle does not allow: number, status, registers, whether the first slot held something.
    Violation(u64, u64, [u64; 8], u64),
    /// The counter's numbers are not its own any more, or it stands still.
    Counter(u64),
    Leak(u64, u64),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Refused(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(error) => write!(f, "the kernel refused: {error}"),
            Failure::Violation(number, status, registers, held) => {
                let status = Error::from_status(*status).map_or("success", Error::text);
                write!(
                    f,
                    "call {number} with {registers:#x?} came to: {status} (slot held: {held})"
                )
            }
            Failure::Counter(at) => write!(f, "the counter was disturbed at {at}"),
            Failure::Leak(before, after) => write!(f, "{before} pages spent before, {after} after"),
        }
    }
}
