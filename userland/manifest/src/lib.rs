//! What a machine runs: its domains, each with exactly the capabilities it shall have.
//!
//! | module | noun |
//! | --- | --- |
//! | [`machine`] | the manifest itself, and its compiled form, which lies in the boot archive and is read by root |
//! | [`domain`] | one domain of it |
//! | [`capability`] | what a domain may be given |
//! | [`network`] | a domain's port at the switch |
//! | [`check`] | what must hold between the fields |
//! | `source` | feature `std`: TOML with includes and overrides; an error names file, line and field |
//!
//! One set of types serves TOML and the compiled form. Whoever reads either checks it: root does not trust the
//! archive to be of its own version.

#![cfg_attr(not(any(test, feature = "std")), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod capability;
pub mod check;
pub mod domain;
pub mod machine;
pub mod network;
#[cfg(any(test, feature = "std"))]
pub mod source;

pub use capability::Capability;
pub use domain::{Device, DeviceKind, Domain, Restart};
pub use machine::{MEMBER, Manifest};
pub use network::{Ip, Mac, Port};
#[cfg(any(test, feature = "std"))]
pub use source::compile;
