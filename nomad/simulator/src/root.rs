//! A fake root: the domains of a machine by name and their states, as in `userland/root`.
//!
//! ```text
//!   waiting or away --start--> running
//!   not here --admit--> incoming --keep--> prepared --adopt--> running
//!   running --Export--> exported --release--> not here
//!   exported --Revert, or it runs after the deadline of its freeze--> running
//!   running --Outlive--> outlived
//! ```
//!
//! A domain at home here that is not here is waiting or away, and may be admitted too. An incoming, prepared or outlived domain
//! can be removed.
//!
//! Root dies with its machine. A restarted root has the domains that are at home on its machine: they wait.

use std::collections::{BTreeMap, BTreeSet};

use identity::{DomainId, Incarnation, Name};
use nomad_protocol::Instant;
use service_protocol::root::{DomainState, Refusal};

/// How long after a freeze's deadline root checks an exported domain.
const LOOK_MARGIN_US: u64 = 1_000_000;

/// What happens to a domain whose home is this machine after it has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Restart {
    /// It waits until no machine has it, and is then started.
    Always,
    /// It is away: if no machine has it, an operator starts it.
    Never,
}

/// Root's entry of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Its id.
    pub id: DomainId,
    /// Its incarnation.
    pub incarnation: Incarnation,
    /// Its state.
    pub state: DomainState,
    /// The pages of its pool, if it has one.
    pub pool: Option<u64>,
    /// Whether its manifest lets it move.
    pub is_movable: bool,
    /// Whether it is part of the machine.
    pub is_part_of_machine: bool,
    /// Its state before it began to arrive.
    waited: Option<DomainState>,
    /// The time at which root checks whether it runs although it is exported.
    pub look: Option<Instant>,
    /// The guest that may have it or another copy of it, as far as this machine, its home, knows.
    pub guest: Option<Name>,
    /// Whether it arrives from that guest.
    pub is_from_guest: bool,
}

impl Entry {
    /// A domain without memory.
    pub fn new(id: DomainId, state: DomainState) -> Self {
        Entry {
            id,
            incarnation: Incarnation(0),
            state,
            pool: None,
            is_movable: true,
            is_part_of_machine: false,
            waited: None,
            look: None,
            guest: None,
            is_from_guest: false,
        }
    }

    /// Whether it is at home here and absent.
    pub fn is_elsewhere(&self) -> bool {
        matches!(self.state, DomainState::Waiting | DomainState::Away)
    }

    /// Whether it is complete here, and it is undecided whether it runs here.
    pub fn is_prepared(&self) -> bool {
        self.state == DomainState::Prepared
    }

    /// Whether it is arriving.
    pub fn comes(&self) -> bool {
        matches!(self.state, DomainState::Incoming | DomainState::Prepared)
    }
}

/// One machine's root. Domains are identified by their numbers here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Root {
    /// The domains that are here, and those that are at home here.
    pub entries: BTreeMap<usize, Entry>,
    homes: BTreeMap<usize, Restart>,
    packages: BTreeSet<usize>,
    /// The memory that is reserved for a package that is not installed yet.
    pub package_bytes: u32,
}

impl Root {
    /// The root of a machine on which these domains are at home, some of them from packages.
    pub fn new(homes: &BTreeMap<usize, Restart>, packages: &BTreeSet<usize>) -> Self {
        let waits = |number: &usize| (*number, Entry::new(DomainId(0), DomainState::Waiting));
        Root {
            entries: homes.keys().map(waits).collect(),
            homes: homes.clone(),
            packages: packages.clone(),
            package_bytes: 0,
        }
    }

    /// Forgets the domains that came in packages, as a restarted machine does.
    pub fn forget_packages(&mut self) {
        for number in std::mem::take(&mut self.packages) {
            self.homes.remove(&number);
            self.entries.remove(&number);
        }
    }

    /// Whether this machine keeps the package of the domain of this number.
    pub fn has_package(&self, number: usize) -> bool {
        self.packages.contains(&number)
    }

    /// Installs the package of a domain, which waits.
    pub fn install(&mut self, number: usize, restart: Restart) -> &Entry {
        self.packages.insert(number);
        self.homes.insert(number, restart);
        let waits = Entry::new(DomainId(0), DomainState::Waiting);
        self.entries.entry(number).or_insert(waits)
    }

    /// The domains that are at home here.
    pub fn homes(&self) -> &BTreeMap<usize, Restart> {
        &self.homes
    }

    /// Adds a domain that was just started, in a pool of its own.
    pub fn run(&mut self, number: usize, id: DomainId, pages: u64) {
        let entry = Entry {
            pool: Some(pages),
            ..Entry::new(id, DomainState::Running)
        };
        self.entries.insert(number, entry);
    }

    /// The domain of this number, if it is in one of these states.
    ///
    /// # Errors
    /// There is no such domain, or it is in another state.
    pub fn in_state(
        &mut self,
        number: usize,
        states: &[DomainState],
    ) -> Result<&mut Entry, Refusal> {
        let entry = self.entries.get_mut(&number);
        let entry = entry.ok_or(Refusal::NoSuchDomain)?;
        if states.contains(&entry.state) {
            Ok(entry)
        } else {
            Err(Refusal::WrongState)
        }
    }

    /// Checks that a domain may arrive: no other domain of its number or id is here. Returns whether root already expects the
    /// domain, in which case its pool exists.
    ///
    /// # Errors
    /// Another domain of its number or id is here.
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

    /// Checks that a domain may be on this guest.
    ///
    /// # Errors
    /// The domain is one of the manifest that is at home here, or another guest may have it.
    pub fn check_guest(&self, number: usize, guest: Name) -> Result<(), Refusal> {
        if self.homes.contains_key(&number) && !self.has_package(number) {
            return Err(Refusal::OfArchive);
        }
        match self.entries.get(&number).and_then(|entry| entry.guest) {
            Some(other) if other != guest => Err(Refusal::OnAnotherGuest),
            _ => Ok(()),
        }
    }

    /// Adds an arriving domain, which has a pool.
    pub fn admit(&mut self, number: usize, id: DomainId, pages: u64) {
        let earlier = self.entries.get(&number);
        let entry = Entry {
            pool: Some(pages),
            waited: earlier.map(|entry| entry.state),
            guest: earlier.and_then(|entry| entry.guest),
            ..Entry::new(id, DomainState::Incoming)
        };
        self.entries.insert(number, entry);
    }

    /// Runs a complete domain. Its state before it arrived is forgotten: if it leaves later, its [`Restart`] decides its state.
    pub fn adopt(&mut self, number: usize, incarnation: Incarnation) {
        if let Some(entry) = self.entries.get_mut(&number) {
            (entry.state, entry.incarnation) = (DomainState::Running, incarnation);
            entry.waited = None;
            if entry.is_from_guest {
                entry.guest = None;
            }
        }
    }

    /// Exports a domain that is about to leave; its freeze ends at `deadline`.
    ///
    /// # Errors
    /// There is no such domain, or it neither runs nor is exported.
    pub fn export(&mut self, number: usize, deadline: Instant) -> Result<(), Refusal> {
        let states = [DomainState::Running, DomainState::Exported];
        let entry = self.in_state(number, &states)?;
        entry.state = DomainState::Exported;
        entry.look = Some(deadline.after_us(LOOK_MARGIN_US));
        Ok(())
    }

    /// Reverts the export of a domain that stays after all. Has no effect on a running domain.
    ///
    /// # Errors
    /// There is no such domain, or it neither runs nor is exported.
    pub fn revert(&mut self, number: usize) -> Result<(), Refusal> {
        let states = [DomainState::Running, DomainState::Exported];
        let entry = self.in_state(number, &states)?;
        (entry.state, entry.look) = (DomainState::Running, None);
        Ok(())
    }

    /// Removes a domain that has left, or does not arrive; returns the pages of its pool. Root keeps the entry of a domain at
    /// home here, so that roll calls look for it.
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
                guest: gone.guest,
                ..Entry::new(gone.id, state)
            };
            self.entries.insert(number, entry);
        }
        gone.pool.unwrap_or(0)
    }

    /// Stops a domain; returns the pages of its pool. If it is at home here, it is started afresh: with `restart` as soon as
    /// no machine has it, otherwise at an operator's command.
    pub fn stop(&mut self, number: usize, restart: bool) -> u64 {
        let pages = self.leave(number);
        if let Some(entry) = self.entries.get_mut(&number) {
            entry.state = if restart {
                DomainState::Waiting
            } else {
                DomainState::Away
            };
        }
        pages
    }

    /// Checks the exported domains whose freeze must have ended by `now`, or all of them with `None`. A domain that
    /// runs stays here.
    pub fn look(&mut self, now: Option<Instant>, runs: impl Fn(DomainId) -> bool) {
        for entry in self.entries.values_mut() {
            let is_due = |look| now.is_none_or(|now| look <= now);
            if !entry.look.is_some_and(is_due) {
                continue;
            }
            if runs(entry.id) {
                (entry.state, entry.look) = (DomainState::Running, None);
            } else {
                let again = now.map(|now| now.after_us(LOOK_MARGIN_US));
                entry.look = again.or(entry.look);
            }
        }
    }

    /// The time of the next check.
    pub fn next_look(&self) -> Option<Instant> {
        self.entries.values().filter_map(|entry| entry.look).min()
    }
}
