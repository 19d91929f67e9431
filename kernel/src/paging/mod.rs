//! Memories at work: mapping them, giving them pages, and what happens when one is absent.
//!
//! | file | what it does |
//! | --- | --- |
//! | `map` | a Memory appears in a domain, and disappears |
//! | `pages` | populate, supply, discard |
//! | `absent` | exceptions: a page fault is resolved here or becomes a message |

mod absent;
mod map;
mod pages;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tlb_tests;

pub use absent::{handle_exception, translate};
pub use map::{MapRequest, map, remove_mapping, unlink_step};
pub use pages::{DISCARD_MAX, discard, populate, supply};
