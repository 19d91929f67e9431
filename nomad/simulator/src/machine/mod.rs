//! A fake machine: a kernel, nomad's records, and nomad itself, which is the real ledger with the simplest shell.
//!
//! ```text
//!   crash_machine   kernel, records and nomad are lost; a new boot id
//!   crash_nomad     nomad is lost; it is resumed from the records
//! ```

mod shell;

use std::collections::BTreeMap;

use nomad_protocol::{
    BootId, Capabilities, CpuFeatures, DomainId, Envelope, Event, Here, Instant, Ledger, MachineId,
    Name, Notice, Offer, Record, Sizes, Timing, TransactionId, Versions,
};

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
    /// The kernel retires a domain although its freeze has ended.
    KernelRetiresThawed,
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
    /// nomad's notes of the freezes that it owns.
    pub tokens: BTreeMap<TransactionId, u64>,
    /// nomad.
    pub nomad: Nomad,
    /// The rule that it breaks.
    pub mutant: Mutant,
    /// How long nomad freezes the domain for at most.
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
            records: BTreeMap::new(),
            tokens: BTreeMap::new(),
            nomad,
            mutant,
            freeze_us,
            pool_pages,
        }
    }

    /// The machine loses power and is started again.
    pub fn crash_machine(&mut self) {
        let Here { boot, timing, .. } = *self.nomad.ledger.here();
        let (pages, freeze_us) = (self.pool_pages, self.freeze_us);
        *self = Machine::new(self.number, pages, timing, freeze_us, self.mutant);
        self.nomad = Nomad::new(Ledger::new(here(self.number, boot.0 + 2, timing)));
    }

    /// nomad alone dies and is started again.
    pub fn crash_nomad(&mut self, now: Instant) {
        if self.mutant == Mutant::RecordsAreLost {
            self.records.clear();
            self.tokens.clear();
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
}
