//! The store's program; its code is in the library.
#![cfg_attr(target_os = "caravan", no_std, no_main)]
#![forbid(unsafe_code)]

runtime::entry!(key_value::run);

#[cfg(not(target_os = "caravan"))]
fn main() {}
