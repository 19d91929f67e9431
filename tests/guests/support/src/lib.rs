//! Code shared by the guests.
//!
//! | file | content |
//! | --- | --- |
//! | `console` | the serial port, and the device that ends QEMU |
//! | `failure` | the reason a run fails |
//! | `random` | a seeded pseudo-random generator |
//! | `registers` | loops that hold values in registers |
//! | `system_call` | system calls with arbitrary registers |
//! | `udp` | a responder for datagrams |
//! | `worker` | a domain whose threads run scripts |
#![no_std]
#![allow(unsafe_code)]

extern crate alloc;

pub mod console;
pub mod failure;
pub mod random;
pub mod registers;
pub mod system_call;
pub mod udp;
pub mod worker;
