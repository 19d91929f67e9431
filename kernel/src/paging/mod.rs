//! Mapping Memories, populating them, and handling page faults.
//!
//! | file | contents |
//! | --- | --- |
//! | `map` | mapping and unmapping |
//! | `pages` | populate, supply, discard |
//! | `exception` | exceptions: a page fault is resolved here or becomes a message |

mod exception;
mod map;
mod pages;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tlb_tests;

pub use exception::{handle_exception, translate};
pub use map::{MapRequest, map, remove_mapping, unlink_step};
pub use pages::{DISCARD_MAX, discard, populate, supply};
