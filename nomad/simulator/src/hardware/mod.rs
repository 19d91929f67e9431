//! The machine below a shell: a fake kernel, a fake root, and nomad's notes. The shell that ships calls it as it calls a real
//! one.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod.rs` | [`Hardware`] |
//! | `kernel_calls` | a domain taken apart and put together |
//! | `root_calls` | domains by name |

mod kernel_calls;
mod root_calls;

use std::collections::BTreeMap;

use identity::DomainId;
use nomad_protocol::{BootId, Instant, LocalFailure, Record, TransactionId};
use nomad_shell::{Host, RootError};
use service_protocol::root::DomainState;

use crate::domain::Run;
use crate::faults::{LocalFault, LocalStep, RootCall, RootFault};
use crate::kernel::Kernel;
use crate::machine::Mutant;
use crate::notes::{Notes, Plain};
use crate::root::{Restart, Root};

pub use kernel_calls::{Arrival, Found, Incoming, Outgoing, Piece};

/// What a machine is made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Parts {
    /// The machine's number.
    pub number: usize,
    /// Pages of its pool.
    pub pool_pages: u64,
    /// The domains that are at home there, by number.
    pub homes: BTreeMap<usize, Restart>,
    /// How long nomad freezes a domain for at most.
    pub freeze_us: u64,
    /// Pages that are copied at once.
    pub copy_pages: usize,
    /// The slots of records that are kept in bytes; none if they are not.
    pub record_slots: usize,
    /// The rule that it breaks.
    pub mutant: Mutant,
}

/// One machine below its shell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hardware {
    /// What it is made of.
    pub parts: Parts,
    /// Its kernel.
    pub kernel: Kernel,
    /// Its root.
    pub root: Root,
    /// nomad's records.
    pub notes: Notes,
    /// What its clock shows.
    pub now: Instant,
    /// The number that is drawn next.
    pub draw: u128,
    /// Steps that fail.
    pub local: Vec<LocalFault>,
    /// Calls of root that fail.
    pub root_faults: Vec<RootFault>,
    /// What has failed since this was emptied.
    pub failed: Vec<String>,
    /// Domains that root has started since this was emptied.
    pub started: Vec<DomainId>,
    /// What was given up since this was emptied.
    pub given_up: Vec<GivenUp>,
}

/// A complete domain whose memory a machine gives up, at the moment at which it does: the action that leads to it may have been
/// performed long before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GivenUp {
    /// One that has left, and what the kernel let it do.
    Left(DomainId, Run),
    /// One that was on its way here.
    Came(DomainId),
}

/// The number of the domain with this id: all that were ever started under one name have the same.
pub fn domain_number(id: DomainId) -> usize {
    usize::from(id.0 as u8) - 1
}

impl Hardware {
    /// A machine that was just started, in this boot.
    pub fn new(parts: Parts, boot: BootId) -> Self {
        Hardware {
            kernel: Kernel::new(parts.pool_pages),
            root: Root::new(&parts.homes),
            notes: match parts.record_slots {
                0 => Notes::Plain(Plain::default()),
                slots => Notes::of_bytes(slots, boot),
            },
            parts,
            now: Instant::from_us(0),
            draw: 0,
            local: Vec::new(),
            root_faults: Vec::new(),
            failed: Vec::new(),
            started: Vec::new(),
            given_up: Vec::new(),
        }
    }

    /// The machine loses power and is started again. What is wrong with it stays wrong, and nothing is drawn twice.
    pub fn restarted(self, boot: BootId) -> Self {
        Hardware {
            draw: self.draw,
            local: self.local,
            root_faults: self.root_faults,
            failed: self.failed,
            ..Hardware::new(self.parts, boot)
        }
    }

    /// Creates a domain that runs.
    pub fn create(&mut self, id: DomainId, pages: u64) -> bool {
        let is_room = self.kernel.reserve(pages);
        if is_room {
            let number = domain_number(id);
            self.kernel.create(id, pages);
            self.root.run(number, id, pages);
        }
        is_room
    }

    /// Does a domain of this number run here?
    pub fn runs(&self, number: usize) -> bool {
        let mut domains = self.kernel.domains.iter();
        domains.any(|(id, domain)| domain_number(*id) == number && domain.run == Run::Running)
    }

    /// Is a domain of this number here, complete, whether or not it may run?
    pub fn has(&self, number: usize) -> bool {
        let mut domains = self.kernel.domains.keys();
        domains.any(|id| domain_number(*id) == number)
    }

    /// Does this domain stand here complete, and is it not decided whether it is to run?
    pub fn is_prepared(&self, id: DomainId) -> bool {
        let entry = self.root.entries.get(&domain_number(id));
        entry.is_some_and(|entry| entry.id == id && entry.is_prepared())
    }

    /// Does a copy of this number not stand still that a younger one has outlived, or will it not for ever?
    pub fn has_restless_outlived(&self, number: usize) -> bool {
        let entry = self.root.entries.get(&number);
        let outlived = entry.filter(|entry| entry.state == DomainState::Outlived);
        outlived.is_some_and(|entry| {
            let domain = self.kernel.domains.get(&entry.id);
            !domain.is_some_and(|domain| domain.run == Run::Frozen && domain.deadline.is_none())
        })
    }

    /// Takes note that a complete domain which is on its way here is given up, if it is.
    fn note_discarded(&mut self, id: DomainId) {
        if self.is_prepared(id) && self.kernel.domains.contains_key(&id) {
            self.given_up.push(GivenUp::Came(id));
        }
    }

    /// Lets the kernel and root do what is due; at the end of time, whatever may become due.
    pub fn pass_time(&mut self, now: Option<Instant>) {
        self.kernel.pass_deadlines(now);
        let domains = &self.kernel.domains;
        self.root.look(now, |id| {
            domains
                .get(&id)
                .is_some_and(|domain| domain.run == Run::Running)
        });
    }

    /// When to call [`Hardware::pass_time`].
    pub fn next_due(&self) -> Option<Instant> {
        let deadline = self.kernel.next_deadline();
        deadline.into_iter().chain(self.root.next_look()).min()
    }

    /// Whether a step of this kind fails now, and how.
    pub(crate) fn fails(&mut self, step: LocalStep) -> Option<LocalFailure> {
        let mut faults = self.local.iter_mut();
        let failure = faults.find_map(|fault| fault.strike(step))?;
        self.failed.push(format!("{step:?}"));
        Some(failure)
    }

    /// The same of a call of root.
    pub(crate) fn ask_root(&mut self, call: RootCall) -> Result<(), RootError> {
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
        self.notes.keep(record);
    }

    fn erase(&mut self, transaction: TransactionId) {
        self.notes.end(transaction);
    }

    fn write_token(&mut self, transaction: TransactionId, token: u64) {
        self.notes.keep_token(transaction, token);
    }

    fn token_of(&self, transaction: TransactionId) -> Option<u64> {
        self.notes.token_of(transaction)
    }
}

impl Host for Hardware {
    fn draw(&mut self) -> u128 {
        let drawn = self.draw;
        // An exploration, which has to tell states apart, says what is drawn.
        if self.parts.record_slots > 0 {
            self.draw += 1 << 8;
        }
        drawn
    }

    fn heap_least(&self) -> u64 {
        0
    }

    fn heap_free(&self) -> u64 {
        0
    }
}
