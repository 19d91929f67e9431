//! The driver's program; its code is in the library.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
runtime::entry!(vmxnet3_driver::main);

#[cfg(not(target_os = "none"))]
fn main() {}
