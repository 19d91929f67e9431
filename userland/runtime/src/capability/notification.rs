//! What a Notification can do: carry flags from those who raise them to the one who waits.

use abi::Error;
use abi::calls::{Signal, Wait};

use super::{Cap, Notification};
use crate::system_call::invoke;

/// A deadline in the past: only looks.
const POLL: u64 = 0;
/// No deadline.
const FOR_EVER: u64 = abi::NO_DEADLINE;

impl Cap<Notification> {
    /// Raises flags.
    ///
    /// # Errors
    /// What `Signal` says.
    pub fn signal(self, flags: u64) -> Result<(), Error> {
        invoke(Signal {
            notification: self.slot(),
            flags,
        })
    }

    /// Waits until a flag is raised; returns the flags and clears them.
    ///
    /// # Errors
    /// What `Wait` says.
    pub fn wait(self) -> Result<u64, Error> {
        self.wait_until_ns(FOR_EVER)
    }

    /// Returns the flags and clears them; zero if none is raised.
    ///
    /// # Errors
    /// What `Wait` says, but that no flag is raised.
    pub fn poll(self) -> Result<u64, Error> {
        self.wait_until_ns(POLL)
    }

    /// Waits until a flag is raised or the domain's clock reaches the deadline; zero flags if that was first.
    ///
    /// # Errors
    /// What `Wait` says, but that the deadline passed.
    pub fn wait_until_ns(self, deadline: u64) -> Result<u64, Error> {
        match invoke(Wait {
            notification: self.slot(),
            deadline,
        }) {
            Err(Error::TimedOut) => Ok(0),
            flags => flags,
        }
    }
}
