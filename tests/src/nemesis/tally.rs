//! The record of a nemesis.

use std::collections::BTreeMap;

use super::action::Kind;
use super::seconds;

/// The state of the move that an action struck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Struck {
    /// Whether a move was under way: its operator had no final reply.
    pub is_under_way: bool,
    /// Whether the action was a cancel that was confirmed: the reply was that the store stays.
    pub is_cancelled: bool,
}

/// Counts of actions, and a log.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// The number of actions of each kind that were performed and healed.
    pub actions: BTreeMap<Kind, u64>,
    /// The number of those that struck while a move was under way.
    pub under_way: BTreeMap<Kind, u64>,
    /// The number of moves that were struck under way and left the store where it was.
    pub aborted: u64,
    /// The number of moves that were struck under way and succeeded nevertheless.
    pub survived: u64,
    /// The number of cancels that were confirmed to the operator.
    pub cancelled: u64,
    /// The log, with times on the clients' clock.
    pub lines: Vec<String>,
}

impl Tally {
    /// Logs an event with the current time.
    pub fn note(&mut self, event: &str) {
        let line = format!("{:14.6} {event}", seconds());
        println!("{line}");
        self.lines.push(line);
    }

    /// Counts an action that was performed and healed.
    ///
    /// # Panics
    ///
    /// If a cancel was confirmed and the store has moved nevertheless.
    pub(super) fn count(&mut self, kind: Kind, struck: Struck, has_moved: bool) {
        *self.actions.entry(kind).or_default() += 1;
        assert!(
            !(struck.is_cancelled && has_moved),
            "a cancel was confirmed, but the store has moved"
        );
        self.cancelled += u64::from(struck.is_cancelled);
        if !struck.is_under_way {
            return;
        }
        *self.under_way.entry(kind).or_default() += 1;
        if has_moved {
            self.survived += 1;
        } else {
            self.aborted += 1;
        }
    }
}
