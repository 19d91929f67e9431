//! A fake machine: a kernel, nomad's records, and nomad itself, which is the real ledger with the simplest shell.
//!
//! ```text
//!   crash_machine   kernel, records and nomad are lost; a new boot id
//!   crash_nomad     nomad is lost; it is resumed from the records
//! ```

use std::collections::BTreeMap;

use nomad_protocol::{
    Action, BootId, Capabilities, CpuFeatures, Digest, DomainId, Envelope, Event, Force, Here,
    Instant, Ledger, LocalFailure, MachineId, Name, Notice, Offer, Record, Sizes, SourceAction,
    SourceEvent, TargetAction, TargetEvent, Timing, TransactionId, Versions,
};
use nomad_protocol::{Attempt, Doubt, Incarnation};

use crate::kernel::{Kernel, State};
use crate::stream::Parcel;

/// The domain that everything is about.
pub const DOMAIN: DomainId = DomainId(1);

const VERSIONS: Versions = Versions { image: 1, abi: 1 };

/// One rule broken: the checkers must notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// No rule is broken.
    None,
    /// A source that hears nothing after the commit point runs the domain again.
    SourceThawsAfterCommit,
    /// A prepared target that hears nothing runs the domain.
    TargetRunsUncommitted,
    /// A prepared target that hears nothing gives its copy back.
    TargetDropsPrepared,
    /// The kernel retires a domain although its version has moved.
    KernelIgnoresVersion,
    /// nomad's records do not outlive it.
    RecordsAreLost,
    /// What was written since the last round is not sent with the freeze.
    FreezeForgetsPages,
}

/// A round that is being copied.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Copying {
    /// Which round.
    pub number: u32,
    /// Pages that are yet to be read.
    pub remaining: Vec<usize>,
    /// How many it covers.
    pub pages: u64,
    /// When it began.
    pub began: Instant,
}

/// What dies with nomad.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Nomad {
    /// The real thing.
    pub ledger: Ledger,
    /// Rounds being copied.
    pub copying: BTreeMap<TransactionId, Copying>,
    /// Exports not yet sent.
    exported: BTreeMap<TransactionId, State>,
}

/// One machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    /// Its number.
    pub number: usize,
    /// Its kernel.
    pub kernel: Kernel,
    /// nomad's records, as bytes.
    pub records: BTreeMap<TransactionId, Vec<u8>>,
    /// nomad.
    pub nomad: Nomad,
    /// The rule that it breaks.
    pub mutant: Mutant,
    pool_pages: u64,
}

/// What performing an action leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing outside the machine.
    Done,
    /// The ledger is to be answered.
    Answer(Event),
    /// A datagram leaves.
    Send(Envelope),
    /// A round is being copied from now on.
    Copying,
    /// Parcels enter the page stream.
    Stream(Vec<Parcel>),
    /// The page stream is closed.
    Close,
    /// People are told.
    Notice(Notice),
}

/// The id of a machine of this number.
pub fn machine_id(number: usize) -> MachineId {
    MachineId([number as u8; 32])
}

fn here(number: usize, boot: u64, timing: Timing) -> Here {
    let capabilities = Capabilities {
        versions: VERSIONS,
        cpu: CpuFeatures::default(),
    };
    Here {
        machine: machine_id(number),
        boot: BootId(boot),
        capabilities,
        timing,
    }
}

impl Nomad {
    fn new(ledger: Ledger) -> Self {
        Nomad {
            ledger,
            copying: BTreeMap::new(),
            exported: BTreeMap::new(),
        }
    }
}

impl Machine {
    /// A machine that was just started.
    pub fn new(number: usize, pool_pages: u64, timing: Timing, mutant: Mutant) -> Self {
        let nomad = Nomad::new(Ledger::new(here(number, number as u64, timing)));
        let kernel = Kernel::new(pool_pages);
        Machine {
            number,
            kernel,
            records: BTreeMap::new(),
            nomad,
            mutant,
            pool_pages,
        }
    }

    /// The machine loses power and is started again.
    pub fn crash_machine(&mut self) {
        let Here { boot, timing, .. } = *self.nomad.ledger.here();
        *self = Machine::new(self.number, self.pool_pages, timing, self.mutant);
        self.nomad = Nomad::new(Ledger::new(here(self.number, boot.0 + 2, timing)));
    }

    /// nomad alone dies and is started again.
    pub fn crash_nomad(&mut self, now: Instant) {
        if self.mutant == Mutant::RecordsAreLost {
            self.records.clear();
        }
        let records = self
            .records
            .values()
            .map(|bytes| Record::decode(bytes).expect("nomad wrote it"));
        let here = *self.nomad.ledger.here();
        let ledger = Ledger::resume(now, here, records, |id| self.kernel.state_of(id));
        self.nomad = Nomad::new(ledger);
    }

    /// What the domain's offer says, if the domain runs here.
    pub fn offer(&self) -> Option<Offer> {
        let domain = self.kernel.domains.get(&DOMAIN)?;
        let pages = domain.contents.pages.len() as u64;
        Some(Offer {
            domain: DOMAIN,
            incarnation: domain.incarnation,
            name: Name::try_new("counter").expect("a name"),
            sizes: Sizes {
                pool_bytes: pages << 12,
                pages,
                threads: 1,
                slots: 1,
            },
            versions: VERSIONS,
            cpu: CpuFeatures::default(),
        })
    }

    /// How many pages the pool has in all.
    pub fn pool_pages(&self) -> u64 {
        self.pool_pages
    }

    /// Performs one action, as nomad's server does.
    pub fn perform(&mut self, now: Instant, transaction: TransactionId, action: Action) -> Effect {
        match action {
            Action::Send { envelope, .. } => return Effect::Send(envelope),
            Action::Record(record) => drop(self.records.insert(transaction, record.encode())),
            Action::Forget => drop(self.records.remove(&transaction)),
            Action::Notify(notice) => return self.notify(now, transaction, notice),
            Action::CloseStream => {
                self.nomad.copying.remove(&transaction);
                return Effect::Close;
            }
            Action::Source(action) => return self.perform_source(now, transaction, action),
            Action::Target(action) => return self.perform_target(transaction, action),
        }
        Effect::Done
    }

    /// Reads up to `count` pages of the round that is being copied; says what enters the stream and whether it is over.
    pub fn copy_some(
        &mut self,
        transaction: TransactionId,
        count: usize,
    ) -> Option<(Vec<Parcel>, Option<Copying>)> {
        let copying = self.nomad.copying.get_mut(&transaction)?;
        let some = copying
            .remaining
            .split_off(copying.remaining.len().saturating_sub(count));
        let over = copying.remaining.is_empty().then(|| copying.clone());
        let mut parcels = vec![Parcel::Pages(self.read(&some))];
        if let Some(copying) = &over {
            parcels.push(Parcel::RoundEnd {
                number: copying.number,
                pages: copying.pages,
            });
            self.nomad.copying.remove(&transaction);
        }
        Some((parcels, over))
    }

    /// A parcel arrives.
    pub fn receive(&mut self, transaction: TransactionId, parcel: Parcel) -> Option<TargetEvent> {
        let incoming = self.kernel.incoming.get_mut(&transaction)?;
        match parcel {
            Parcel::Pages(pages) => {
                for (page, contents) in pages {
                    incoming.pages[page] = contents;
                }
                None
            }
            Parcel::RoundEnd { number, pages } => {
                Some(TargetEvent::RoundReceived { number, pages })
            }
            Parcel::FreezeEnd {
                attempt,
                digest,
                rounds,
                state,
            } => {
                incoming.freeze = Some((attempt, state));
                Some(TargetEvent::FreezeReceived {
                    attempt,
                    digest,
                    rounds,
                })
            }
        }
    }

    fn notify(&mut self, now: Instant, transaction: TransactionId, notice: Notice) -> Effect {
        let is_source = self.kernel.domains.contains_key(&DOMAIN);
        let force = match (self.mutant, is_source) {
            (Mutant::SourceThawsAfterCommit, true) | (Mutant::TargetRunsUncommitted, false) => {
                Some(Force::RunHere)
            }
            (Mutant::TargetDropsPrepared, false) => Some(Force::DropCopy),
            _ => None,
        };
        if let (Some(force), Notice::InDoubt(Doubt::Silent)) = (force, notice) {
            self.nomad.ledger.force(now, transaction, force);
        }
        Effect::Notice(notice)
    }

    fn perform_source(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        action: SourceAction,
    ) -> Effect {
        let kernel = &mut self.kernel;
        let event = match action {
            SourceAction::StartDirtyLog => {
                if let Some(domain) = kernel.domains.get_mut(&DOMAIN) {
                    domain.dirty = Some(vec![true; domain.contents.pages.len()]);
                }
                return Effect::Done;
            }
            SourceAction::CopyRound { number } => {
                return self.start_round(now, transaction, number);
            }
            SourceAction::FreezeDomain => {
                kernel.freeze(DOMAIN);
                SourceEvent::Frozen
            }
            SourceAction::ExportState { attempt } => {
                let state = kernel.export(DOMAIN);
                let (version, digest) = (state.version, state.digest());
                self.nomad.exported.insert(transaction, state);
                SourceEvent::Exported {
                    attempt,
                    version,
                    digest,
                }
            }
            SourceAction::SendFreeze {
                attempt,
                rounds,
                digest,
            } => {
                return self.send_freeze(transaction, attempt, rounds, digest);
            }

            SourceAction::Retire { version } => {
                let moved_to = kernel.export(DOMAIN).version;
                let ignores = self.mutant == Mutant::KernelIgnoresVersion;
                kernel.retire(DOMAIN, if ignores { moved_to } else { version })
            }
            SourceAction::EndCapture => {
                if let Some(domain) = kernel.domains.get_mut(&DOMAIN) {
                    domain.dirty = None;
                }
                return Effect::Done;
            }
            SourceAction::Thaw => {
                kernel.thaw(DOMAIN);
                return Effect::Done;
            }
            SourceAction::Destroy => {
                kernel.destroy(DOMAIN);
                SourceEvent::Destroyed
            }
            SourceAction::Unretire => {
                kernel.unretire(DOMAIN);
                return Effect::Done;
            }
        };
        Effect::Answer(Event::Source(event))
    }

    fn perform_target(&mut self, transaction: TransactionId, action: TargetAction) -> Effect {
        let kernel = &mut self.kernel;
        let event = match action {
            TargetAction::Reserve(offer) => match kernel.reserve(transaction, &offer) {
                Ok(()) => TargetEvent::Reserved,
                Err(why) => TargetEvent::Refused(why),
            },
            TargetAction::Rebuild { attempt } => match kernel.rebuild(transaction, attempt) {
                Some(digest) => TargetEvent::Rebuilt { attempt, digest },
                None => return Effect::Answer(Event::Failed(LocalFailure::BadImage)),
            },
            TargetAction::Activate { incarnation } => {
                return self.activate(transaction, incarnation);
            }
            TargetAction::Announce => return Effect::Done,
            TargetAction::DiscardCopy => {
                kernel.discard(transaction);
                TargetEvent::Discarded
            }
        };
        Effect::Answer(Event::Target(event))
    }

    fn activate(&mut self, transaction: TransactionId, incarnation: Incarnation) -> Effect {
        Effect::Answer(
            match self.kernel.activate(transaction, DOMAIN, incarnation) {
                true => Event::Target(TargetEvent::Activated),
                false => Event::Failed(LocalFailure::BadImage),
            },
        )
    }

    fn start_round(&mut self, now: Instant, transaction: TransactionId, number: u32) -> Effect {
        let Some(domain) = self.kernel.domains.get_mut(&DOMAIN) else {
            return Effect::Answer(Event::Failed(LocalFailure::BadImage));
        };
        let remaining = domain.take_dirty();
        let pages = remaining.len() as u64;
        self.nomad.copying.insert(
            transaction,
            Copying {
                number,
                remaining,
                pages,
                began: now,
            },
        );
        Effect::Copying
    }

    fn send_freeze(
        &mut self,
        transaction: TransactionId,
        attempt: Attempt,
        rounds: u32,
        digest: Digest,
    ) -> Effect {
        let state = self
            .nomad
            .exported
            .remove(&transaction)
            .expect("exported before it is sent");
        let domain = self
            .kernel
            .domains
            .get_mut(&DOMAIN)
            .expect("a frozen domain exists");
        let dirty = match self.mutant {
            Mutant::FreezeForgetsPages => Vec::new(),
            _ => domain.take_dirty(),
        };
        Effect::Stream(vec![
            Parcel::Pages(self.read(&dirty)),
            Parcel::FreezeEnd {
                attempt,
                digest,
                rounds,
                state,
            },
        ])
    }

    fn read(&self, pages: &[usize]) -> Vec<(usize, u64)> {
        let contents = self
            .kernel
            .domains
            .get(&DOMAIN)
            .map(|domain| &domain.contents.pages);
        pages
            .iter()
            .filter_map(|page| Some((*page, contents?[*page])))
            .collect()
    }
}
