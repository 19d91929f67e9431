//! The driver's program; its code is in the library.
#![cfg_attr(target_os = "caravan", no_std, no_main)]

#[cfg(target_os = "caravan")]
runtime::entry!(vmxnet3_driver::main);

#[cfg(not(target_os = "caravan"))]
fn main() {}
