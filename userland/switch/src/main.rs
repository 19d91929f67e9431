//! The switch's program; its code is in the library.
#![cfg_attr(target_os = "caravan", no_std, no_main)]
#![forbid(unsafe_code)]

#[cfg(target_os = "caravan")]
runtime::entry!(switch_server::main);

#[cfg(not(target_os = "caravan"))]
fn main() {}
