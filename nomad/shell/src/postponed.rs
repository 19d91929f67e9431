//! What root has refused for the moment and is asked for again: [`Postponed`].
//!
//! A transaction counts on it being done: its record is kept, or what it was about is, until root has done it.

use alloc::vec::Vec;

use nomad_protocol::{Event, Instant, SourceEvent, TransactionId};

use crate::host::{Host, RootError};
use crate::output::{Frames, Output};
use crate::shell::Shell;

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

impl<H: Host> Shell<H> {
    /// Gives the memory of a domain back that has left, as [`Output::GiveBack`] has asked; returns the event for the ledger,
    /// if root has done it.
    pub fn give_back(&mut self, now: Instant, transaction: TransactionId) -> Option<Event> {
        let given = self.moves.give_back(&mut self.host, transaction);
        self.or_later(now, given, Task::GiveBack(transaction))
    }

    /// Gives up a copy that does not come; returns the event for the ledger, if root has done it.
    pub(crate) fn discard(&mut self, now: Instant, transaction: TransactionId) -> Option<Event> {
        let discarded = self.moves.discard(&mut self.host, transaction);
        self.or_later(now, discarded, Task::Discard(transaction))
    }

    /// Has a domain run here that an operator has forced to; returns the event for the ledger, if root has answered for good.
    pub(crate) fn run_again(&mut self, now: Instant, transaction: TransactionId) -> Option<Event> {
        let done = self.moves.run_again(&mut self.host, transaction);
        let event = self.or_later(now, done, Task::RunAgain(transaction))?;
        if event == Event::Source(SourceEvent::Unretired) {
            self.say(Output::Frames(transaction, Frames::Revert));
        }
        Some(event)
    }

    /// What was done, or nothing yet: then it is tried again later.
    pub(crate) fn or_later<T>(
        &mut self,
        now: Instant,
        done: Result<T, RootError>,
        task: Task,
    ) -> Option<T> {
        match done {
            Ok(done) => Some(done),
            Err(error) => {
                log::warn!("root is asked again later: {error}");
                self.postpone(now, task);
                None
            }
        }
    }

    pub(crate) fn postpone(&mut self, now: Instant, task: Task) {
        let interval_us = self.moves.ledger.here().timing.repeat_max_us;
        self.postponed.push(now.after_us(interval_us.max(1)), task);
    }

    pub(crate) fn try_again(&mut self, now: Instant, task: Task) {
        match task {
            Task::GiveBack(transaction) => self.say(Output::GiveBack(transaction)),
            Task::Discard(transaction) => {
                if let Some(event) = self.discard(now, transaction) {
                    self.handle_event(now, transaction, event);
                }
            }
            Task::RunAgain(transaction) => {
                if let Some(event) = self.run_again(now, transaction) {
                    self.handle_event(now, transaction, event);
                }
            }
            Task::CallRolls => self.update_roll_calls(now),
        }
    }
}
