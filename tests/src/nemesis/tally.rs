//! What a nemesis did.

use std::collections::BTreeMap;

use super::action::Kind;
use super::seconds;

/// Counts, and a line for everything.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How often the store came to run on the other machine.
    pub moves: u64,
    /// How many actions of each kind were performed and healed.
    pub actions: BTreeMap<Kind, u64>,
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

    /// An action was performed and healed.
    pub(super) fn count(&mut self, kind: Kind) {
        *self.actions.entry(kind).or_default() += 1;
    }
}
