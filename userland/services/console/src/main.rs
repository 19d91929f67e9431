//! The console's program: the library's entry point.
#![cfg_attr(target_os = "caravan", no_std, no_main)]
#![forbid(unsafe_code)]

runtime::entry!(console_shell::run);

/// Nothing to run on a host, which has no domains.
#[cfg(not(target_os = "caravan"))]
fn main() {}
