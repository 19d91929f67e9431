//! Machines, the streams between them, and the history that judges every step. Without time and without chance: the
//! simulation and the exploration supply both.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod.rs` | [`World`] |
//! | `pages` | page streams between its machines |

mod pages;

use std::collections::BTreeMap;

use identity::DomainId;
use nomad_client::command::Destination;
use nomad_client::{Command, Event as Reported, RequestId};
use nomad_protocol::planner::Goals;
use nomad_protocol::{
    Action, Doubt, Event, Force, Instant, Notice, Side, Timer, Timing, TransactionId,
};
use nomad_shell::Output;

use crate::domain::RunState;
use crate::hardware::{Parts, domain_number};
use crate::history::History;
use crate::machine::{
    Common, DOMAIN, Machine, Move, Mutant, domain_name, hardware, machine_id, machine_name,
    machine_number,
};
use crate::misread::misread;
use crate::root::Restart;
use crate::stream::Stream;

/// The operator's request id.
const OPERATOR: RequestId = RequestId(1);

/// The configuration of a world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    /// Pages of each domain.
    pub pages: usize,
    /// Pages of each machine's pool: as many machines as pools.
    pub pool_pages: Vec<u64>,
    /// The machine that each domain starts on: as many domains as starts.
    pub starts: Vec<usize>,
    /// Whether domains are at home on the machines that they start on, by number.
    pub homes: BTreeMap<usize, Restart>,
    /// The goals of a move.
    pub goals: Goals,
    /// The timers of all machines.
    pub timing: Timing,
    /// The longest freeze of a domain by nomad.
    pub freeze_us: u64,
    /// Pages that are copied at once.
    pub copy_pages: usize,
    /// The slots of records in bytes: then numbers are drawn, too. Zero for records in the form of an exploration.
    pub record_slots: usize,
    /// The rule that all machines break.
    pub mutant: Mutant,
}

/// The machines, the page streams and the checker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// The machines.
    pub machines: Vec<Machine>,
    /// Page streams, by transaction.
    pub streams: BTreeMap<TransactionId, Stream>,
    /// The checker.
    pub history: History,
}

/// The part of a machine that crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Crash {
    /// nomad alone.
    Nomad,
    /// The machine, with everything that it holds.
    Machine,
}

/// An effect of an event on a machine, which the simulation or the exploration applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A datagram leaves.
    Send {
        /// The number of the machine that it is for.
        to: usize,
        /// The encoded envelope.
        bytes: Vec<u8>,
    },
    /// A round of this transaction is being sent from now on.
    Sending(TransactionId),
    /// This many items have entered a stream.
    Streamed(TransactionId, usize),
    /// The ledger is to be notified, at once or later.
    Answer(TransactionId, Event),
    /// The memory of a domain that has left is to be given back, at once or later.
    GiveBack(TransactionId),
}

/// The id of the domain with this number, as it is at the beginning.
pub fn domain_id(number: usize) -> DomainId {
    DomainId(DOMAIN.0 + number as u128)
}

impl World {
    /// A world at its beginning.
    pub fn new(setup: &Setup) -> Self {
        let start = |(number, start): (usize, &usize)| (domain_id(number), *start);
        let starts: BTreeMap<DomainId, usize> =
            setup.starts.iter().enumerate().map(start).collect();
        let numbers = 0..setup.pool_pages.len();
        World {
            history: History::new(numbers.len(), &starts),
            machines: numbers.map(|number| machine(setup, number)).collect(),
            streams: BTreeMap::new(),
        }
    }

    /// The ids of all domains at the beginning.
    pub fn domains(&self) -> impl Iterator<Item = DomainId> {
        self.history.domains.keys().copied()
    }

    /// Gives a machine an operator's command; returns the events of its reply.
    pub fn command(&mut self, now: Instant, machine: usize, command: Command) -> Vec<Reported> {
        let shell = &mut self.machines[machine].shell;
        shell.host.now = now;
        shell.handle_command(now, OPERATOR, command);
        let mut events = Vec::new();
        while let Some(output) = shell.poll_output() {
            if let Output::Event(_, event) = output {
                events.push(event);
            }
        }
        self.record_root_changes(machine);
        events
    }

    /// Has `machine` move a domain to another machine. Returns whether it tries.
    pub fn offer(&mut self, now: Instant, machine: usize, to: usize, id: DomainId) -> bool {
        let (domain, to) = (domain_name(domain_number(id)), machine_name(to));
        let command = Command::Migrate(domain, Destination::Named(to));
        let events = self.command(now, machine, command);
        let is_moving = |event: &Reported| matches!(event, Reported::Moving { .. });
        events.iter().any(is_moving)
    }

    /// The next action of a machine's nomad. It is to be performed.
    pub fn poll(&mut self, machine: usize) -> Option<(TransactionId, Action)> {
        self.machines[machine].shell.poll_action()
    }

    /// Has a machine's nomad perform an action.
    pub fn perform(
        &mut self,
        now: Instant,
        number: usize,
        transaction: TransactionId,
        action: Action,
    ) -> Vec<Effect> {
        let machine = &mut self.machines[number];
        if let Action::Record(record) = &action {
            machine.moves.extend([Move::from_record(record)]);
        }
        let subject = machine.subject(transaction);
        self.history.check_action(machine, transaction, &action);
        let (is_forget, force) = (action == Action::Forget, machine.wrong_force(&action));
        machine.shell.host.now = now;
        let event = machine.shell.perform(now, transaction, action);
        if is_forget {
            machine.moves.remove(&transaction);
        }
        if let Some(force) = force {
            let ledger = &mut machine.shell.moves.ledger;
            ledger.force(now, transaction, force);
        }
        if let Some(subject) = subject {
            let (history, machines) = (&mut self.history, &self.machines);
            history.record_event(machines, number, transaction, subject, event.as_ref());
            self.count_instances(subject.number());
        }
        let mut effects = self.apply_effects(now, number);
        effects.extend(event.map(|event| Effect::Answer(transaction, event)));
        effects
    }

    /// The outputs of a machine's nomad that leave the machine.
    fn apply_effects(&mut self, now: Instant, number: usize) -> Vec<Effect> {
        let mut effects = Vec::new();
        while let Some(output) = self.machines[number].shell.poll_output() {
            match output {
                Output::Send { to, bytes } => {
                    let to = machine_number(to);
                    effects.push(Effect::Send { to, bytes });
                }
                Output::Job(job) => effects.extend(self.begin(now, number, job)),
                Output::StreamOver => self.end_streams_to(number),
                Output::GiveBack(transaction) => effects.push(Effect::GiveBack(transaction)),
                Output::Event(..)
                | Output::Log(_)
                | Output::Frames(..)
                | Output::Late(..)
                | Output::End => {}
            }
        }
        self.record_root_changes(number);
        effects
    }

    /// Records the domains that root has given up and started.
    fn record_root_changes(&mut self, number: usize) {
        for given_up in std::mem::take(&mut self.machines[number].hardware_mut().given_up) {
            self.history.give_up(number, given_up);
        }
        for id in std::mem::take(&mut self.machines[number].hardware_mut().started) {
            self.history.start_anew(&self.machines, number, id);
            self.count_instances(domain_number(id));
        }
    }

    /// Reports an event to a machine's nomad.
    pub fn answer(
        &mut self,
        now: Instant,
        machine: usize,
        transaction: TransactionId,
        event: Event,
    ) {
        let machine = &mut self.machines[machine];
        let mut others = machine.moves.keys().copied();
        let another = others.find(|other| *other != transaction);
        let to = match (machine.hardware().parts.mutant, another) {
            (Mutant::AnswersAnother, Some(another)) => another,
            _ => transaction,
        };
        machine.shell.handle_event(now, to, event);
    }

    /// Gives the memory of a domain back that has left.
    pub fn give_back(&mut self, now: Instant, machine: usize, transaction: TransactionId) {
        let shell = &mut self.machines[machine].shell;
        shell.host.now = now;
        let event = shell.give_back(now, transaction);
        self.record_root_changes(machine);
        if let Some(event) = event {
            self.answer(now, machine, transaction, event);
        }
    }

    /// A datagram of machine `from` reaches `machine`.
    pub fn deliver(
        &mut self,
        now: Instant,
        machine: usize,
        from: usize,
        bytes: &[u8],
    ) -> Vec<Effect> {
        let mistaken = misread(&self.machines[machine], from, bytes);
        let shell = &mut self.machines[machine].shell;
        shell.host.now = now;
        let bytes = mistaken.as_deref().unwrap_or(bytes);
        shell.handle_datagram(now, machine_id(from), bytes);
        self.apply_effects(now, machine)
    }

    /// Fires the timers of a machine's nomad that are due.
    pub fn pass_timeouts(&mut self, now: Instant, machine: usize) -> Vec<Effect> {
        let shell = &mut self.machines[machine].shell;
        shell.host.now = now;
        shell.handle_timeout(now);
        self.apply_effects(now, machine)
    }

    /// Fires a timer.
    pub fn expire(
        &mut self,
        now: Instant,
        machine: usize,
        transaction: TransactionId,
        timer: Timer,
    ) {
        let ledger = &mut self.machines[machine].shell.moves.ledger;
        ledger.expire(now, transaction, timer);
    }

    /// A domain runs a step on `machine`, if it runs there.
    pub fn run(&mut self, machine: usize, id: DomainId, page: u64) {
        let number = domain_number(id);
        let domains = &mut self.machines[machine].hardware_mut().kernel.domains;
        for (known, domain) in domains {
            if domain_number(*known) == number && domain.run == RunState::Running {
                self.history.record_step(id, domain.contents.age);
                domain.step(page);
            }
        }
    }

    /// Has a machine's kernel and root handle the deadlines until `now`; `None`: all deadlines.
    pub fn pass_deadlines(&mut self, machine: usize, now: Option<Instant>) {
        self.machines[machine].hardware_mut().pass_time(now);
        for number in 0..self.history.domains.len() {
            self.count_instances(number);
        }
    }

    fn count_instances(&mut self, number: usize) {
        let running = |machine: &&Machine| machine.hardware().runs(number);
        let running = self.machines.iter().filter(running).count();
        self.history.check_instances(domain_id(number), running);
        let is_restless = |machine: &&Machine| machine.hardware().has_unstopped_outlived(number);
        if let Some(machine) = self.machines.iter().find(is_restless) {
            self.history
                .outlived_runs(domain_id(number), machine.number);
        }
    }

    /// An outsider on `machine` signals a domain, if it is there and not on its way there.
    pub fn interfere(&mut self, machine: usize, id: DomainId, page: u64) {
        let number = domain_number(id);
        let hardware = self.machines[machine].hardware_mut();
        let entry = hardware.root.entries.get(&number);
        let here = entry.filter(|entry| !entry.comes()).map(|entry| entry.id);
        let domain = here.and_then(|id| hardware.kernel.domains.get_mut(&id));
        if let Some(domain) = domain {
            domain.interfere(page);
        }
    }

    /// A crash, and the restart after it.
    pub fn crash(&mut self, now: Instant, number: usize, crash: Crash) {
        let machine = self.machines.remove(number);
        let machine = match crash {
            Crash::Nomad => machine.crash_nomad(now),
            Crash::Machine => {
                self.history.restart(number);
                machine.crash_machine(now)
            }
        };
        self.machines.insert(number, machine);
        for stream in self.streams.values_mut() {
            stream.close(number);
        }
        self.record_root_changes(number);
    }

    /// Whether a domain runs on `machine`.
    pub fn is_running(&self, machine: usize, id: DomainId) -> bool {
        self.machines[machine].hardware().runs(domain_number(id))
    }
}

fn machine(setup: &Setup, number: usize) -> Machine {
    let homes = setup.homes.iter();
    let homes = homes.filter(|(domain, _)| setup.starts[**domain] == number);
    let mut hardware = hardware(Parts {
        number,
        pool_pages: setup.pool_pages[number],
        homes: homes.map(|(domain, restart)| (*domain, *restart)).collect(),
        freeze_us: setup.freeze_us,
        copy_pages: setup.copy_pages,
        record_slots: setup.record_slots,
        mutant: setup.mutant,
    });
    for (domain, start) in setup.starts.iter().enumerate() {
        if *start == number {
            hardware.create(domain_id(domain), setup.pages as u64);
        }
    }
    let common = Common {
        machines: setup.pool_pages.len(),
        timing: setup.timing,
        goals: setup.goals,
    };
    let boot = Machine::first_boot(number);
    Machine::new(common, hardware, boot, Instant::from_us(0))
}

impl Machine {
    /// The force by which a mutant settles a doubt by itself.
    fn wrong_force(&self, action: &Action) -> Option<Force> {
        let Action::Notify(Notice::InDoubt(Doubt::Silent)) = action else {
            return None;
        };
        let mut entries = self.shell.moves.ledger.entries();
        let side = entries.find(|entry| entry.doubt.is_some())?.side;
        match (self.hardware().parts.mutant, side) {
            (Mutant::SourceThawsAfterCommit, Side::Source)
            | (Mutant::DestinationRunsUncommitted, Side::Destination) => Some(Force::RunHere),
            (Mutant::DestinationDropsPrepared, Side::Destination) => Some(Force::DropCopy),
            _ => None,
        }
    }
}
