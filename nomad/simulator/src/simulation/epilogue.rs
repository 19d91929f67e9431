//! The epilogue of a run: no fault of the seed strikes any more, so every move in doubt (one whose outcome a machine does not
//! know) can be decided, and every running domain can be moved.

use identity::DomainId;
use nomad_client::{Command, Event};
use nomad_protocol::Force;
use std::collections::BTreeMap;

use super::{Failure, JUDGE_EVERY_US, PATIENCE_US, Simulation};
use crate::faults::Scale;
use crate::hardware::domain_number;
use crate::history::DomainHistory;
use crate::machine::domain_name;
use crate::outcome::{End, Outcome, check_quiet};
use crate::world::domain_id;

/// The most attempts of a command that is refused for the moment.
const COMMAND_ATTEMPTS_MAX: usize = 300;
/// The time in which machines find each other, even if their clocks run at half the rate.
const FINDING_US: u64 = 10_000_000;

impl Simulation {
    pub(super) fn epilogue(&mut self, ends: &BTreeMap<DomainId, End>) -> Result<(), Failure> {
        let has_guests = self.faults.scale.guests > 0;
        if self.report.renumbered > 0 || self.faults.hellos.has_no_addresses {
            self.advance(self.now.as_us() + FINDING_US)?;
        }
        let doubts = [Outcome::DestinationInDoubt, Outcome::SourceInDoubt];
        let is_doubted = |end: &End| doubts.contains(&end.outcome);
        let doubted = ends.iter().filter(|(_, end)| is_doubted(end));
        let doubted: Vec<DomainId> = doubted.map(|(domain, _)| *domain).collect();
        if !doubted.is_empty() || ends.values().any(|end| !end.stale.is_empty()) {
            self.settle_doubts(&doubted, ends)?;
        }
        self.send_lost_packages()?;
        if has_guests {
            self.advance(self.now.as_us() + FINDING_US)?;
        }
        for domain in ends.keys() {
            self.start_again(*domain)?;
            self.move_again(*domain)?;
            self.stop_and_start(*domain)?;
        }
        Ok(())
    }

    /// Decides every move in doubt, as an operator. No record or copy of such a move may be left then.
    fn settle_doubts(
        &mut self,
        doubted: &[DomainId],
        ends: &BTreeMap<DomainId, End>,
    ) -> Result<(), Failure> {
        let of_holders = if self.random.permille(500) {
            Force::DropCopy
        } else {
            Force::RunHere
        };
        for domain in doubted {
            let history = self.world.history.domains.get_mut(domain);
            history.expect("every domain has one").is_forced = true;
        }
        for machine in 0..self.nodes.len() {
            let ledger = &self.world.machines[machine].shell.moves.ledger;
            let entries = ledger.entries();
            let numbers: Vec<usize> = entries
                .map(|entry| domain_number(entry.offer.domain))
                .collect();
            for number in numbers {
                let is_stale = ends[&domain_id(number)].stale.contains(&machine);
                let how = if is_stale {
                    Force::DropCopy
                } else {
                    of_holders
                };
                self.command_until_done(machine, Command::Force(domain_name(number), how))
                    .map_err(Failure::NotForced)?;
            }
        }
        self.settle_forced()?;
        for domain in doubted {
            self.restart_history(*domain);
        }
        Ok(())
    }

    /// Sends again the packages that restarted machines have lost. Meanwhile a domain of such a package may be on a guest
    /// that its home does not remember, and may not know yet.
    fn send_lost_packages(&mut self) -> Result<(), Failure> {
        for machine in 0..self.nodes.len() {
            let hardware = self.world.machines[machine].hardware();
            let mut packages = hardware.parts.packages.iter();
            if packages.all(|number| hardware.root.has_package(*number)) {
                continue;
            }
            // A guest that could not be reached while its home listened for guests cannot be queried before its next hello.
            let faults = &self.faults;
            if faults.pause.is_some() || faults.cut_us.is_some() || faults.one_way.is_some() {
                self.advance(self.now.as_us() + FINDING_US)?;
            }
            let local = self.local(machine);
            let events = self.world.send_package(local, machine);
            self.trace(machine, || format!("a package is sent again: {events:?}"));
            self.perform_actions();
            self.advance(self.now.as_us() + FINDING_US)?;
            self.settle()?;
        }
        Ok(())
    }

    /// Lets time pass until nothing is left of the moves in doubt, and homes have started the domains that they must start.
    fn settle_forced(&mut self) -> Result<(), Failure> {
        let give_up_us = self.now.as_us() + PATIENCE_US;
        loop {
            match check_quiet(&self.world, |machine| self.local(machine)) {
                Ok(()) => return Ok(()),
                Err(defect) if self.now.as_us() >= give_up_us => {
                    return Err(Failure::Settled(defect));
                }
                Err(_) => self.advance(self.now.as_us() + JUDGE_EVERY_US)?,
            }
        }
    }

    /// Repeats a command to a machine until it is done, since other machines may have to reply first.
    fn command_until_done(&mut self, machine: usize, command: Command) -> Result<(), String> {
        let mut reply = String::new();
        for _ in 0..COMMAND_ATTEMPTS_MAX {
            let local = self.local(machine);
            let events = self.world.command(local, machine, command.clone());
            reply = format!("{events:?}");
            self.trace(machine, || format!("{command:?}: {reply}"));
            self.perform_actions();
            if events.last() == Some(&Event::Done) {
                return Ok(());
            }
            let later_us = self.now.as_us() + JUDGE_EVERY_US;
            self.advance(later_us)
                .map_err(|failure| format!("{failure:?}"))?;
        }
        Err(reply)
    }

    /// Starts a lost domain that its home does not start by itself.
    fn start_again(&mut self, domain: DomainId) -> Result<(), Failure> {
        let number = domain_number(domain);
        for machine in 0..self.nodes.len() {
            let entries = &self.world.machines[machine].hardware().root.entries;
            let is_away = entries
                .get(&number)
                .is_some_and(|entry| entry.is_elsewhere());
            let has = |other: usize| self.world.machines[other].hardware().has(number);
            if is_away && !(0..self.nodes.len()).any(has) {
                self.command_until_done(machine, Command::Start(domain_name(number)))
                    .map_err(Failure::NotStarted)?;
                self.settle()?;
            }
        }
        Ok(())
    }

    /// Stops a domain where it runs, as an operator would. Then its home starts it again, or an operator does so there.
    fn stop_and_start(&mut self, domain: DomainId) -> Result<(), Failure> {
        let number = domain_number(domain);
        let mut machines = 0..self.nodes.len();
        let Some(machine) = machines.find(|it| self.world.machines[*it].hardware().runs(number))
        else {
            return Ok(());
        };
        self.command_until_done(machine, Command::Stop(domain_name(number)))
            .map_err(Failure::NotStopped)?;
        self.restart_history(domain);
        self.settle()?;
        self.start_again(domain)?;
        let mut machines = self.world.machines.iter();
        if machines.any(|machine| machine.hardware().runs(number)) {
            Ok(())
        } else {
            Err(Failure::NotStarted("after it was stopped".to_owned()))
        }
    }

    /// Begins a new history. The instance that runs now may be older than the one before, and the operator is
    /// responsible for that.
    pub(super) fn restart_history(&mut self, id: DomainId) {
        let number = domain_number(id);
        let machines = self.world.machines.iter();
        let mut here = machines.filter_map(|machine| {
            let mut domains = machine.hardware().kernel.domains.iter();
            let (_, domain) = domains.find(|(known, _)| domain_number(**known) == number)?;
            Some((machine.number, domain))
        });
        let history = match here.next() {
            Some((home, domain)) => DomainHistory {
                incarnation: domain.incarnation,
                reached: domain.contents.age,
                ..DomainHistory::new(home)
            },
            None => DomainHistory {
                is_home_lost: true,
                ..DomainHistory::new(0)
            },
        };
        self.world.history.domains.insert(id, history);
        if let Some(clocks) = &mut self.world.clocks {
            clocks.forget(|known| domain_number(known) == number);
        }
    }

    /// Moves a domain that runs to another machine that has room for it.
    fn move_again(&mut self, domain: DomainId) -> Result<(), Failure> {
        let home = self.world.history.domains[&domain].home;
        let Some(to) = self.next_machine(home, domain) else {
            return Ok(());
        };
        let has_room = !self.faults.small_pool || to != self.nodes.len() - 1;
        if !has_room || !self.world.is_running(home, domain) {
            return Ok(());
        }
        self.begin_frames(domain_number(domain));
        let offered = self.offer(home, to, domain);
        self.perform_actions();
        let ends = self.settle()?;
        self.end_frames()?;
        match (offered, &ends[&domain]) {
            (true, end) if end.holder == Some(to) => Ok(()),
            (_, end) => Err(Failure::SecondMove(domain, end.clone())),
        }
    }

    /// A machine to which a domain may move from this one; `None` if there is none.
    fn next_machine(&mut self, from: usize, domain: DomainId) -> Option<usize> {
        let Scale {
            machines, guests, ..
        } = self.faults.scale;
        if guests == 0 {
            return Some(self.other_machine(from));
        }
        let number = domain_number(domain);
        let is_guest = |machine: usize| machine >= machines - guests;
        let has_package = |machine: usize| {
            let hardware = self.world.machines[machine].hardware();
            hardware.root.has_package(number)
        };
        let may_be = |to: &usize| match (is_guest(from), is_guest(*to)) {
            (false, false) => true,
            (false, true) => has_package(from),
            (true, false) => has_package(*to),
            (true, true) => false,
        };
        let others = (0..machines).filter(|to| *to != from);
        let others: Vec<usize> = others.filter(may_be).collect();
        let drawn = self.random.below(others.len().max(1) as u64);
        others.get(drawn as usize).copied()
    }

    /// Requests a move of a domain, as a machine's operator. Returns whether it begins.
    pub(super) fn offer(&mut self, machine: usize, to: usize, domain: DomainId) -> bool {
        let local = self.local(machine);
        self.world.offer(local, machine, to, domain)
    }
}
