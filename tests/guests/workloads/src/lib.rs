//! The work of the threads of a domain that is frozen at any instant and rebuilt elsewhere. Each thread works forever and checks itself.
//! The guest `atomic` rebuilds such a domain in its own machine; the guest `zoo` is such a domain, and migrates.
//!
//! | file | content |
//! | --- | --- |
//! | `list` | the list of workloads |
//! | `simple`, `modes`, `derives`, `messages`, `crowd`, `long_calls`, `stops` | workloads, by the state that they test |
//! | `calls`, `slots` | the calls that they make, and the capabilities that they use |
//! | `board` | the page on which a workload reports, and its message buffer |
//! | `stage` | the objects that they need in their domain, and their threads |
#![no_std]
#![allow(unsafe_code)]

pub mod board;
pub mod calls;
mod crowd;
mod derives;
mod list;
mod long_calls;
mod messages;
mod modes;
mod simple;
pub mod slots;
pub mod stage;
mod stops;

pub use list::{Needs, Script, WORKLOADS, Workload, plain};
pub use long_calls::{FILLED_COUNT, MADE_ADDRESS};

/// A number that is computed from this one and looks random. It is the expected reply to a call, or the content of a page or
/// register.
pub const fn scrambled(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5555
}
