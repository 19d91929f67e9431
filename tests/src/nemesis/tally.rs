//! What a nemesis did.

use std::collections::BTreeMap;

use super::action::Kind;
use super::seconds;

/// What an action found when it struck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Struck {
    /// A move was under way: its operator had not been answered how it had ended.
    pub is_under_way: bool,
    /// It was a cancel, and the operator was answered that the store stays.
    pub is_cancelled: bool,
}

/// Counts, and a line for everything.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many actions of each kind were performed and healed.
    pub actions: BTreeMap<Kind, u64>,
    /// How many of them struck while a move was under way.
    pub under_way: BTreeMap<Kind, u64>,
    /// How many moves were under way when they were struck and left the store where it was.
    pub aborted: u64,
    /// How many moves were under way when they were struck and succeeded all the same.
    pub survived: u64,
    /// How many cancels the operator was answered that they are obeyed.
    pub cancelled: u64,
    /// What happened, with its times on the clients' clock.
    pub lines: Vec<String>,
}

impl Tally {
    /// Notes what happens now.
    pub fn note(&mut self, what: &str) {
        let line = format!("{:14.6} {what}", seconds());
        println!("{line}");
        self.lines.push(line);
    }

    /// An action was performed and healed, and the store has moved or not.
    ///
    /// # Panics
    ///
    /// If a cancel was obeyed and the store has moved all the same.
    pub(super) fn count(&mut self, kind: Kind, struck: Struck, has_moved: bool) {
        *self.actions.entry(kind).or_default() += 1;
        assert!(
            !(struck.is_cancelled && has_moved),
            "a store has moved that was to stay"
        );
        self.cancelled += u64::from(struck.is_cancelled);
        if !struck.is_under_way {
            return;
        }
        *self.under_way.entry(kind).or_default() += 1;
        match has_moved {
            true => self.survived += 1,
            false => self.aborted += 1,
        }
    }
}
