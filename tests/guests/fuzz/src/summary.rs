//! The result of a run: [`Summary`].

use core::fmt;

use guest_support::worker::Worker;
use runtime::abi::Number;

use crate::calls::{SUCCEEDED, SUCCESSES};

/// Numbers of a run.
#[derive(Default)]
pub struct Summary {
    /// Calls made.
    pub calls: u64,
    /// How many of them succeeded.
    pub successes: u64,
    /// How often a script began.
    pub lives: u64,
    /// In how many domains.
    pub domains: u64,
    /// How far the counter came.
    pub counted: u64,
    /// The numbers of the calls that have succeeded, as bits.
    succeeded: u128,
}

impl Summary {
    /// Adds what a domain's script has noted of its successes.
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
