//! The manifest of a machine: its domains, each with exactly its capabilities.
//!
//! | module | noun |
//! | --- | --- |
//! | [`machine`] | the manifest itself, and its compiled form, which root reads from the boot archive |
//! | [`domain`] | one domain of it |
//! | [`device`] | a domain's device, and the table of drivers |
//! | [`role`] | a domain's role on its machine |
//! | [`capability`] | the capabilities that a domain may have |
//! | [`network`] | a domain's port at the switch |
//! | [`package`] | one domain with its program, for a machine that runs already |
//! | [`check`] | the constraints on fields |
//! | `source` | feature `std`: TOML with includes and overrides; an error names file, line and field |
//! | `entry` | feature `std`: the entry of one domain, in a file of its own |
//!
//! One set of types serves TOML and the compiled form. Both are checked when read: root does not trust the
//! archive to match its own version.

#![cfg_attr(not(any(test, feature = "std")), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod capability;
pub mod check;
pub mod device;
pub mod domain;
#[cfg(any(test, feature = "std"))]
pub mod entry;
pub mod machine;
pub mod network;
pub mod package;
pub mod role;
#[cfg(any(test, feature = "std"))]
pub mod source;

pub use capability::Capability;
pub use device::{Device, DeviceKind, Driver};
pub use domain::{Domain, Restart};
#[cfg(any(test, feature = "std"))]
pub use entry::Entry;
pub use machine::{MEMBER, Manifest};
pub use network::{DHCP, Ip6, Port};
pub use package::{Package, PackageError};
pub use role::Role;
#[cfg(any(test, feature = "std"))]
pub use source::compile;
