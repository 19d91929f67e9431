//! Restore: a domain as it arrives, from a reserved pool to a running domain.
//!
//! | file | noun |
//! | --- | --- |
//! | [`incoming`] | [`Incoming`]: a domain on its way in, and the steps that the protocol asks for |
//! | [`arriving`] | a Memory that pages arrive for |
//! | [`build`] | the list of calls that make the domain of its description |
//! | [`clock`] | its time goes on |
//! | [`error`] | which call failed |
//! | [`read_back`] | whether that is what was described |
//! | [`scrap`] | capabilities that are not needed any more |

pub mod arriving;
pub mod build;
pub mod clock;
pub mod error;
pub mod incoming;
pub mod read_back;
pub mod scrap;

pub use error::RestoreError;
pub use incoming::Incoming;
