//! The manifest of a machine: its domains, each with exactly its capabilities.
//!
//! | module | content |
//! | --- | --- |
//! | [`machine`] | the manifest itself, and its compiled form, which root reads from the boot archive |
//! | [`fleet`] | the manifests of all machines of a fleet in one, and the choice of one by a machine's marks |
//! | [`uuid`] | the UUID of a machine |
//! | [`domain`] | one domain of a manifest |
//! | [`device`] | a domain's device, and the table of drivers |
//! | [`role`] | a domain's role on its machine |
//! | [`capability`] | the capabilities that a domain may have |
//! | [`network`] | a domain's port at the switch |
//! | [`package`] | one domain with its program, for a machine that runs already |
//! | [`check`] | the constraints on fields |
//! | `source` | feature `std`: TOML, of a machine or of a fleet; an error names file, line and field |
//! | `entry` | feature `std`: the entry of one domain, in a file of its own |
//!
//! One set of types serves TOML and the compiled form. The constraints are checked when TOML is read. A reader of the compiled
//! form checks its version, since root and the archive may have different ones.

#![cfg_attr(not(any(test, feature = "std")), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod capability;
pub mod check;
pub mod device;
pub mod domain;
#[cfg(any(test, feature = "std"))]
pub mod entry;
pub mod fleet;
pub mod machine;
pub mod network;
pub mod package;
pub mod role;
#[cfg(any(test, feature = "std"))]
pub mod source;
pub mod uuid;

pub use capability::Capability;
pub use device::{Device, DeviceKind, Driver};
pub use domain::{Domain, Restart};
#[cfg(any(test, feature = "std"))]
pub use entry::Entry;
pub use fleet::{FLEET_MEMBER, Fleet};
pub use machine::{MEMBER, Manifest};
pub use network::{DHCP, Ip6, Port};
pub use package::{Package, PackageError};
pub use role::Role;
#[cfg(any(test, feature = "std"))]
pub use source::fleet::compile_with as compile_fleet;
#[cfg(any(test, feature = "std"))]
pub use source::{compile, compile_with};
pub use uuid::Uuid;
