//! What the threads of a domain do that is frozen at any instant and rebuilt elsewhere, each for ever and checking itself; and
//! what they need. One guest rebuilds such a domain in its machine, another is such a domain, and travels.
//!
//! | file | noun |
//! | --- | --- |
//! | `list` | the list of workloads, and the simple ones |
//! | `modes`, `derives`, `messages`, `crowd`, `long_calls`, `stops` | workloads, by what is moved |
//! | `calls`, `slots` | the calls that they make, and through which capabilities |
//! | `board` | where they report |
//! | `stage` | what they need in their domain, and their threads |
#![cfg_attr(target_os = "none", no_std)]
#![cfg(target_os = "none")]
#![allow(unsafe_code)]

pub mod board;
pub mod calls;
mod crowd;
mod derives;
mod list;
mod long_calls;
mod messages;
mod modes;
pub mod slots;
pub mod stage;
mod stops;

pub use list::{Needs, Script, WORKLOADS, Workload, answer_of, plain};
pub use long_calls::{FILLED_COUNT, MADE_ADDRESS};
