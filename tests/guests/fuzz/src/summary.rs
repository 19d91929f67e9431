//! The result of a run: [`Summary`].

use core::fmt;

use guest_support::worker::Worker;
use runtime::abi::Number;

use crate::calls::{SUCCEEDED, SUCCESSES};

/// The numbers of a run.
#[derive(Default)]
pub struct Summary {
    /// The calls made.
    pub calls: u64,
    /// The calls that succeeded.
    pub successes: u64,
    /// The starts of the script.
    pub lives: u64,
    /// The domains in which the script was started.
    pub domains: u64,
    /// The last number of the counter.
    pub counted: u64,
    /// The calls that have ever succeeded, one bit per call number.
    succeeded: u128,
}

impl Summary {
    /// Adds the successes that a domain's script has recorded.
    pub fn add_successes(&mut self, worker: &Worker) {
        self.successes += worker.word(SUCCESSES);
        for number in Number::ALL {
            let has_succeeded = worker.word(SUCCEEDED + *number as usize) != 0;
            self.succeeded |= u128::from(has_succeeded) << *number as u32;
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary {
            calls,
            successes,
            lives,
            domains,
            counted,
            succeeded,
        } = self;
        write!(
            f,
            "{calls} calls, {successes} succeeded, {lives} lives of {domains} domains, counted to {counted}; never accepted:"
        )?;
        for number in Number::ALL {
            if succeeded >> *number as u32 & 1 == 0 {
                write!(f, " {number:?}")?;
            }
        }
        Ok(())
    }
}
