//! Calls to root that failed for the moment and are retried: [`Retries`].
//!
//! A transaction relies on these calls, so its record is kept until root has done its part. The one exception is the call
//! that has root serve a domain again, because the domain stays: if this server ends before that has succeeded, root serves
//! it by itself, after the deadline of the domain's freeze.

use alloc::vec::Vec;

use nomad_protocol::{Event, Instant, PhaseName, Refusal, SourceEvent, TransactionId};

use crate::host::{Host, RootError};
use crate::output::{Frames, Output};
use crate::shell::Shell;

/// A task to be retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// Release the memory of this transaction's domain.
    GiveBack(TransactionId),
    /// Discard the copy that this transaction has brought.
    Discard(TransactionId),
    /// Run this transaction's domain again, because the destination has declined it or an operator has forced it.
    Unretire(TransactionId),
    /// Have root serve the domain of this transaction again, because it stays. The transaction may have ended.
    Serve(TransactionId),
    /// Discard what root may have admitted in this transaction, and then refuse it.
    Withdraw(TransactionId, Refusal),
    /// List root's domains, to query other machines about absent ones.
    CallRolls,
}

/// The tasks to be retried, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Retries {
    tasks: Vec<(Instant, Task)>,
}

impl Retries {
    /// Schedules a task, unless it is scheduled already.
    pub fn push(&mut self, due: Instant, task: Task) {
        if self.tasks.iter().all(|(_, waiting)| *waiting != task) {
            self.tasks.push((due, task));
        }
    }

    /// Removes and returns the tasks that are due.
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
    /// Releases the memory of a domain that has left, for [`Output::GiveBack`]; returns the event for the ledger, if
    /// root has done it. The copy is kept if the domain runs on the destination, and not if an operator has dropped it.
    pub fn give_back(&mut self, now: Instant, transaction: TransactionId) -> Option<Event> {
        let released = self.moves.release(&mut self.host, transaction);
        let copy = self.or_retry_later(now, released, Task::GiveBack(transaction))?;
        let entry = self.moves.entry(transaction);
        let has_moved = entry.is_some_and(|entry| entry.phase == PhaseName::Release);
        match copy {
            Some(copy) if has_moved => self.keep_copy(now, transaction, copy),
            Some(copy) => self.host.destroy_kept(copy),
            None => {}
        }
        Some(Event::Source(SourceEvent::Destroyed))
    }

    /// Discards the copy of an aborted move; returns the event for the ledger, if root has done it.
    pub(crate) fn discard(&mut self, now: Instant, transaction: TransactionId) -> Option<Event> {
        let discarded = self.moves.discard(&mut self.host, transaction);
        self.or_retry_later(now, discarded, Task::Discard(transaction))
    }

    /// Runs a domain again, because the destination has declined it or an operator has forced it; returns the event for
    /// the ledger, if root's reply is final.
    pub(crate) fn unretire(&mut self, now: Instant, transaction: TransactionId) -> Option<Event> {
        let done = self.moves.unretire(&mut self.host, transaction);
        let event = self.or_retry_later(now, done, Task::Unretire(transaction))?;
        if event == Event::Source(SourceEvent::Unretired) {
            self.end_capture(now, transaction);
            self.return_frames(transaction);
        }
        Some(event)
    }

    /// Ends the capture of a domain that stays. Root is called again later if it does not serve the domain.
    pub(crate) fn end_capture(&mut self, now: Instant, transaction: TransactionId) {
        if !self.moves.end_capture(&mut self.host, transaction) {
            self.retry_later(now, Task::Serve(transaction));
        }
    }

    /// Returns the frames held for a domain that stays, unless the switch would drop them: then they are held until root serves the
    /// domain.
    pub(crate) fn return_frames(&mut self, transaction: TransactionId) {
        if !self.moves.is_unserved(transaction) {
            self.emit(Output::Frames(transaction, Frames::Revert));
        }
    }

    fn serve_again(&mut self, now: Instant, transaction: TransactionId) {
        if self.moves.serve_again(&mut self.host, transaction) {
            self.return_frames(transaction);
        } else if self.moves.is_unserved(transaction) {
            self.retry_later(now, Task::Serve(transaction));
        }
    }

    /// The result of a call to root; `None` if it failed and is retried later.
    pub(crate) fn or_retry_later<T>(
        &mut self,
        now: Instant,
        done: Result<T, RootError>,
        task: Task,
    ) -> Option<T> {
        match done {
            Ok(done) => Some(done),
            Err(error) => {
                log::warn!("the call to root is retried later: {error}");
                self.retry_later(now, task);
                None
            }
        }
    }

    pub(crate) fn retry_later(&mut self, now: Instant, task: Task) {
        let interval_us = self.moves.ledger.local().timing.repeat_max_us;
        self.retries.push(now.after_us(interval_us.max(1)), task);
    }

    pub(crate) fn retry(&mut self, now: Instant, task: Task) {
        match task {
            Task::GiveBack(transaction) => self.emit(Output::GiveBack(transaction)),
            Task::Discard(transaction) => {
                if let Some(event) = self.discard(now, transaction) {
                    self.handle_event(now, transaction, event);
                }
            }
            Task::Unretire(transaction) => {
                if let Some(event) = self.unretire(now, transaction) {
                    self.handle_event(now, transaction, event);
                }
            }
            Task::Withdraw(transaction, refusal) => {
                if let Some(event) = self.withdraw(now, transaction, refusal) {
                    self.handle_event(now, transaction, event);
                }
            }
            Task::Serve(transaction) => self.serve_again(now, transaction),
            Task::CallRolls => self.update_roll_calls(now),
        }
    }
}
