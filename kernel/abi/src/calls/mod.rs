//! Every system call, once: its number, its arguments, its results.
//!
//! | file | noun |
//! | --- | --- |
//! | `table` | the calls |
//! | `define` | the macro that makes types, decoder and descriptions out of the table |
//! | `arguments` | arguments and results in registers |
//! | `messages` | the calls that carry a message, made of its parts |
//! | `page_set` | the sets of pages that `DomainPages` reads |
//!
//! The kernel decodes a [`Request`] and matches on it; the runtime encodes the same argument structs. A call
//! that one side forgets does not compile.

mod arguments;
mod define;
mod messages;
mod page_set;
mod table;
#[cfg(test)]
mod tests;

pub use arguments::{Arguments, Output, Received};
pub use define::Description;
pub use page_set::PageSet;
pub use table::*;
