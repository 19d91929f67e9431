//! The tests' shared parts, and the tests of the model as a whole.
//!
//! `forest.rs` is a storage, `tables.rs` has tables in it, and `operation.rs` has the model's operations as data. Each
//! operation runs on the forest and on `oracle.rs`, a naive model that recomputes everything from a list of slots and
//! parents. Then the two are compared, and `checker.rs` checks every link. `exhaustive.rs` does this in every state that a
//! few slots can reach. `random.rs` does it in long random sequences over several tables. `mutants.rs` shows that the oracle
//! and the checker would find a fault.

pub(crate) mod checker;
mod exhaustive;
pub(crate) mod forest;
mod mutants;
mod operation;
mod oracle;
mod random;
pub(crate) mod tables;
