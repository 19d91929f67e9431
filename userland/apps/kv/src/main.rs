//! Starts the store in a domain; what it does is the library beside.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

runtime::entry!(key_value::run);

/// A host has no domains.
#[cfg(not(target_os = "none"))]
fn main() {}
