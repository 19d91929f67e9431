//! Starts the console in a domain; what it does is the library beside.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

runtime::entry!(console_shell::run);

/// A host has no domains.
#[cfg(not(target_os = "none"))]
fn main() {}
