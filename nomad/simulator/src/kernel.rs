//! A fake kernel: one pool, and the domains in it, including those that were built and do not run yet.
//!
//! It outlives nomad and dies with its machine. It enforces the same rules as the real kernel: a freeze belongs to the
//! holder of its token and ends at its deadline, a domain whose version has moved is not retired, and a retired domain
//! does not thaw.

use std::collections::{BTreeMap, BTreeSet};

use identity::{Digest, DomainId, Incarnation};
use nomad_protocol::{DomainState, Instant, LocalFailure, StateVersion};
use nomad_shell::RetireError;

use crate::domain::{Domain, RunState};

/// The kernel's error for a call on a domain that does not exist.
pub const NO_DOMAIN: LocalFailure = LocalFailure::Kernel { error: 1 };

/// The kernel's error for a second domain in a pool.
const IN_USE: LocalFailure = LocalFailure::Kernel { error: 2 };

/// The state that a freeze carries besides pages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The version that it was read at.
    pub version: StateVersion,
    /// Steps run.
    pub age: u64,
    /// Signals.
    pub signals: u64,
    /// The time on its clock, in microseconds.
    pub clock_us: u64,
}

impl State {
    /// A digest of the state without the clock, which continues.
    pub fn digest(&self) -> Digest {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&self.age.to_le_bytes());
        digest[8..16].copy_from_slice(&self.signals.to_le_bytes());
        Digest(digest)
    }
}

/// One machine's kernel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kernel {
    /// The free pages of the pool.
    pub free_pages: u64,
    /// Domains of this machine.
    pub domains: BTreeMap<DomainId, Domain>,
    /// The domains that nomad is building, each in the pool that was reserved for it. Explorations have none, so that they have fewer
    /// states.
    pub drafts: BTreeSet<DomainId>,
}

impl Kernel {
    /// A kernel with a pool of this many pages.
    pub fn new(pool_pages: u64) -> Self {
        Kernel {
            free_pages: pool_pages,
            domains: BTreeMap::new(),
            drafts: BTreeSet::new(),
        }
    }

    /// Takes pages out of the pool. Returns whether there were enough.
    pub fn reserve(&mut self, pages: u64) -> bool {
        let left = self.free_pages.checked_sub(pages);
        self.free_pages = left.unwrap_or(self.free_pages);
        left.is_some()
    }

    /// Creates a domain that runs, in pages that were reserved.
    pub fn create(&mut self, id: DomainId, pages: u64) {
        self.domains.insert(id, Domain::new(pages as usize));
    }

    /// The state of a domain, as a restarted nomad reads it.
    pub fn state_of(&self, id: DomainId) -> DomainState {
        match self.domains.get(&id).map(|domain| domain.run) {
            None => DomainState::Gone,
            Some(RunState::Running) => DomainState::Running,
            Some(RunState::Frozen) => DomainState::Frozen,
            Some(RunState::Retired) => DomainState::Retired,
        }
    }

    /// Freezes a domain that runs, until a deadline; returns the token of this freeze.
    pub fn freeze(&mut self, id: DomainId, deadline: Option<Instant>) -> Option<u64> {
        let domain = self.domains.get_mut(&id)?;
        (domain.run == RunState::Running).then(|| {
            domain.freeze(deadline);
            domain.token
        })
    }

    /// Thaws a domain that is frozen with this token.
    pub fn thaw(&mut self, id: DomainId, token: Option<u64>) {
        if let Some(domain) = self.domains.get_mut(&id)
            && domain.run == RunState::Frozen
            && Some(domain.token) == token
        {
            domain.thaw();
        }
    }

    /// Thaws the domains whose deadline is not after `now`, or with `None` all domains that have a deadline.
    pub fn pass_deadlines(&mut self, now: Option<Instant>) {
        for domain in self.domains.values_mut() {
            let is_due = |deadline| now.is_none_or(|now| deadline <= now);
            if domain.deadline.is_some_and(is_due) {
                domain.thaw();
            }
        }
    }

    /// The next deadline of a frozen domain.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.domains
            .values()
            .filter_map(|domain| domain.deadline)
            .min()
    }

    /// Stops a domain for good if its incarnation is older than this.
    pub fn outlive(&mut self, id: DomainId, incarnation: Incarnation) {
        if let Some(domain) = self.domains.get_mut(&id)
            && domain.run == RunState::Running
            && domain.incarnation.is_outlived_by(incarnation)
        {
            domain.freeze(None);
        }
    }

    /// Undoes a retirement. The domain is frozen until this deadline, or until it is thawed with the token that is returned. A domain
    /// that is not retired stays as it is.
    pub fn unretire(&mut self, id: DomainId, deadline: Instant) -> Option<u64> {
        let domain = self.domains.get_mut(&id);
        let domain = domain.filter(|domain| domain.run == RunState::Retired)?;
        domain.freeze(Some(deadline));
        Some(domain.token)
    }

    /// Begins to build a domain in its pool.
    ///
    /// # Errors
    /// There is a domain in the pool.
    pub fn draft(&mut self, id: DomainId) -> Result<(), LocalFailure> {
        let is_new = !self.domains.contains_key(&id) && self.drafts.insert(id);
        is_new.then_some(()).ok_or(IN_USE)
    }

    /// Reads a frozen domain's state.
    pub fn export(&self, id: DomainId, now: Instant) -> Option<State> {
        let domain = self.domains.get(&id)?;
        (domain.run != RunState::Running).then_some(State {
            version: domain.version,
            age: domain.contents.age,
            signals: domain.contents.signals,
            clock_us: domain.clock_us(now),
        })
    }

    /// Retires a domain that is frozen with this token, if its version is still `version`. Has no effect on a retired domain.
    ///
    /// # Errors
    /// There is no such domain, it runs, it is frozen with another token, or its version has changed.
    pub fn retire(
        &mut self,
        id: DomainId,
        version: StateVersion,
        token: Option<u64>,
    ) -> Result<(), RetireError> {
        let domain = self.domains.get_mut(&id);
        let domain = domain.ok_or(RetireError::Failed(NO_DOMAIN))?;
        match domain.run {
            RunState::Retired => return Ok(()),
            RunState::Running => return Err(RetireError::Failed(LocalFailure::FreezeEnded)),
            RunState::Frozen if Some(domain.token) != token => {
                return Err(RetireError::Failed(LocalFailure::FrozenByAnother));
            }
            RunState::Frozen if domain.version != version => {
                return Err(RetireError::VersionMoved);
            }
            RunState::Frozen => {}
        }
        domain.retire();
        Ok(())
    }

    /// Ends a domain, complete or not. Its pages stay reserved.
    pub fn destroy(&mut self, id: DomainId) {
        self.domains.remove(&id);
        self.drafts.remove(&id);
    }

    /// Lets a built domain run for the first time here, as this incarnation.
    pub fn activate(&mut self, id: DomainId, incarnation: Incarnation) {
        if let Some(domain) = self.domains.get_mut(&id) {
            domain.thaw();
            domain.incarnation = incarnation;
        }
    }
}
