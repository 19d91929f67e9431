//! The program that reports on the hardware; its code is in the library.
#![cfg_attr(target_os = "caravan", no_std, no_main)]
#![forbid(unsafe_code)]

runtime::entry!(hardware_report::run);

#[cfg(not(target_os = "caravan"))]
fn main() {}
