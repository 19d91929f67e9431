//! The prober: a client that notices every wrong reply and every pause of a domain while it is moved.
//!
//! It sends a UDP request every millisecond. On one TCP connection, which stays open, it sends a request every five milliseconds. It
//! checks every reply: the heap's contents, counters that never decrease, the stream's order (`checker.rs`). The gap of a
//! move is the longest time between two UDP replies (`replies.rs`).
//!
//! It is a library, and also the program `prober` with the same options. The program runs on the third party, a host beside
//! the machines, where a test has no thread.

mod checker;
mod clock;
mod options;
pub mod protocol;
mod replies;
mod report;
mod run;
mod stream;

pub use checker::{Checker, Errors, Promise};
pub use clock::now_ns;
pub use options::Options;
pub use protocol::Heap;
pub use replies::Replies;
pub use report::{Figures, Report, Summary};
pub use run::run;

/// The line that the program prints before a JSON report, once the domain has replied over both transports.
pub const REPLIED: &str = "replied";
