//! Linearizability: whether concurrent clients saw one register per key that did one thing after another.
//!
//! ```text
//!   client 0   |--- SET 5 ---|      |-- GET: 5 --|
//!   client 1        |---- GET: nil ----|
//!   client 2             |--- INCR ... (no answer: takes effect at any time from here on, or never)
//! ```
//!
//! A history is linearizable if every operation can be given one moment between its invocation and its answer such that a
//! single register, to which the operations happen at those moments, gives the same answers. Keys do not affect each
//! other, so each key's operations are checked by themselves (Herlihy and Wing's locality).
//!
//! | file | noun |
//! | --- | --- |
//! | [`history`] | [`Entry`]: an operation, when it was invoked, and its answer; a history as a file |
//! | [`register`] | [`Operation`], and what it does to a register |
//! | [`checker`] | [`check`]: decides whether one key's operations are linearizable |
//! | [`workload`] | [`Workload`]: clients of a store, and the history of what they saw |

pub mod checker;
pub mod history;
pub mod register;
pub mod workload;

pub use checker::{Checked, Violation, check};
pub use history::{Entry, by_key};
pub use register::{Answer, Operation};
pub use workload::{Observed, Workload};

#[cfg(test)]
mod naive;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
