//! A learning Ethernet switch whose ports are shared-memory rings.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(not(target_os = "none"))]
fn main() {}
