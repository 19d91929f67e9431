//! Restore: a domain as it arrives, from a reserved pool to a running domain.
//!
//! | file | content |
//! | --- | --- |
//! | [`incoming`] | [`Incoming`]: an arriving domain, and the steps of a destination |
//! | [`arriving`] | a Memory whose pages arrive |
//! | [`build`] | the list of calls that build the domain from its description |
//! | [`clock`] | the clock of a moved domain |
//! | [`error`] | [`RestoreError`]: the call that failed |
//! | [`read_back`] | a check that the built domain is the one described |

pub mod arriving;
pub mod build;
pub mod clock;
pub mod error;
pub mod incoming;
pub mod read_back;

pub use error::RestoreError;
pub use incoming::Incoming;
