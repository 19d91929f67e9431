//! The operations on a Notification, which carries flags from its signallers to its waiter.

use abi::Error;
use abi::calls::{Signal, SignalAndWait, Wait};

use super::{Cap, Notification};
use crate::system_call::invoke;

/// A deadline in the past: does not wait.
const POLL: u64 = 0;
/// No deadline.
const FOR_EVER: u64 = abi::NO_DEADLINE;

impl Cap<Notification> {
    /// Raises flags.
    ///
    /// # Errors
    /// The error of `Signal`.
    pub fn signal(self, flags: u64) -> Result<(), Error> {
        invoke(Signal {
            notification: self.slot(),
            flags,
        })
    }

    /// Waits until a flag is raised; returns the flags and clears them.
    ///
    /// # Errors
    /// The error of `Wait`.
    pub fn wait(self) -> Result<u64, Error> {
        self.wait_until_ns(FOR_EVER)
    }

    /// Returns the flags and clears them; zero if none is raised.
    ///
    /// # Errors
    /// The error of `Wait`. It is not an error if no flag is raised.
    pub fn poll(self) -> Result<u64, Error> {
        self.wait_until_ns(POLL)
    }

    /// Waits until a flag is raised or the domain's clock reaches the deadline; returns zero if the deadline passed.
    ///
    /// # Errors
    /// The error of `Wait`. It is not an error if the deadline passes.
    pub fn wait_until_ns(self, deadline: u64) -> Result<u64, Error> {
        match invoke(Wait {
            notification: self.slot(),
            deadline,
        }) {
            Err(Error::TimedOut) => Ok(0),
            flags => flags,
        }
    }

    /// As [`Cap::wait_until_ns`], but first raises flags in another notification. A thread that they wake runs only once this one
    /// waits, so this one is not entered again in between.
    ///
    /// # Errors
    /// The error of `SignalAndWait`: of either notification. It is not an error if the deadline passes.
    pub fn wait_after_signal(
        self,
        signalled: Cap<Notification>,
        flags: u64,
        deadline: u64,
    ) -> Result<u64, Error> {
        match invoke(SignalAndWait {
            notification: self.slot(),
            deadline,
            signalled: signalled.slot(),
            flags,
        }) {
            Err(Error::TimedOut) => Ok(0),
            flags => flags,
        }
    }
}
