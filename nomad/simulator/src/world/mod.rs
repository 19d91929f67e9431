//! Machines, the streams between them, and the history that judges every step. A world has neither a clock nor random
//! numbers: the simulation and the exploration supply both.
//!
//! | file | content |
//! | --- | --- |
//! | `mod.rs` | [`World`] |
//! | `setup` | [`Setup`]: its configuration |
//! | `clocks` | what the checker of clocks learns |
//! | `pages` | page streams between its machines |

mod clocks;
mod pages;
mod setup;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use identity::DomainId;
use nomad_channel::Encounter;
use nomad_client::command::{Destination, PackageSize};
use nomad_client::{Command, Event as Reported, RequestId};
use nomad_protocol::planner::MoveOptions;
use nomad_protocol::{
    Action, BootId, DestinationEvent, Event, Hello, Instant, PhaseName, SourceEvent, Timer,
    TransactionId,
};
use nomad_shell::{Frames, Output};

use crate::clocks::Clocks;
use crate::domain::RunState;
use crate::hardware::domain_number;
use crate::history::History;
use crate::machine::{
    DOMAIN, Machine, Move, Mutant, domain_name, machine_id, machine_number, number_of,
};
use crate::memory::PageUse;
use crate::misconduct::{misread, mistake_return, wrong_force};
use crate::shared::Shared;
use crate::stream::Stream;

pub use setup::Setup;

/// The operator's request id.
const OPERATOR: RequestId = RequestId(1);

/// The machines, the page streams and the checker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// The machines.
    pub machines: Vec<Shared<Machine>>,
    /// Page streams, by transaction.
    pub streams: BTreeMap<TransactionId, Stream>,
    /// The checker.
    pub history: History,
    /// The operator's options of every move.
    pub options: MoveOptions,
    /// The checker of the domains' clocks, in a simulation.
    pub clocks: Option<Clocks>,
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
    /// A hello leaves, for all machines.
    Hello(Hello),
    /// A handshake leaves, with the machine of this number if it is at this address.
    Probe(usize, Ipv4Addr),
    /// The next part of this transaction's round or freeze is to be sent.
    Sending(TransactionId),
    /// This many items have entered a stream.
    Streamed(TransactionId, usize),
    /// An event is to be reported to the ledger, at once or later.
    Event(TransactionId, Event),
    /// The handling of the frames for a transaction's domain changes.
    Frames(TransactionId, Frames),
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
            machines: numbers
                .map(|number| Shared::new(setup.machine(number)))
                .collect(),
            streams: BTreeMap::new(),
            options: setup.options,
            clocks: None,
        }
    }

    /// The ids of all domains at the beginning.
    pub fn domains(&self) -> impl Iterator<Item = DomainId> {
        self.history.domains.keys().copied()
    }

    /// Has a machine execute an operator's command; returns the events of its reply.
    pub fn command(&mut self, now: Instant, machine: usize, command: Command) -> Vec<Reported> {
        if let Command::Force(name, _) = &command {
            self.history.force(domain_id(number_of(*name)));
        }
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
        if self.has_died(machine) {
            events.clear();
        }
        events
    }

    /// Has an operator send a machine again a package that a restart of the machine has lost. Returns the events of the reply
    /// up to the time when the package is complete.
    pub fn send_package(&mut self, now: Instant, machine: usize) -> Vec<Reported> {
        let mut events = self.command(now, machine, Command::Run(PackageSize(1)));
        let shell = &mut self.machines[machine].shell;
        shell.handle_data(now, OPERATOR, &[0]);
        while let Some(output) = shell.poll_output() {
            if let Output::Event(_, event) = output {
                events.push(event);
            }
        }
        events
    }

    /// Has `machine` move a domain to another machine. Returns whether it tries.
    pub fn offer(&mut self, now: Instant, machine: usize, to: usize, id: DomainId) -> bool {
        let domain = domain_name(domain_number(id));
        let to = self.machines[to].shell.machines().own().name;
        let command = Command::Migrate(domain, Destination::Named(to), self.options);
        let events = self.command(now, machine, command);
        let is_moving = |event: &Reported| matches!(event, Reported::Moving { .. });
        events.iter().any(is_moving)
    }

    /// The next action of a machine's nomad, which the caller has to perform.
    pub fn poll(&mut self, machine: usize) -> Option<(TransactionId, Action)> {
        // A machine without an action stays shared.
        let has_action = self.machines[machine].shell.moves.ledger.has_action();
        has_action.then(|| self.machines[machine].shell.poll_action())?
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
        let (is_forget, force) = (action == Action::Forget, wrong_force(machine, &action));
        machine.shell.host.now = now;
        mistake_return(machine, transaction, &action);
        let event = machine.shell.perform(now, transaction, action);
        if is_forget {
            machine.moves.remove(&transaction);
        }
        if let Some(force) = force {
            let ledger = &mut machine.shell.moves.ledger;
            ledger.force(now, transaction, force);
        }
        self.record_root_changes(number);
        let event = event.filter(|_| !self.has_died(number));
        let adopted = std::mem::take(&mut self.machines[number].hardware_mut().adopted);
        if let Some(subject) = subject {
            // Root may have adopted the domain although its reply was lost.
            let activated = Event::Destination(DestinationEvent::Activated);
            let is_adopted = adopted.contains(&subject.domain);
            let done = if is_adopted {
                Some(&activated)
            } else {
                event.as_ref()
            };
            let (history, machines) = (&mut self.history, &self.machines);
            history.record_event(machines, number, transaction, subject, done);
            self.check_clock(number, transaction, subject, done);
            self.count_instances(subject.number());
        }
        let mut effects = self.apply_effects(now, number);
        effects.extend(event.map(|event| Effect::Event(transaction, event)));
        effects
    }

    /// Handles the outputs of a machine's nomad; returns the effects that the caller applies.
    fn apply_effects(&mut self, now: Instant, number: usize) -> Vec<Effect> {
        let mut effects = Vec::new();
        while let Some(output) = self.machines[number].shell.poll_output() {
            match output {
                Output::Send { to, bytes } => {
                    let number_of_peer = machine_number(to);
                    let expected = self.machines[number].shell.machines().address_of(to);
                    if expected == Some(self.machines[number_of_peer].address) {
                        let to = number_of_peer;
                        effects.push(Effect::Send { to, bytes });
                    }
                }
                Output::Job(job) => effects.extend(self.begin(now, number, job)),
                Output::Hello(hello) => effects.push(Effect::Hello(hello)),
                Output::Probe { machine, address } => {
                    let machine = machine_number(machine);
                    effects.push(Effect::Probe(machine, address));
                }
                Output::StreamOver => self.end_streams_to(number),
                Output::Frames(transaction, frames) => {
                    effects.push(Effect::Frames(transaction, frames));
                }
                Output::GiveBack(transaction) => effects.push(Effect::GiveBack(transaction)),
                Output::DestroyCopy => self.machines[number].shell.destroy_copy(),
                // Here root already owns the memory of a domain that arrived.
                Output::HandOver(_) => {}
                Output::Event(..) | Output::Log(_) | Output::Late(..) | Output::End => {}
            }
        }
        self.record_root_changes(number);
        if self.has_died(number) {
            effects.clear();
        }
        effects
    }

    /// Whether a machine's nomad has died in the middle of a step, and was not restarted yet.
    fn has_died(&mut self, number: usize) -> bool {
        self.machines[number].hardware_mut().has_died()
    }

    /// Records the domains that the machine's root server has given up, those that it has started, and those whose
    /// retirement it has undone.
    fn record_root_changes(&mut self, number: usize) {
        self.has_died(number);
        for given_up in std::mem::take(&mut self.machines[number].hardware_mut().given_up) {
            self.history.give_up(number, given_up);
        }
        for id in std::mem::take(&mut self.machines[number].hardware_mut().unretired) {
            self.history.unretire(id);
            self.read_clock(number, id);
            self.count_instances(domain_number(id));
        }
        for id in std::mem::take(&mut self.machines[number].hardware_mut().started) {
            self.history.start_anew(&self.machines, number, id);
            self.count_instances(domain_number(id));
        }
    }

    /// Reports an event to a machine's nomad.
    pub fn report_event(
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
            (Mutant::ReportsToAnother, Some(another)) => another,
            _ => transaction,
        };
        if let (Some(clocks), Event::Source(SourceEvent::Exported { .. })) =
            (&mut self.clocks, &event)
        {
            clocks.record_reading(to);
        }
        machine.shell.handle_event(now, to, event);
    }

    /// Releases the memory of a domain that has left.
    pub fn give_back(&mut self, now: Instant, machine: usize, transaction: TransactionId) {
        let shell = &mut self.machines[machine].shell;
        shell.host.now = now;
        let event = shell.give_back(now, transaction);
        self.record_root_changes(machine);
        if let Some(event) = event.filter(|_| !self.has_died(machine)) {
            self.report_event(now, machine, transaction, event);
        }
    }

    /// Delivers a datagram of machine `from` to `machine`.
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

    /// The number of the machine that has an address.
    pub fn machine_at(&self, address: Ipv4Addr) -> Option<usize> {
        let mut machines = self.machines.iter();
        machines.position(|machine| machine.address == address)
    }

    /// Delivers a hello that seems to come from this address.
    pub fn deliver_hello(
        &mut self,
        now: Instant,
        machine: usize,
        from: Ipv4Addr,
        hello: &Hello,
    ) -> Vec<Effect> {
        let shell = &mut self.machines[machine].shell;
        shell.host.now = now;
        shell.handle_hello(now, from, hello);
        self.apply_effects(now, machine)
    }

    /// Completes a handshake with a boot of another machine, at this address, on this side.
    pub fn meet(
        &mut self,
        now: Instant,
        machine: usize,
        (other, boot): (usize, BootId),
        at: Ipv4Addr,
    ) {
        let shell = &mut self.machines[machine].shell;
        let met = Encounter::Met(machine_id(other), boot);
        shell.handle_encounter(now, at, met);
    }

    /// The present boot of a machine.
    pub fn boot_of(&self, machine: usize) -> BootId {
        self.machines[machine].shell.moves.ledger.local().boot
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

    /// Has a domain run a step on `machine`, if it runs there.
    pub fn run(&mut self, machine: usize, id: DomainId, page: u64, page_use: PageUse) {
        let number = domain_number(id);
        let domains = &mut self.machines[machine].hardware_mut().kernel.domains;
        for (known, domain) in domains {
            if domain_number(*known) == number && domain.run == RunState::Running {
                self.history.record_step(id, domain.contents.age);
                if let Some(clocks) = &mut self.clocks {
                    let clock_us = domain.clock_us(clocks.now[machine]);
                    if let Some(violation) = clocks.read(*known, clock_us) {
                        self.history.violate(id, violation);
                    }
                }
                domain.step(page, page_use);
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
        let running = |machine: &&Shared<Machine>| machine.hardware().runs(number);
        let running = self.machines.iter().filter(running).count();
        self.history.check_instances(domain_id(number), running);
        let has_unstopped =
            |machine: &&Shared<Machine>| machine.hardware().has_unstopped_outlived(number);
        if let Some(machine) = self.machines.iter().find(has_unstopped) {
            self.history
                .outlived_runs(domain_id(number), machine.number);
        }
    }

    /// Has an outsider on `machine` signal a domain, if the domain is there and not just arriving.
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

    /// Crashes a machine or its nomad, and restarts it; returns the effects of the restart.
    pub fn crash(&mut self, now: Instant, number: usize, crash: Crash) -> Vec<Effect> {
        let machine = self.machines.remove(number).into_inner();
        let machine = match crash {
            Crash::Nomad => {
                let boot = machine.shell.moves.ledger.local().boot;
                let deciding = [PhaseName::Verify, PhaseName::Decline];
                let deciding = deciding.map(|phase| machine.in_phase(phase));
                let (machine, records) = machine.crash_nomad(now);
                self.history.restart_nomad(boot, deciding, &records);
                self.history.check_verified(&machine, &records);
                machine
            }
            Crash::Machine => {
                self.history.restart(number);
                machine.crash_machine(now)
            }
        };
        self.machines.insert(number, Shared::new(machine));
        if let Some(clocks) = &mut self.clocks {
            clocks.restart(number);
        }
        for stream in self.streams.values_mut() {
            stream.close(number);
        }
        self.apply_effects(now, number)
    }

    /// Whether a domain runs on `machine`.
    pub fn is_running(&self, machine: usize, id: DomainId) -> bool {
        self.machines[machine].hardware().runs(domain_number(id))
    }
}
