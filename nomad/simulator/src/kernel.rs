//! A fake kernel: one pool, the domains in it, and the copies that are on their way in.
//!
//! It outlives nomad and dies with its machine. It enforces what the real one enforces: a freeze belongs to the holder of its
//! token and ends at its deadline, a version that has moved is not retired, a retired domain does not thaw.

use std::collections::BTreeMap;

use nomad_protocol::{
    Attempt, Change, Digest, DomainId, DomainState, Incarnation, Instant, Interference,
    LocalFailure, Offer, Refusal, SourceEvent, StateVersion, TransactionId,
};

use crate::domain::{Domain, Run};

/// The kernel's answer to a call on a domain that is not there.
pub const NO_DOMAIN: LocalFailure = LocalFailure::Kernel { error: 1 };

/// What a freeze carries besides pages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The version that it was read at.
    pub version: StateVersion,
    /// Steps run.
    pub age: u64,
    /// Signals.
    pub signals: u64,
}

impl State {
    /// A digest of the state.
    pub fn digest(&self) -> Digest {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&self.age.to_le_bytes());
        digest[8..16].copy_from_slice(&self.signals.to_le_bytes());
        Digest(digest)
    }
}

/// A copy on its way in: a reservation that fills.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Incoming {
    /// Pages received so far.
    pub pages: Vec<u64>,
    /// The freeze that was received last.
    pub freeze: Option<(Attempt, State)>,
    /// The domain, once it is rebuilt: frozen.
    pub rebuilt: Option<Domain>,
}

/// One machine's kernel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kernel {
    /// Pages of the pool that nobody has.
    pub free_pages: u64,
    /// Domains of this machine.
    pub domains: BTreeMap<DomainId, Domain>,
    /// Copies on their way in.
    pub incoming: BTreeMap<TransactionId, Incoming>,
}

impl Kernel {
    /// A kernel whose pool has so many pages.
    pub fn new(pool_pages: u64) -> Self {
        Kernel {
            free_pages: pool_pages,
            domains: BTreeMap::new(),
            incoming: BTreeMap::new(),
        }
    }

    /// Creates a domain that runs.
    pub fn create(&mut self, id: DomainId, pages: usize) {
        self.free_pages -= pages as u64;
        self.domains.insert(id, Domain::new(pages));
    }

    /// What a restarted nomad is told of a domain.
    pub fn state_of(&self, id: DomainId) -> DomainState {
        match self.domains.get(&id).map(|domain| domain.run) {
            None => DomainState::Gone,
            Some(Run::Running) => DomainState::Running,
            Some(Run::Frozen) => DomainState::Frozen,
            Some(Run::Retired) => DomainState::Retired,
        }
    }

    /// Freezes a domain that runs, until a deadline; returns the token of this freeze.
    pub fn freeze(&mut self, id: DomainId, deadline: Option<Instant>) -> Option<u64> {
        let domain = self.domains.get_mut(&id)?;
        (domain.run == Run::Running).then(|| {
            domain.freeze(deadline);
            domain.token
        })
    }

    /// Thaws a domain that is frozen with this token.
    pub fn thaw(&mut self, id: DomainId, token: Option<u64>) {
        if let Some(domain) = self.domains.get_mut(&id)
            && domain.run == Run::Frozen
            && Some(domain.token) == token
        {
            domain.thaw();
        }
    }

    /// Thaws the domains whose deadline has passed; at the end of time, all that have one.
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

    /// Stops a domain for good that runs in an older incarnation than this.
    pub fn outlive(&mut self, id: DomainId, incarnation: Incarnation) {
        if let Some(domain) = self.domains.get_mut(&id)
            && domain.run == Run::Running
            && domain.incarnation.is_outlived_by(incarnation)
        {
            domain.freeze(None);
        }
    }

    /// Undoes a retirement and lets the domain run.
    pub fn unretire(&mut self, id: DomainId) {
        if let Some(domain) = self.domains.get_mut(&id) {
            domain.freeze(None);
            domain.thaw();
        }
    }

    /// Reads a frozen domain's state.
    pub fn export(&self, id: DomainId) -> Option<State> {
        let domain = self.domains.get(&id)?;
        (domain.run != Run::Running).then_some(State {
            version: domain.version,
            age: domain.contents.age,
            signals: domain.contents.signals,
        })
    }

    /// Retires a domain that is frozen with this token, if its version is still `version`.
    pub fn retire(
        &mut self,
        id: DomainId,
        version: StateVersion,
        token: Option<u64>,
    ) -> SourceEvent {
        let Some(domain) = self.domains.get_mut(&id) else {
            return SourceEvent::NotRetired(NO_DOMAIN);
        };
        match domain.run {
            Run::Retired => return SourceEvent::Retired,
            Run::Running => return SourceEvent::NotRetired(LocalFailure::FreezeEnded),
            Run::Frozen if Some(domain.token) != token => {
                return SourceEvent::NotRetired(LocalFailure::FrozenByAnother);
            }
            Run::Frozen if domain.version != version => {
                let (change, slot) = (Change::Signal, 0);
                return SourceEvent::VersionMoved {
                    by: Interference { change, slot },
                };
            }
            Run::Frozen => {}
        }
        domain.retire();
        SourceEvent::Retired
    }

    /// Destroys a domain and gives its pages back.
    pub fn destroy(&mut self, id: DomainId) {
        if let Some(domain) = self.domains.remove(&id) {
            self.free_pages += domain.contents.pages.len() as u64;
        }
    }

    /// Reserves what an offered domain needs.
    pub fn reserve(&mut self, transaction: TransactionId, offer: &Offer) -> Result<(), Refusal> {
        if let Some(domain) = self.domains.get(&offer.domain) {
            return Err(Refusal::AlreadyHere {
                incarnation: domain.incarnation,
            });
        }
        let pages = offer.sizes.pages;
        if self.free_pages < pages {
            return Err(Refusal::NoMemory {
                needed_bytes: pages << 12,
                available_bytes: self.free_pages << 12,
            });
        }
        self.free_pages -= pages;
        let pages = vec![u64::MAX; pages as usize];
        self.incoming.insert(
            transaction,
            Incoming {
                pages,
                freeze: None,
                rebuilt: None,
            },
        );
        Ok(())
    }

    /// Rebuilds the domain of a freeze that was received, and says what it is like.
    pub fn rebuild(&mut self, transaction: TransactionId, attempt: Attempt) -> Option<Digest> {
        let incoming = self.incoming.get_mut(&transaction)?;
        let (received, state) = incoming.freeze.clone()?;
        if received != attempt {
            return None;
        }
        let mut domain = Domain::new(incoming.pages.len());
        domain.freeze(None);
        domain.contents.age = state.age;
        domain.contents.signals = state.signals;
        domain.contents.pages.clone_from(&incoming.pages);
        incoming.rebuilt = Some(domain);
        Some(state.digest())
    }

    /// Lets a rebuilt domain run as this incarnation. Says whether it does; that it did already is as good.
    pub fn activate(
        &mut self,
        transaction: TransactionId,
        id: DomainId,
        incarnation: Incarnation,
    ) -> bool {
        let Some(incoming) = self.incoming.get(&transaction) else {
            let domain = self.domains.get(&id);
            return domain.is_some_and(|domain| domain.incarnation == incarnation);
        };
        let Some(mut domain) = incoming.rebuilt.clone() else {
            return false;
        };
        self.incoming.remove(&transaction);
        domain.thaw();
        domain.incarnation = incarnation;
        self.domains.insert(id, domain);
        true
    }

    /// Gives a copy on its way in back.
    pub fn discard(&mut self, transaction: TransactionId) {
        if let Some(incoming) = self.incoming.remove(&transaction) {
            self.free_pages += incoming.pages.len() as u64;
        }
    }
}
