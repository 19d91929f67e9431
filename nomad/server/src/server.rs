//! The state that the tasks share: [`Server`].

use alloc::rc::Rc;
use core::cell::RefCell;
use core::net::Ipv4Addr;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;
use identity::Name;
use nomad_channel::{Keys, Random};
use nomad_protocol::planner::Goals;
use nomad_protocol::{
    BootId, CpuFeatures, Event, LifeId, LocalMachine, MachineId, MachineSupport, Timing,
    TransactionId, Versions,
};
use nomad_shell::{Config, FleetMember, Machines, Output, Records, Shell};
use runtime::Start;

use crate::budget::Budget;
use crate::channel::leases::RETRY;
use crate::channel::streams::Streams;
use crate::deferred::Deferred;
use crate::late::LateFrames;
use crate::local::{Local, SharedStore, freeze_limit_ns};
use crate::machine::Machine;
use crate::network::Network;
use crate::now::now;
use crate::operators::Operators;

/// The state that the tasks share. They run on one thread; a borrow never lasts across an `await`.
pub struct Server {
    pub shell: RefCell<Shell<Local>>,
    pub network: Network,
    pub operators: Operators,
    pub deferred: Deferred,
    pub late: LateFrames,
    pub streams: Streams,
    /// Raised when an event is reported.
    pub reported: Signal<NoopRawMutex, ()>,
}

impl Server {
    /// The state at the start of the server, which continues the moves of an earlier run.
    ///
    /// # Panics
    /// If the start page lacks an entry, or root does not reply.
    pub fn new(start: Start) -> Server {
        let mut random = Random::new(runtime::random::fork());
        let secret = start.argument("secret").expect("secret=TEXT");
        let keys = Rc::new(Keys::new(secret, own_name(start)));
        let shell = shell(start, &keys, &mut random);
        let boot = shell.moves.ledger.local().boot;
        Server {
            network: Network::new(keys, boot, shell.machines(), random.fork()),
            shell: RefCell::new(shell),
            operators: Operators::new(random),
            deferred: Deferred::default(),
            late: LateFrames::default(),
            streams: Streams::default(),
            reported: Signal::new(),
        }
    }

    /// Reports an event to the ledger, and wakes the task that performs the actions that follow.
    pub fn report(&self, transaction: TransactionId, event: Event) {
        self.shell
            .borrow_mut()
            .handle_event(now(), transaction, event);
        self.reported.signal(());
    }

    /// Has the shell perform all actions of the ledger, and handles its outputs. Datagrams are left in the outbox.
    pub fn poll_shell(&self) {
        loop {
            let next = self.shell.borrow_mut().poll(now());
            let Some(output) = next else { return };
            self.handle_output(output);
        }
    }

    /// Puts a message for a machine into the outbox.
    pub fn send(&self, to: MachineId, message: &[u8]) {
        let shell = self.shell.borrow();
        self.network.send(shell.machines(), to, message);
    }

    /// Whether the address that a DHCP server has assigned to this machine is the one that the manifest gives to another machine.
    pub fn is_taken(&self, assigned: Option<Ipv4Addr>) -> bool {
        let shell = self.shell.borrow();
        let owner = assigned.and_then(|address| shell.machines().owner_of(address));
        if let (Some(address), Some(owner)) = (assigned, owner) {
            log::error!(
                "the DHCP server has assigned {address}, the address of {owner}: this machine asks again in {} s",
                RETRY.as_secs()
            );
        }
        owner.is_some()
    }

    /// Records the address that a DHCP server has assigned to this machine. A machine that loses its lease keeps its address
    /// until it gets another one: it cannot send meanwhile.
    pub fn update_own_address(&self, assigned: Option<Ipv4Addr>) {
        let mut shell = self.shell.borrow_mut();
        let known = shell.machines().own().addresses.best();
        if let Some(address) = assigned.filter(|address| known != Some(*address)) {
            shell.set_own_address(now(), address);
            self.network.sessions.borrow_mut().set_address(address);
        }
    }

    /// Releases the memory of a domain that has left.
    pub fn give_back(&self, transaction: TransactionId) {
        let event = self.shell.borrow_mut().give_back(now(), transaction);
        if let Some(event) = event {
            self.report(transaction, event);
        }
    }

    fn handle_output(&self, output: Output) {
        match output {
            Output::Send { to, bytes } => self.send(to, &bytes),
            Output::Hello(hello) => self.network.greet(&hello),
            Output::Probe { machine, address } => self.network.probe(machine, address),
            Output::Job(job) => self.streams.begin(self, job),
            Output::StreamOver => self.streams.end_unneeded(self),
            Output::Event(request, event) => self.operators.send_event(request, event),
            Output::Log(line) => self.deferred.log(line),
            Output::GiveBack(transaction) => self.deferred.destroy(transaction),
            Output::HandOver(transaction) => self.deferred.hand_over(transaction),
            Output::DestroyCopy => self.deferred.destroy_copy(),
            Output::Frames(transaction, frames) => self.apply_frames(transaction, frames),
            Output::Late(from, transaction, late) => self.handle_late(from, transaction, late),
            Output::End => panic!("ends, as a test asked for"),
        }
    }
}

/// The shell, configured by the start page and resumed from the records of an earlier run of this server.
///
/// # Panics
/// If the start page lacks an entry.
fn shell(start: Start, keys: &Rc<Keys>, random: &mut Random) -> Shell<Local> {
    let memory = start.shared_memory("records");
    let memory = memory.expect("started without a memory for records");
    let fresh_boot = BootId(random.number() as u64);
    let (records, boot, found) = Records::open(SharedStore(memory), fresh_boot);
    let machines = machines(start, keys);
    let local = LocalMachine {
        machine: keys.own_id(),
        boot,
        life: LifeId(random.number() as u64),
        fleet: machines.fleet(),
        records_max: records.transactions_max(),
        support: machine_support(start),
        timing: timing(start),
    };
    let goals = Goals::default().with_freeze_limit(local.timing.freeze_limit_us);
    let host = Local {
        machine: Machine::new(start),
        freeze_limit_ns: freeze_limit_ns(start, &local.timing),
        records,
        random: random.fork(),
        keys: keys.clone(),
        budget: Budget::default(),
    };
    let config = Config {
        local,
        machines,
        versions: versions(),
        goals,
        has_hellos: true,
        has_hooks: start.argument("hooks").is_some(),
    };
    // A failure ends this server: root restarts it, and it tries again.
    Shell::resume(host, now(), config, found).unwrap_or_else(|(_, error)| {
        panic!("cannot read the state of the domains from root: {error}")
    })
}

/// This machine's name in the fleet.
fn own_name(start: Start) -> Name {
    let name = start.argument("machine").unwrap_or("here");
    Name::try_new(name).unwrap_or_else(|error| panic!("machine={name}: {error}"))
}

/// The fleet.
fn machines(start: Start, keys: &Keys) -> Machines {
    let address = runtime::net::fixed_address(start);
    let own = FleetMember::new(own_name(start), keys.own_id(), address);
    let peers = start.argument("peers").unwrap_or("");
    let machines = Machines::parse(own, peers, |name| keys.machine(name));
    machines.expect("peers=NAME=ADDRESS,NAME,..")
}

/// The settings of the ledger's timers.
fn timing(start: Start) -> Timing {
    let standard = Timing::STANDARD;
    Timing {
        // For tests, in which an offer outlives the other machine's migration server.
        admit_limit_us: start.argument_or("admit-limit-us", standard.admit_limit_us),
        // For tests, in which a domain stays frozen for as long as a third machine takes to start.
        freeze_limit_us: start.argument_or("freeze-limit-us", standard.freeze_limit_us),
        ..standard
    }
}

/// The versions and processor features that this machine supports.
fn machine_support(start: Start) -> MachineSupport {
    MachineSupport {
        versions: Versions {
            // For tests of machines with different versions.
            image: start.argument_or("image-version", versions().image),
            ..versions()
        },
        // The features that a leaving domain may have used. For an arriving domain, the features that this processor
        // has.
        cpu: CpuFeatures(runtime::cpu::features()),
    }
}

/// The versions that both machines of a move must share.
pub fn versions() -> Versions {
    Versions {
        image: nomad_image::FORMAT_VERSION as u16,
        abi: nomad_image::ABI_VERSION as u16,
    }
}
