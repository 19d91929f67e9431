//! The root server's program: the library's entry point.
#![cfg_attr(target_os = "caravan", no_std, no_main)]
#![forbid(unsafe_code)]

#[cfg(target_os = "caravan")]
runtime::entry!(root_server::main);

#[cfg(not(target_os = "caravan"))]
fn main() {}
