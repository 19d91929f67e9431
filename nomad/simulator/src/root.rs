//! A fake root: the domains of a machine by name, and what each of them is doing, as `userland/root` has it.
//!
//! ```text
//!   at home, not here: waiting or away --start--> running      --Outlive--> outlived
//!                          \                      ^  | Export ^ Revert, or it runs after the deadline of its freeze
//!                           \                     |  v        |
//!   not here --admit--> incoming --keep--> prepared  exported --release--> not here
//! ```
//!
//! It dies with its machine. One that comes up has the domains that are at home there: they wait.

use std::collections::BTreeMap;

use identity::{DomainId, Incarnation};
use nomad_protocol::Instant;
use service_protocol::root::{DomainState, Refusal};

/// How long after a freeze's deadline root looks at an exported domain.
const LOOK_MARGIN_US: u64 = 1_000_000;

/// What becomes of a domain at home that has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Restart {
    /// It waits until nobody has it, and is started then.
    Always,
    /// It is away: if nobody has it, an operator starts it.
    Never,
}

/// A domain as root knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Its id.
    pub id: DomainId,
    /// Its incarnation.
    pub incarnation: Incarnation,
    /// What it is doing.
    pub state: DomainState,
    /// The pages of its pool, if it has one.
    pub pool: Option<u64>,
    /// What it was before it began to come.
    waited: Option<DomainState>,
    /// When root looks whether it runs though it is exported.
    pub look: Option<Instant>,
}

impl Entry {
    /// A domain without memory.
    pub fn new(id: DomainId, state: DomainState) -> Self {
        Entry {
            id,
            incarnation: Incarnation(0),
            state,
            pool: None,
            waited: None,
            look: None,
        }
    }

    /// Is it at home here and not here?
    pub fn is_elsewhere(&self) -> bool {
        matches!(self.state, DomainState::Waiting | DomainState::Away)
    }

    /// Is it here complete, and not decided whether it is to run?
    pub fn is_prepared(&self) -> bool {
        self.state == DomainState::Prepared
    }

    /// Is it on its way here?
    pub fn comes(&self) -> bool {
        matches!(self.state, DomainState::Incoming | DomainState::Prepared)
    }
}

/// One machine's root. Domains are called by their numbers here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Root {
    /// What is here, and what is at home here.
    pub entries: BTreeMap<usize, Entry>,
    homes: BTreeMap<usize, Restart>,
}

impl Root {
    /// The root of a machine that these domains are at home on, just started.
    pub fn new(homes: &BTreeMap<usize, Restart>) -> Self {
        let waits = |number: &usize| (*number, Entry::new(DomainId(0), DomainState::Waiting));
        Root {
            entries: homes.keys().map(waits).collect(),
            homes: homes.clone(),
        }
    }

    /// The domains that are at home here.
    pub fn homes(&self) -> &BTreeMap<usize, Restart> {
        &self.homes
    }

    /// A domain runs here that was just started, in a pool of its own.
    pub fn run(&mut self, number: usize, id: DomainId, pages: u64) {
        let entry = Entry {
            pool: Some(pages),
            ..Entry::new(id, DomainState::Running)
        };
        self.entries.insert(number, entry);
    }

    /// The domain of this number, if it is in one of these states.
    pub fn in_state(
        &mut self,
        number: usize,
        states: &[DomainState],
    ) -> Result<&mut Entry, Refusal> {
        let entry = self.entries.get_mut(&number);
        let entry = entry.ok_or(Refusal::NoSuchDomain)?;
        match states.contains(&entry.state) {
            true => Ok(entry),
            false => Err(Refusal::WrongState),
        }
    }

    /// Whether a domain may come: none of its number or id is here. One that is expected already has its pool.
    pub fn expects(&self, number: usize, id: DomainId) -> Result<bool, Refusal> {
        let mut known = self.entries.iter();
        let known = known
            .find(|(known, entry)| !entry.is_elsewhere() && (**known == number || entry.id == id));
        match known {
            None => Ok(false),
            Some((known, entry))
                if *known == number && entry.id == id && entry.state == DomainState::Incoming =>
            {
                Ok(true)
            }
            Some(_) => Err(Refusal::AlreadyHere),
        }
    }

    /// A domain is on its way here, and has a pool.
    pub fn admit(&mut self, number: usize, id: DomainId, pages: u64) {
        let waited = self.entries.get(&number).map(|entry| entry.state);
        let entry = Entry {
            pool: Some(pages),
            waited,
            ..Entry::new(id, DomainState::Incoming)
        };
        self.entries.insert(number, entry);
    }

    /// A domain that is here complete runs from now on: if it leaves, it is not what it was before it came.
    pub fn adopt(&mut self, number: usize, incarnation: Incarnation) {
        if let Some(entry) = self.entries.get_mut(&number) {
            (entry.state, entry.incarnation) = (DomainState::Running, incarnation);
            entry.waited = None;
        }
    }

    /// A domain is about to leave; its freeze ends then.
    pub fn export(&mut self, number: usize, deadline: Instant) -> Result<(), Refusal> {
        let states = [DomainState::Running, DomainState::Exported];
        let entry = self.in_state(number, &states)?;
        entry.state = DomainState::Exported;
        entry.look = Some(deadline.after_us(LOOK_MARGIN_US));
        Ok(())
    }

    /// A domain stays that was about to leave. That it does already is no error.
    pub fn revert(&mut self, number: usize) -> Result<(), Refusal> {
        let states = [DomainState::Running, DomainState::Exported];
        let entry = self.in_state(number, &states)?;
        (entry.state, entry.look) = (DomainState::Running, None);
        Ok(())
    }

    /// A domain has gone, or does not come; returns the pages of its pool. If it is at home here, others are asked where it is.
    pub fn leave(&mut self, number: usize) -> u64 {
        let Some(gone) = self.entries.remove(&number) else {
            return 0;
        };
        if let Some(restart) = self.homes.get(&number) {
            let state = gone.waited.unwrap_or(match restart {
                Restart::Always => DomainState::Waiting,
                Restart::Never => DomainState::Away,
            });
            let entry = Entry {
                incarnation: gone.incarnation,
                ..Entry::new(gone.id, state)
            };
            self.entries.insert(number, entry);
        }
        gone.pool.unwrap_or(0)
    }

    /// Looks at exported domains that must have been thawed by now (at the end of time, at all): those that run stay.
    pub fn look(&mut self, now: Option<Instant>, runs: impl Fn(DomainId) -> bool) {
        for entry in self.entries.values_mut() {
            let is_due = |look| now.is_none_or(|now| look <= now);
            if !entry.look.is_some_and(is_due) {
                continue;
            }
            match runs(entry.id) {
                true => (entry.state, entry.look) = (DomainState::Running, None),
                false => {
                    let again = now.map(|now| now.after_us(LOOK_MARGIN_US));
                    entry.look = again.or(entry.look);
                }
            }
        }
    }

    /// When it looks next.
    pub fn next_look(&self) -> Option<Instant> {
        self.entries.values().filter_map(|entry| entry.look).min()
    }
}
