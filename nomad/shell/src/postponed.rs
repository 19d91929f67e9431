//! What root has refused for the moment and is asked for again: [`Postponed`].
//!
//! A transaction counts on it being done: its record is kept, or what it was about is, until root has done it.

use alloc::vec::Vec;

use nomad_protocol::{Instant, TransactionId};

/// Something that is to be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// The memory of this transaction's domain is to be given back.
    GiveBack(TransactionId),
    /// The copy that this transaction has brought is to be given up.
    Discard(TransactionId),
    /// This transaction's domain is to run again: an operator has forced it to.
    RunAgain(TransactionId),
    /// Root is to list its domains, so that others are asked about those that are not here.
    CallRolls,
}

/// All of it, and when it is tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Postponed {
    tasks: Vec<(Instant, Task)>,
}

impl Postponed {
    /// Leaves a task for that time. One that waits already is not left twice.
    pub fn push(&mut self, due: Instant, task: Task) {
        if self.tasks.iter().all(|(_, waiting)| *waiting != task) {
            self.tasks.push((due, task));
        }
    }

    /// Takes what is due.
    pub fn take_due(&mut self, now: Instant) -> Vec<Task> {
        let due = self.tasks.extract_if(.., |(due, _)| *due <= now);
        due.map(|(_, task)| task).collect()
    }

    /// When the next task is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.tasks.iter().map(|(due, _)| *due).min()
    }
}
