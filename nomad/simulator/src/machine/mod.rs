//! A fake machine: a kernel, nomad's records, and nomad itself, which is the real ledger with the simplest shell.
//!
//! ```text
//!   crash_machine   kernel, records and nomad are lost; a new boot id
//!   crash_nomad     nomad is lost; it is resumed from the records
//! ```
//!
//! The shell is in `shell` (what both sides do), `source` and `target`.

mod shell;
mod source;
mod target;

use std::collections::BTreeMap;

use nomad_protocol::{
    BootId, Capabilities, CpuFeatures, DomainId, Envelope, Event, Fleet, Here, Instant, Ledger,
    LifeId, MachineId, Name, Notice, Offer, Record, Sizes, Timing, TransactionId, Versions,
};

use crate::kernel::{Kernel, State};
use crate::records::Records;
use crate::stream::Parcel;

/// The first domain; where there is one only, everything is about it.
pub const DOMAIN: DomainId = DomainId(1);

/// Machines that a world has at most.
const MACHINES_MAX: usize = 8;

/// More transactions than a world ever has.
const RECORDS_MAX: usize = 59;

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
    /// The kernel retires a domain although its freeze has ended.
    KernelRetiresThawed,
    /// nomad's records do not outlive it.
    RecordsAreLost,
    /// What was written since the last round is not sent with the freeze.
    FreezeForgetsPages,
    /// The answer to an action of one transaction is given to another one, if there is another.
    AnswersAnother,
    /// A target discards the copy of another transaction, if there is another.
    DiscardsAnother,
    /// A domain is activated under the incarnation that it had before.
    IncarnationStays,
    /// A restarted nomad leaves the older one of two records of a transaction.
    OlderRecordStays,
}

/// What a transaction moves, and between whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Move {
    /// The domain.
    pub domain: DomainId,
    /// The number of the other machine.
    pub peer: usize,
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
    /// What its transactions move, from their first record to the end of their last.
    pub moves: BTreeMap<TransactionId, Move>,
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
    /// nomad's records.
    pub records: Records,
    /// nomad's notes of the freezes that it owns.
    pub tokens: BTreeMap<TransactionId, u64>,
    /// nomad.
    pub nomad: Nomad,
    /// The rule that it breaks.
    pub mutant: Mutant,
    /// How long nomad freezes a domain for at most.
    pub freeze_us: u64,
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
    Send {
        /// The number of the machine that it is for.
        to: usize,
        /// What it says.
        envelope: Envelope,
    },
    /// A record replaced this older one.
    Recorded(Vec<u8>),
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

/// All machines that a world may have.
fn fleet() -> Fleet {
    Fleet::new((0..MACHINES_MAX).map(machine_id))
}

/// The number of a machine of this id.
pub fn machine_number(id: MachineId) -> usize {
    usize::from(id.0[0])
}

fn here(number: usize, boot: u64, timing: Timing) -> Here {
    let capabilities = Capabilities {
        versions: VERSIONS,
        cpu: CpuFeatures::default(),
    };
    Here {
        machine: machine_id(number),
        boot: BootId(boot),
        life: LifeId(boot),
        fleet: fleet(),
        records_max: RECORDS_MAX,
        capabilities,
        timing,
    }
}

impl Nomad {
    fn new(ledger: Ledger) -> Self {
        Nomad {
            ledger,
            moves: BTreeMap::new(),
            copying: BTreeMap::new(),
            exported: BTreeMap::new(),
        }
    }
}

impl Machine {
    /// A machine that was just started.
    pub fn new(
        number: usize,
        pool_pages: u64,
        timing: Timing,
        freeze_us: u64,
        mutant: Mutant,
    ) -> Self {
        let nomad = Nomad::new(Ledger::new(here(number, number as u64, timing)));
        let kernel = Kernel::new(pool_pages);
        Machine {
            number,
            kernel,
            records: Records::default(),
            tokens: BTreeMap::new(),
            nomad,
            mutant,
            freeze_us,
            pool_pages,
        }
    }

    /// The machine loses power and is started again.
    pub fn crash_machine(&mut self) {
        let here_before = self.nomad.ledger.here();
        let (boot, timing) = (here_before.boot, here_before.timing);
        let (pages, freeze_us) = (self.pool_pages, self.freeze_us);
        *self = Machine::new(self.number, pages, timing, freeze_us, self.mutant);
        // The number is in the low byte: no two machines ever have the same boot id.
        let boot = boot.0 + 0x100;
        self.nomad = Nomad::new(Ledger::new(here(self.number, boot, timing)));
    }

    /// nomad alone dies and is started again.
    pub fn crash_nomad(&mut self, now: Instant) {
        if self.mutant == Mutant::RecordsAreLost {
            self.records.clear();
            self.tokens.clear();
        }
        let records = match self.mutant {
            Mutant::OlderRecordStays => self.records.load_and_keep_older(),
            _ => self.records.load(),
        };
        let moves = records.iter().map(Move::of_record).collect();
        let mut here = self.nomad.ledger.here().clone();
        here.life.0 += 1 << 32;
        let ledger = Ledger::resume(now, here, records, |id| self.kernel.state_of(id));
        self.nomad = Nomad {
            moves,
            ..Nomad::new(ledger)
        };
    }

    /// The offer of a domain that is here.
    pub fn offer(&self, id: DomainId) -> Option<Offer> {
        let domain = self.kernel.domains.get(&id)?;
        let pages = domain.contents.pages.len() as u64;
        Some(Offer {
            domain: id,
            incarnation: domain.incarnation,
            name: Name::try_new(&format!("domain-{}", id.0)).expect("a name"),
            sizes: Sizes {
                pool_bytes: pages << 12,
                pages,
                threads: 1,
                slots: 1,
            },
            versions: VERSIONS,
            cpu: CpuFeatures::default(),
            fleet: fleet().id(),
        })
    }

    /// What a transaction of this machine moves.
    pub fn subject(&self, transaction: TransactionId) -> Option<Move> {
        self.nomad.moves.get(&transaction).copied()
    }

    /// How many pages the pool has in all.
    pub fn pool_pages(&self) -> u64 {
        self.pool_pages
    }
}

impl Move {
    /// The move that a record is about, by its transaction.
    pub fn of_record(record: &Record) -> (TransactionId, Move) {
        let subject = Move {
            domain: record.offer.domain,
            peer: machine_number(record.peer),
        };
        (record.transaction, subject)
    }
}
