//! Code shared by the guests in root's place.
//!
//! | file | noun |
//! | --- | --- |
//! | `console` | the serial line and the device that ends QEMU |
//! | `random` | numbers that a seed fixes |
//! | `registers` | loops that keep all registers |
//! | `worker` | a domain with threads that run a script |
#![no_std]
#![allow(unsafe_code)]

pub mod console;
pub mod random;
#[cfg(target_os = "none")]
pub mod registers;
#[cfg(target_os = "none")]
pub mod worker;
