//! The result of a run: [`Summary`].

use core::fmt;

use guest_support::worker::Worker;
use runtime::abi::Number;

use crate::calls::{SUCCEEDED, SUCCESSES};

/// The numbers of a run.
#[derive(Default)]
pub struct Summary {
    /// Calls made.
    pub calls: u64,
    /// How many of them succeeded.
    pub successes: u64,
    /// How often a script was started.
    pub lives: u64,
    /// In how many domains.
    pub domains: u64,
    /// How far the counter counted.
    pub counted: u64,
    /// The calls that have ever succeeded, a bit per number.
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
