//! An operator who decides by force about domains while faults strike.
//!
//! The operator has turned a machine off, knows that, and can reach all others. So the operator knows which machines have which
//! domains, and enters `force NAME run` only if no other machine has the domain or a part of it, and `force NAME drop` only for a copy
//! whose domain runs elsewhere. Then at most one copy may run.
//!
//! In other runs, an operator enters both commands for every domain on every machine, although all machines are up and
//! reachable. There the commands must never have a consequence for a domain that runs elsewhere.

use identity::DomainId;
use nomad_client::{Command, Event};
use nomad_protocol::Force;

use super::Simulation;
use super::event_queue::Scheduled;
use crate::machine::domain_name;
use crate::world::domain_id;

/// The interval between the operator's decisions.
const DECIDE_EVERY_US: u64 = 100_000;

impl Simulation {
    /// Has the operator decide about all domains, and schedules the next time.
    pub(super) fn decide(&mut self) {
        let (machines, domains) = (self.nodes.len(), self.faults.scale.domains);
        for (machine, domain) in (0..machines).flat_map(|it| (0..domains).map(move |of| (it, of))) {
            if self.is_receiving(machine) {
                self.decide_about(machine, domain);
            }
        }
        let until_us = self
            .faults
            .power_off
            .map_or(self.faults.end_us(), |off| off.at_us + off.down_us);
        if self.now.as_us() + DECIDE_EVERY_US < until_us {
            self.after(DECIDE_EVERY_US, Scheduled::Decide);
        }
    }

    fn decide_about(&mut self, machine: usize, domain: usize) {
        if self.faults.power_off.is_none() {
            self.force(machine, domain, Force::RunHere);
            self.force(machine, domain, Force::DropCopy);
        } else if self.may_run(machine, domain) {
            if self.force(machine, domain, Force::RunHere) {
                self.report.forced_runs += 1;
                self.forced.push((machine, domain));
                let history = self.world.history.domains.get_mut(&domain_id(domain));
                history.expect("every domain has one").is_decided = true;
                self.perform_actions();
                self.follow_forced();
            }
        } else if self.may_drop(machine, domain) && self.force(machine, domain, Force::DropCopy) {
            self.report.forced_drops += 1;
        }
    }

    /// Enters a command on a machine; returns whether it is carried out.
    fn force(&mut self, machine: usize, domain: usize, force: Force) -> bool {
        let command = Command::Force(domain_name(domain), force);
        let local = self.local(machine);
        let events = self.world.command(local, machine, command.clone());
        self.trace(machine, || format!("{command:?}: {events:?}"));
        self.perform_actions();
        events.last() == Some(&Event::Done)
    }

    /// Whether an operator may run a domain on this machine: every other machine is off, or can be reached and has no part of it.
    fn may_run(&self, machine: usize, domain: usize) -> bool {
        let mut others = (0..self.nodes.len()).filter(|other| *other != machine);
        !self.world.machines[machine].hardware().runs(domain)
            && others.all(|other| {
                self.is_off(other)
                    || self.are_connected(machine, other) && !self.has_part(other, domain)
            })
    }

    /// Whether an operator may drop the copy of a domain on this machine: the domain runs on another one.
    fn may_drop(&self, machine: usize, domain: usize) -> bool {
        let runs = |at: &usize| self.world.machines[*at].hardware().runs(domain);
        !runs(&machine) && (0..self.nodes.len()).any(|other| runs(&other) && !self.is_off(other))
    }

    fn is_off(&self, machine: usize) -> bool {
        let off = self.faults.power_off.filter(|off| off.machine == machine);
        let is_meanwhile =
            off.is_some_and(|off| (off.at_us..off.at_us + off.down_us).contains(&self.now.as_us()));
        is_meanwhile && self.nodes[machine].off_until > self.now
    }

    fn are_connected(&self, one: usize, other: usize) -> bool {
        self.is_receiving(other) && !self.is_cut_off(one, other) && !self.is_cut_off(other, one)
    }

    /// Whether a machine has a copy of a domain, is receiving one, or takes part in a move of it.
    fn has_part(&self, machine: usize, domain: usize) -> bool {
        let machine = &self.world.machines[machine];
        let hardware = machine.hardware();
        let entry = hardware.root.entries.get(&domain);
        let mut moves = machine.shell.moves.ledger.entries();
        hardware.has(domain)
            || entry.is_some_and(|entry| entry.comes())
            || moves.any(|entry| entry.offer.name == domain_name(domain))
    }

    /// Begins a new history for each domain that runs as the operator has decided.
    pub(super) fn follow_forced(&mut self) {
        for (machine, domain) in std::mem::take(&mut self.forced) {
            if self.world.machines[machine].hardware().runs(domain) {
                self.restart_history_of_forced(machine, domain_id(domain));
            } else {
                self.forced.push((machine, domain));
            }
        }
    }

    /// Begins a new history for a domain that was forced to run on this machine. In the history, its moves there have
    /// activated it: they are over, except for messages about that.
    fn restart_history_of_forced(&mut self, machine: usize, id: DomainId) {
        self.restart_history(id);
        let machine = &self.world.machines[machine];
        let entries = machine.shell.moves.ledger.entries();
        let moves = entries.filter(|entry| domain_id_of(&entry.offer.domain) == id);
        let moves: Vec<_> = moves.map(|entry| entry.transaction).collect();
        let history = self.world.history.domains.get_mut(&id);
        let history = history.expect("every domain has one");
        history.activated.extend(moves);
    }

    /// Forgets the decisions that were not carried out by the end of the faults: they have no effect any more.
    pub(super) fn forget_forced(&mut self) {
        for (_, domain) in std::mem::take(&mut self.forced) {
            let history = self.world.history.domains.get_mut(&domain_id(domain));
            history.expect("every domain has one").is_decided = false;
        }
    }
}

/// The id that a domain had at the beginning.
fn domain_id_of(id: &DomainId) -> DomainId {
    domain_id(crate::hardware::domain_number(*id))
}
