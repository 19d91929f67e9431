//! The names, ids and addresses of machines and domains: each type once, for every crate above the kernel.
//!
//! | module | types |
//! | --- | --- |
//! | [`name`] | [`Name`] of a domain, a machine or a service |
//! | [`domain`] | [`DomainId`], [`Incarnation`] |
//! | [`address`] | [`Mac`], [`Ipv4`] |
//! | [`digest`] | [`Digest`] |
//! | [`number`], [`object_id`] | how long numbers, and a kernel object's, are serialized |
//! | [`text`] | how a short text is deserialized |
//!
//! All of them are plain values. In a binary format they have a fixed or a bounded size, so that a hostile length cannot
//! make a reader allocate; in text (JSON, TOML) they look as an operator writes them.

#![no_std]
#![forbid(unsafe_code)]

pub mod address;
pub mod digest;
pub mod domain;
pub mod name;
pub mod number;
pub mod object_id;
pub mod text;

pub use address::{AddressError, Ipv4, Mac};
pub use digest::Digest;
pub use domain::{DomainId, Incarnation};
pub use name::{NAME_BYTES_MAX, Name, NameError};
