//! The machine below a shell: a fake kernel, a fake root, and nomad's records. `nomad_shell::Shell` calls it like a real one.
//!
//! | file | content |
//! | --- | --- |
//! | `mod.rs` | [`Hardware`] |
//! | `transit` | domains that move |
//! | `kernel_calls` | the capture and the rebuilding of a domain |
//! | `passes` | the pages of a leaving domain |
//! | `remains` | the copies of domains that have left |
//! | `returns` | the logs and copies with which a domain returns |
//! | `mishaps` | faults in the middle of a step |
//! | `root_calls` | domains by name |

mod kernel_calls;
mod mishaps;
mod passes;
mod remains;
mod returns;
mod root_calls;
mod transit;

use std::collections::{BTreeMap, BTreeSet};

use identity::{DomainId, Name};
use nomad_protocol::{
    BootId, Instant, LocalFailure, MachineId, Record, RecordedProgress, TransactionId,
};
use nomad_shell::{Host, RootError};
use service_protocol::root::DomainState;

use crate::domain::{Contents, RunState};
use crate::faults::{LocalFault, LocalStep, PointFault, RootCall, RootFault};
use crate::kernel::Kernel;
use crate::machine::{Mutant, id_of_name};
use crate::record_store::{Plain, RecordStore};
use crate::root::{Restart, Root};

pub use mishaps::{death_at, failure_at};
pub use remains::{Remainder, Remains};
pub use transit::{Arrival, Found, Incoming, Outgoing, Piece};

/// The configuration of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Parts {
    /// The machine's number.
    pub number: usize,
    /// Pages of its pool.
    pub pool_pages: u64,
    /// The domains that are at home there, by number.
    pub homes: BTreeMap<usize, Restart>,
    /// The names of the homes of all domains that have one, by number.
    pub home_names: BTreeMap<usize, Name>,
    /// The domains that an operator has sent there in packages, by number. A restarted machine has forgotten them.
    pub packages: BTreeSet<usize>,
    /// The maximum time for which nomad freezes a domain.
    pub freeze_us: u64,
    /// Pages that are copied at once.
    pub copy_pages: usize,
    /// The number of slots for records, which a simulation stores as bytes. Zero selects the plain store of an exploration.
    pub record_slots: usize,
    /// Whether it is a guest.
    pub is_guest: bool,
    /// The broken rule.
    pub mutant: Mutant,
}

/// One machine below its shell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hardware {
    /// Its configuration.
    pub parts: Parts,
    /// Its kernel.
    pub kernel: Kernel,
    /// Its root.
    pub root: Root,
    /// Copies of domains that have left.
    pub remains: Remains,
    /// nomad's records.
    pub record_store: RecordStore,
    /// The time on its clock.
    pub now: Instant,
    /// The next random number.
    pub draw: u128,
    /// Faults of steps.
    pub local: Vec<LocalFault>,
    /// Faults of calls of root.
    pub root_faults: Vec<RootFault>,
    /// Faults in the middle of steps.
    pub points: Vec<PointFault>,
    /// The time for which nomad is down, if it has died in the middle of a step and was not restarted yet.
    pub dead_for_us: Option<u64>,
    /// This machine at the moment of nomad's death, while nomad's code seems to continue.
    at_death: Option<Box<Hardware>>,
    /// The steps and calls that have failed since this was emptied.
    pub failed: Vec<String>,
    /// Domains that root has started since this was emptied.
    pub started: Vec<DomainId>,
    /// Domains that root has adopted since this was emptied.
    pub adopted: Vec<DomainId>,
    /// Domains whose retirement was undone since this was emptied.
    pub unretired: Vec<DomainId>,
    /// The domains given up since this was emptied.
    pub given_up: Vec<GivenUp>,
    /// Whether nomad's heap has no room for another move from here.
    pub is_heap_full: bool,
    /// The number of times that its root was called to restart the machine. The machine continues to run.
    pub reboots: u32,
}

/// A complete domain whose memory a machine gives up. The action that leads to it may have been performed long before.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GivenUp {
    /// One that has left, and its run state.
    Left(DomainId, RunState),
    /// One that was arriving, and its contents.
    Came(DomainId, Contents),
}

/// The number of the domain with this id: all domains that were ever started under one name have the same number.
pub fn domain_number(id: DomainId) -> usize {
    usize::from(id.0 as u8) - 1
}

impl Hardware {
    /// A machine that was just started, in this boot.
    pub fn new(parts: Parts, boot: BootId) -> Self {
        Hardware {
            kernel: Kernel::new(parts.pool_pages),
            root: Root::new(&parts.homes, &parts.packages),
            remains: Remains::default(),
            record_store: match parts.record_slots {
                0 => RecordStore::Plain(Plain::default()),
                slots => RecordStore::of_bytes(slots, boot),
            },
            parts,
            now: Instant::from_us(0),
            draw: 0,
            local: Vec::new(),
            root_faults: Vec::new(),
            points: Vec::new(),
            dead_for_us: None,
            at_death: None,
            failed: Vec::new(),
            started: Vec::new(),
            adopted: Vec::new(),
            unretired: Vec::new(),
            given_up: Vec::new(),
            is_heap_full: false,
            reboots: 0,
        }
    }

    /// Restarts the machine after a loss of power. Its faults remain, and no random number is drawn twice.
    pub fn restarted(self, boot: BootId) -> Self {
        let mut restarted = Hardware::new(self.parts, boot);
        restarted.root.forget_packages();
        Hardware {
            draw: self.draw,
            local: self.local,
            root_faults: self.root_faults,
            points: self.points,
            failed: self.failed,
            ..restarted
        }
    }

    /// Creates a domain that runs.
    pub fn create(&mut self, id: DomainId, pages: u64) -> bool {
        let is_room = self.reserve(pages);
        if is_room {
            let number = domain_number(id);
            self.kernel.create(id, pages);
            self.root.run(number, id, pages);
        }
        is_room
    }

    /// Whether a domain of this number runs here.
    pub fn runs(&self, number: usize) -> bool {
        let mut domains = self.kernel.domains.iter();
        domains.any(|(id, domain)| domain_number(*id) == number && domain.run == RunState::Running)
    }

    /// Whether a domain of this number is complete here, running or not.
    pub fn has(&self, number: usize) -> bool {
        let mut domains = self.kernel.domains.keys();
        domains.any(|id| domain_number(*id) == number)
    }

    /// Whether this domain is complete here, and it is undecided whether it runs here.
    pub fn is_prepared(&self, id: DomainId) -> bool {
        let entry = self.root.entries.get(&domain_number(id));
        entry.is_some_and(|entry| entry.id == id && entry.is_prepared())
    }

    /// Whether an outlived copy of this number is not stopped, or is stopped only until a deadline.
    pub fn has_unstopped_outlived(&self, number: usize) -> bool {
        let entry = self.root.entries.get(&number);
        let outlived = entry.filter(|entry| entry.state == DomainState::Outlived);
        outlived.is_some_and(|entry| {
            let domain = self.kernel.domains.get(&entry.id);
            !domain
                .is_some_and(|domain| domain.run == RunState::Frozen && domain.deadline.is_none())
        })
    }

    /// Whether domains that are being built are recorded: not in an exploration.
    fn has_drafts(&self) -> bool {
        self.parts.record_slots > 0
    }

    /// Records that an arriving domain is given up, if it is complete.
    fn record_discarded(&mut self, id: DomainId) {
        let domain = self.kernel.domains.get(&id);
        if let Some(domain) = domain.filter(|_| self.is_prepared(id)) {
            let contents = domain.contents.clone();
            self.given_up.push(GivenUp::Came(id, contents));
        }
    }

    /// Has the kernel and root handle the deadlines until `now`, or all deadlines with `None`.
    pub fn pass_time(&mut self, now: Option<Instant>) {
        self.kernel.pass_deadlines(now);
        let domains = &self.kernel.domains;
        self.root.look(now, |id| {
            domains
                .get(&id)
                .is_some_and(|domain| domain.run == RunState::Running)
        });
    }

    /// When to call [`Hardware::pass_time`].
    pub fn next_due(&self) -> Option<Instant> {
        let deadline = self.kernel.next_deadline();
        deadline.into_iter().chain(self.root.next_look()).min()
    }

    /// The failure of a step of this kind, if a fault strikes it now.
    pub(crate) fn fails(&mut self, step: LocalStep) -> Option<LocalFailure> {
        let mut faults = self.local.iter_mut();
        let failure = faults.find_map(|fault| fault.strike(step))?;
        self.failed.push(format!("{step:?}"));
        Some(failure)
    }

    /// Fails if a fault strikes a step of this kind now.
    fn attempt(&mut self, step: LocalStep) -> Result<(), LocalFailure> {
        self.fails(step).map_or(Ok(()), Err)
    }

    /// Fails if a fault strikes this call of root now.
    pub(crate) fn call_root(&mut self, call: RootCall) -> Result<(), RootError> {
        let mut faults = self.root_faults.iter_mut();
        match faults.find_map(|fault| fault.strike(call)) {
            Some(error) => {
                self.failed.push(format!("root {call:?}"));
                Err(error)
            }
            None => Ok(()),
        }
    }
}

impl nomad_shell::StableStorage for Hardware {
    fn write_record(&mut self, record: &Record) {
        let is_declined = matches!(
            record.progress,
            RecordedProgress::DestinationDeclined { .. }
        );
        if is_declined && self.parts.mutant == Mutant::DeclinedIsForgotten {
            self.record_store.erase(record.transaction);
        } else {
            self.record_store.write_record(record);
        }
    }

    fn erase(&mut self, transaction: TransactionId) {
        self.record_store.erase(transaction);
    }

    fn write_token(&mut self, transaction: TransactionId, token: u64) {
        self.record_store.write_token(transaction, token);
    }

    fn token_of(&self, transaction: TransactionId) -> Option<u64> {
        self.record_store.token_of(transaction)
    }
}

impl Host for Hardware {
    fn draw(&mut self) -> u128 {
        let drawn = self.draw;
        // An exploration has to recognize equal states, so it sets the number itself.
        if self.parts.record_slots > 0 {
            self.draw += 1 << 8;
        }
        drawn
    }

    fn machine_id(&self, name: Name) -> MachineId {
        id_of_name(name)
    }

    fn heap_least(&self) -> u64 {
        0
    }

    fn heap_free(&self) -> u64 {
        0
    }
}
