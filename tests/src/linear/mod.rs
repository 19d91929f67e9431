//! Linearizability: whether concurrent clients saw one register per key that executed their operations one at a time.
//!
//! ```text
//!   client 0   |--- SET 5 ---|      |-- GET: 5 --|
//!   client 1        |---- GET: nil ----|
//!   client 2             |--- INCR ... (no reply: takes effect at any time from here on, or never)
//! ```
//!
//! A history is linearizable if every operation can be assigned one moment between its invocation and its reply such that
//! a single register which executes the operations at those moments gives the same replies. Keys are independent, so each
//! key's operations are checked separately (Herlihy and Wing's locality).
//!
//! | file | content |
//! | --- | --- |
//! | [`history`] | [`Entry`]: an operation, the time of its invocation, and its reply; a history as a file |
//! | [`register`] | [`Operation`], and its effect on a register |
//! | [`checker`] | [`check`]: decides whether one key's operations are linearizable |
//! | `configuration` | an explanation of a history, and sets of explanations |
//! | [`workload`] | [`Workload`]: clients of a store, and the history that they observe |

pub mod checker;
mod configuration;
pub mod history;
pub mod register;
pub mod workload;

pub use checker::{Checked, Violation, check};
pub use history::{Entry, by_key};
pub use register::{Operation, Reply};
pub use workload::{Observed, Workload};

#[cfg(test)]
mod naive;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
