//! The names, ids and addresses of machines and domains. Each type is defined once, for every crate above the kernel.
//!
//! | module | types |
//! | --- | --- |
//! | [`name`] | [`Name`] of a domain, a machine or a service |
//! | [`domain`] | [`DomainId`], [`Incarnation`] |
//! | [`address`] | [`Mac`], [`Ipv4`] |
//! | [`mtu`] | [`Mtu`] of a port |
//! | [`digest`] | [`Digest`] |
//! | [`number`], [`object_id`] | the serialization of long numbers and of kernel objects' ids |
//! | [`text`] | the deserialization of short texts |
//!
//! All of them are plain values. In a binary format they have a fixed or a bounded size, so that a hostile length cannot
//! make a reader allocate. In text (JSON, TOML) they have the form in which an operator writes them.

#![no_std]
#![forbid(unsafe_code)]

pub mod address;
pub mod digest;
pub mod domain;
pub mod mtu;
pub mod name;
pub mod number;
pub mod object_id;
pub mod text;

pub use address::{AddressError, Ipv4, Mac};
pub use digest::Digest;
pub use domain::{DomainId, Incarnation};
pub use mtu::{Mtu, MtuError};
pub use name::{GUEST_PREFIX, NAME_BYTES_MAX, Name, NameError};
