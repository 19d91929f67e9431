//! Every system call, defined once: its number, its arguments, its results.
//!
//! | file | content |
//! | --- | --- |
//! | `table` | the calls |
//! | `define` | the macro that generates types, decoder and descriptions from the table |
//! | `arguments` | arguments and results in registers |
//! | `messages` | constructors of the calls that carry a message |
//!
//! The kernel decodes a [`Request`] and matches on it; the runtime encodes the same argument structs. A call that the kernel
//! does not handle is a compile error.

mod arguments;
mod define;
mod messages;
mod table;
#[cfg(test)]
mod tests;

pub use crate::page_set::PageSet;
pub use arguments::{Arguments, Output, Received};
pub use define::Description;
pub use table::*;
