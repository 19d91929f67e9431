//! What the tasks share ([`Server`]), and [`serve`], which starts them.

use alloc::boxed::Box;
use core::cell::RefCell;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::Instant as Now;
use identity::Name;
use nomad_channel::{Keys, Random};
use nomad_protocol::planner::Goals;
use nomad_protocol::{
    BootId, CpuFeatures, Event, Fleet, Instant, LifeId, LocalMachine, MachineSupport, Timing,
    TransactionId, Versions,
};
use nomad_shell::{Config, FleetMember, Machines, Output, Records, Shell};
use runtime::Start;
use runtime::executor::Tasks;
use runtime::protocol::Ipv4;

use crate::afterwards::{self, Afterwards};
use crate::budget::Budget;
use crate::channel::jobs::{Jobs, SENDERS_MAX};
use crate::channel::{control, receiver, sender};
use crate::late::{self, LateFrames};
use crate::local::{Local, SharedStore, freeze_limit_ns};
use crate::machine::Machine;
use crate::network::Network;
use crate::operators::Operators;

/// Page streams that may come in at once.
const STREAMS_MAX: usize = 2;

/// What the tasks share. They run on one thread; a borrow never lasts across an `await`.
pub struct Server {
    /// What decides and sequences.
    pub shell: RefCell<Shell<Local>>,
    /// How others are spoken to.
    pub network: Network,
    /// What operators have asked.
    pub operators: Operators,
    /// What can wait.
    pub afterwards: Afterwards,
    /// Frames that come too late for a domain.
    pub late: LateFrames,
    /// What the senders shall do.
    pub jobs: Jobs,
    /// Raised, each for a receiver, when a transaction needs its page stream no more.
    pub stream_over: [Signal<NoopRawMutex, ()>; STREAMS_MAX],
    /// Raised when an event was reported.
    pub reported: Signal<NoopRawMutex, ()>,
}

impl Server {
    fn new(start: Start) -> Server {
        let mut random = Random::new(runtime::random::fork());
        let Ipv4 { address, .. } = start.require_argument("ip");
        let secret = start.argument("secret").expect("secret=TEXT");
        let keys = Keys::new(secret, address);
        Server {
            shell: RefCell::new(shell(start, &keys, &mut random)),
            network: Network::new(keys, random.fork()),
            operators: Operators::new(random),
            afterwards: Afterwards::default(),
            late: LateFrames::default(),
            jobs: Jobs::default(),
            stream_over: [const { Signal::new() }; STREAMS_MAX],
            reported: Signal::new(),
        }
    }

    /// Tells the ledger, and wakes the task that performs what it then asks for.
    pub fn report(&self, transaction: TransactionId, event: Event) {
        self.shell
            .borrow_mut()
            .handle_event(now(), transaction, event);
        self.reported.signal(());
    }

    /// Has the shell perform all that the ledger asks for, and passes on what it says. Datagrams are left in the outbox.
    pub fn settle(&self) {
        loop {
            let next = self.shell.borrow_mut().poll(now());
            let Some(output) = next else { return };
            self.pass_on(output);
        }
    }

    /// Gives the memory of a domain that has left back.
    pub fn give_back(&self, transaction: TransactionId) {
        let event = self.shell.borrow_mut().give_back(now(), transaction);
        if let Some(event) = event {
            self.report(transaction, event);
        }
    }

    fn pass_on(&self, output: Output) {
        match output {
            Output::Send { to, bytes } => self.network.send(to, &bytes),
            Output::Job(job) => {
                if self.jobs.leave(job).is_err() {
                    self.report(job.transaction, Event::StreamBroken);
                }
            }
            Output::StreamOver => self.stream_over.iter().for_each(|over| over.signal(())),
            Output::Event(request, event) => self.operators.send_event(request, event),
            Output::Log(line) => self.afterwards.log(line),
            Output::GiveBack(transaction) => self.afterwards.destroy(transaction),
            Output::Frames(transaction, frames) => self.note_frames(transaction, frames),
            Output::Late(from, transaction, late) => self.hear_late(from, transaction, late),
            Output::End => panic!("ends, as a test asked for"),
        }
    }
}

/// The shell, as the start page and an earlier life's records have it.
///
/// # Panics
/// If something is missing: whoever started the server forgot it.
fn shell(start: Start, keys: &Keys, random: &mut Random) -> Shell<Local> {
    let memory = start.shared_memory("records");
    let memory = memory.expect("started without a memory for records");
    let fresh_boot = BootId(random.number() as u64);
    let (records, boot, found) = Records::open(SharedStore(memory), fresh_boot);
    let machines = machines(start, keys);
    let local = LocalMachine {
        machine: keys.own_id(),
        boot,
        life: LifeId(random.number() as u64),
        fleet: Fleet::new(machines.all().map(|machine| machine.id)),
        records_max: records.transactions_max(),
        support: machine_support(start),
        timing: timing(start),
    };
    let host = Local {
        machine: Machine::new(start),
        freeze_limit_ns: freeze_limit_ns(start, &local.timing),
        records,
        random: random.fork(),
        budget: Budget::default(),
    };
    let setting = Config {
        local,
        machines,
        versions: versions(),
        goals: Goals::default(),
        has_hooks: start.argument("hooks").is_some(),
    };
    // Root starts this server again, which asks again.
    Shell::resume(host, now(), setting, found).unwrap_or_else(|(_, error)| {
        panic!("root does not say what has become of domains: {error}")
    })
}

/// This machine's name in the fleet.
fn own_name(start: Start) -> Name {
    let name = start.argument("machine").unwrap_or("here");
    Name::try_new(name).unwrap_or_else(|error| panic!("machine={name}: {error}"))
}

/// The fleet. Who is spoken to first, after a restart, must be known by key.
fn machines(start: Start, keys: &Keys) -> Machines {
    let Ipv4 { address, .. } = start.require_argument("ip");
    let own = FleetMember {
        name: own_name(start),
        address,
        id: keys.own_id(),
    };
    let others = start.argument("peers").unwrap_or("");
    let machines = Machines::parse(own, others, |address| keys.machine_at(address));
    machines.expect("peers=NAME=ADDRESS,..")
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
fn machine_support(start: Start) -> MachineSupport {
    MachineSupport {
        versions: Versions {
            // For tests: a machine of another version.
            image: start.argument_or("image-version", versions().image),
            ..versions()
        },
        // What a domain may have met of this machine's processor, and what the processor has for one that comes.
        cpu: CpuFeatures(runtime::cpu::features()),
    }
}

/// The versions that two machines must share.
pub fn versions() -> Versions {
    Versions {
        image: nomad_image::FORMAT_VERSION as u16,
        abi: nomad_image::ABI_VERSION as u16,
    }
}

/// The time as the protocol knows it.
pub fn now() -> Instant {
    Instant::from_us(Now::now().as_micros())
}

/// Starts the server's tasks, and is the one that hears datagrams.
pub async fn serve(start: Start, tasks: Tasks) {
    let stack = runtime::net::stack(start, tasks);
    let server: &'static Server = Box::leak(Box::new(Server::new(start)));
    server.resume_frames();
    tasks.spawn(late::task::run(server, late::task::tunnel(start)));
    tasks.spawn(afterwards::run(server));
    for number in 0..SENDERS_MAX {
        tasks.spawn(sender::run(server, stack, number));
    }
    for over in &server.stream_over {
        tasks.spawn(receiver::run(server, stack, over));
    }
    control::run(server, stack).await
}
