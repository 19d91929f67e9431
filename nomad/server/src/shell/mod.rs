//! The shell: the ledger of this machine's transactions, the domains they are about, and who is told.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod.rs` | [`Shell`]: what is shared by the tasks, and [`serve`], which starts them |
//! | [`actions`] | what the ledger asks for, in its order |
//! | [`source`], [`target`] | the steps of a source and of a target |
//! | [`resume`] | what an earlier life has left behind |
//! | [`questions`] | who asks for something, and who may |
//! | [`roll_calls`] | domains at home here, before they are started |
//! | [`operator`] | commands, and the lines that answer them |
//! | [`afterwards`] | what is done after everything else |
//! | [`failures`] | this server's errors in the protocol's words |
//! | [`hook`] | for tests: the server stands still at a moment that they name |

pub mod actions;
pub mod afterwards;
pub mod failures;
pub mod hook;
pub mod operator;
pub mod questions;
pub mod resume;
pub mod roll_calls;
pub mod source;
pub mod target;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::net::Ipv4Addr;

use embassy_net::{IpAddress, IpEndpoint};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::channel::Channel;
use embassy_sync::signal::Signal;
use embassy_time::Instant as Now;
use nomad_channel::{Keys, Random, Sessions};
use nomad_client::{Desk, RequestId};
use nomad_protocol::{
    Attempt, BootId, Capabilities, CpuFeatures, Digest, Event, Fleet, Here, Instant, Ledger,
    LifeId, MachineId, PORT, PhaseName, Timing, TransactionId, Versions,
};
use runtime::Start;
use runtime::executor::Tasks;
use runtime::protocol::Ipv4;

use crate::capture::Outgoing;
use crate::channel::{control, receiver, sender};
use crate::late::{self, LateFrames};
use crate::machine::Machine;
use crate::peers::Peers;
use crate::records::Records;
use crate::restore::Incoming;
use crate::shell::afterwards::Afterwards;
use crate::shell::hook::Hook;
use crate::shell::questions::Asker;
use crate::shell::resume::Resumed;
use crate::shell::roll_calls::Call;

/// Jobs that may wait for the sender.
const JOBS_MAX: usize = 8;
/// Page streams that may come in at once.
const STREAMS_MAX: usize = 2;

/// Something for the task that sends pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// For which transaction.
    pub transaction: TransactionId,
    /// What.
    pub what: What,
}

/// What is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The dirty pages.
    Round(u32),
    /// The frozen domain's state and last pages.
    Freeze(Attempt, u32, Digest),
    /// Nothing more: close the stream.
    Close,
}

/// A datagram on its way out.
pub struct Datagram {
    /// To whom.
    pub to: IpEndpoint,
    /// What it says.
    pub bytes: Vec<u8>,
}

/// What the tasks share. They run on one thread; a borrow never lasts across an `await`.
pub struct Shell {
    /// This machine.
    pub machine: Machine,
    /// What it is called.
    pub name: &'static str,
    /// Where its migration server is.
    pub address: Ipv4Addr,
    /// The others.
    pub peers: Peers,
    /// Who they are.
    pub keys: Keys,
    /// How they are spoken to.
    pub sessions: RefCell<Sessions>,
    /// The transactions.
    pub ledger: RefCell<Ledger>,
    /// What outlives this server of them.
    pub records: RefCell<Records>,
    /// After this long the kernel lets a domain that this server froze run on.
    pub freeze_limit_ns: u64,
    /// Domains on their way out.
    pub outgoing: RefCell<BTreeMap<TransactionId, Outgoing>>,
    /// Domains on their way in.
    pub incoming: RefCell<BTreeMap<TransactionId, Incoming>>,
    /// Domains that other machines are asked about.
    pub roll_calls: RefCell<Vec<Call>>,
    /// What operators have asked.
    pub desk: RefCell<Desk<Asker>>,
    /// At which request of an operator's a transaction began.
    pub operators: RefCell<BTreeMap<TransactionId, RequestId>>,
    /// Datagrams that were of nobody who may be heard.
    pub turned_away: Cell<u64>,
    /// What can wait.
    pub afterwards: Afterwards,
    /// Datagrams that wait to be sent.
    pub outbox: RefCell<VecDeque<Datagram>>,
    /// What the sender shall do.
    pub jobs: Channel<NoopRawMutex, Job, JOBS_MAX>,
    /// Raised when an event was reported.
    pub reported: Signal<NoopRawMutex, ()>,
    /// Raised, each for a receiver, when a transaction needs its page stream no more.
    pub stream_over: [Signal<NoopRawMutex, ()>; STREAMS_MAX],
    /// What the tests asked for, if they may.
    pub hook: Option<RefCell<Hook>>,
    /// Frames that come too late for a domain.
    pub late: LateFrames,
    random: RefCell<Random>,
}

impl Shell {
    fn new(start: Start) -> Shell {
        let mut random = Random::new(runtime::random::fork());
        let Ipv4 { address, .. } = start.require_argument("ip");
        let secret = start.argument("secret").expect("secret=TEXT");
        let address = Ipv4Addr::from(address);
        let keys = Keys::new(secret, address);
        let machine = Machine::new(start);
        let memory = start.shared_memory("records");
        let memory = memory.expect("started without a memory for records");
        let boot = BootId(random.number() as u64);
        let (records, boot, found) = Records::open(memory, boot);
        let mut left = Resumed::new(machine, &records, found);
        let resumed = core::mem::take(&mut left.records);
        let peers = Peers::parse(start.argument("peers").unwrap_or(""));
        let peers = peers.expect("peers=NAME=ADDRESS,..");
        // Who is spoken to first, after a restart, must be known by key.
        let others = peers.addresses().map(|address| keys.machine_at(address));
        let fleet = Fleet::new(others.chain([keys.own_id()]));
        let here = Here {
            machine: keys.own_id(),
            boot,
            life: LifeId(random.number() as u64),
            fleet,
            records_max: records.transactions_max(),
            capabilities: capabilities(start),
            timing: timing(start),
        };
        let freeze_limit_ns = source::freeze_limit_ns(start, &here.timing);
        let ledger = Ledger::resume(now(), here, resumed, |domain| left.state_of(domain));
        Shell {
            machine,
            name: start.argument("machine").unwrap_or("here"),
            address,
            peers,
            ledger: RefCell::new(ledger),
            records: RefCell::new(records),
            keys,
            freeze_limit_ns,
            sessions: RefCell::new(Sessions::new(random.fork())),
            outgoing: RefCell::new(left.outgoing),
            incoming: RefCell::default(),
            roll_calls: RefCell::default(),
            desk: RefCell::new(Desk::new(random.fork())),
            operators: RefCell::default(),
            turned_away: Cell::new(0),
            afterwards: Afterwards::default(),
            outbox: RefCell::default(),
            jobs: Channel::new(),
            reported: Signal::new(),
            stream_over: [const { Signal::new() }; STREAMS_MAX],
            hook: start.argument("hooks").map(|_| RefCell::default()),
            late: LateFrames::default(),
            random: RefCell::new(random),
        }
    }

    /// Tells the ledger, and wakes the task that performs what it then asks for.
    pub fn report(&self, transaction: TransactionId, event: Event) {
        self.ledger
            .borrow_mut()
            .handle_event(now(), transaction, event);
        self.reported.signal(());
    }

    /// The other machine of a transaction.
    pub fn peer_of(&self, transaction: TransactionId) -> Option<MachineId> {
        let ledger = self.ledger.borrow();
        let mut entries = ledger.entries();
        entries
            .find(|entry| entry.transaction == transaction)
            .map(|entry| entry.peer)
    }

    /// Whether pages of a transaction may still come.
    pub fn awaits_pages(&self, transaction: TransactionId) -> bool {
        let ledger = self.ledger.borrow();
        let mut entries = ledger.entries();
        let entry = entries.find(|entry| entry.transaction == transaction);
        entry.is_some_and(|entry| {
            matches!(
                entry.phase,
                PhaseName::Admit | PhaseName::Receive | PhaseName::Verify
            )
        })
    }

    /// A generator of random numbers of its own, for whoever needs one.
    pub fn fork_random(&self) -> Random {
        self.random.borrow_mut().fork()
    }

    /// Puts an encrypted datagram for a machine, or a handshake with it, into the outbox.
    pub fn send(&self, to: MachineId, message: &[u8]) {
        let Some(address) = self.keys.address_of(to) else {
            return;
        };
        let datagrams = self
            .sessions
            .borrow_mut()
            .send(&self.keys, now().as_us(), to, message);
        self.post(IpEndpoint::new(IpAddress::Ipv4(address), PORT), datagrams);
    }

    /// Puts datagrams for whoever is there into the outbox.
    pub fn post(&self, to: IpEndpoint, datagrams: Vec<Vec<u8>>) {
        let datagrams = datagrams.into_iter().map(|bytes| Datagram { to, bytes });
        self.outbox.borrow_mut().extend(datagrams);
    }

    fn draw_number(&self) -> u128 {
        self.random.borrow_mut().number()
    }
}

/// The settings of the ledger's timers.
fn timing(start: Start) -> Timing {
    let standard = Timing::STANDARD;
    Timing {
        // For tests: an offer outlives the other machine's migration server.
        admit_limit_us: start.argument_or("admit-limit-us", standard.admit_limit_us),
        // For tests: a domain stands still for as long as a third machine takes to start.
        freeze_limit_us: start.argument_or("freeze-limit-us", standard.freeze_limit_us),
        ..standard
    }
}

/// What this machine can take.
fn capabilities(start: Start) -> Capabilities {
    Capabilities {
        versions: Versions {
            // For tests: a machine of another version.
            image: start.argument_or("image-version", versions().image),
            ..versions()
        },
        cpu: cpu(),
    }
}

/// The versions that two machines must share.
pub fn versions() -> Versions {
    Versions {
        image: nomad_image::FORMAT_VERSION as u16,
        abi: nomad_image::ABI_VERSION as u16,
    }
}

/// What a domain may have met of this machine's processor, and what the processor has for one that comes.
pub fn cpu() -> CpuFeatures {
    CpuFeatures(runtime::cpu::features())
}

/// The time as the protocol knows it.
pub fn now() -> Instant {
    Instant::from_us(Now::now().as_micros())
}

/// Starts the server's tasks, and is the one that hears datagrams.
pub async fn serve(start: Start, tasks: Tasks) {
    let stack = runtime::net::stack(start, tasks);
    let shell: &'static Shell = Box::leak(Box::new(Shell::new(start)));
    shell.resume_frames();
    shell.update_roll_calls();
    tasks.spawn(late::task::run(shell, late::task::tunnel(start)));
    tasks.spawn(afterwards::run(shell));
    tasks.spawn(sender::run(shell, stack));
    for over in &shell.stream_over {
        tasks.spawn(receiver::run(shell, stack, over));
    }
    control::run(shell, stack).await
}
