//! The execution of an operator's commands.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use identity::Name;
use nomad_client::command::Destination;
use nomad_client::event::{MemoryStatus, TransactionStatus};
use nomad_client::{Command, Event, RequestId};
use nomad_image::Verdict;
use nomad_protocol::planner::MoveOptions;
use nomad_protocol::{
    Doubt, Entry, Force, Instant, MachineId, Offer, OfferError, TooLate, TransactionId,
};
use service_protocol::root::DomainState;

use crate::hook::Hook;
use crate::host::{DomainSummary, Host};
use crate::output::Output;
use crate::shell::Shell;

/// The maximum number of verdicts in a reply, so that a domain with many capabilities does not exhaust the server's memory.
const VERDICTS_MAX: usize = 512;

/// A destination's address, and its id if it is a machine of the fleet.
type Route = (Ipv4Addr, Option<MachineId>);

/// The events in reply to a command, or the reason it was not executed.
pub(crate) type Reply = Result<Vec<Event>, String>;

impl<H: Host> Shell<H> {
    /// Executes a command and replies.
    pub fn handle_command(&mut self, now: Instant, from: RequestId, command: Command) {
        let reply = match command {
            // The notices of the move follow, and the last of them ends the reply.
            Command::Migrate(name, destination, options) => {
                self.migrate(now, name, (destination, options), from)
            }
            Command::Explain(name) => self.explain(name).map(ended),
            Command::Cancel(name) => self.cancel(now, name).map(ended),
            Command::List => self.list(now).map(ended),
            Command::Machines => Ok(ended(self.machines.list(now))),
            Command::Force(name, force) => self.force(now, name, force).map(ended),
            Command::Start(name) => self.start_again(now, name, from),
            Command::Memory => self.memory().map(ended),
            // The package follows.
            Command::Run(size) => self.run(now, size, from),
            Command::Stop(name) => self.stop_domain(now, name).map(ended),
            Command::Restart(name) => self.restart(now, name, from),
            Command::Remove(name) => self.remove(now, name).map(ended),
            Command::Logs(range) => self.log_lines(range).map(ended),
            Command::Hold(line) => self.with_hook(|hook| hook.hold(line)).map(ended),
            Command::Go => self.with_hook(Hook::go).map(ended),
            Command::End => self.end(),
        };
        self.reply(from, reply);
    }

    /// Emits the events of a reply, or the failure that ends it.
    pub(crate) fn reply(&mut self, to: RequestId, reply: Reply) {
        let events = reply.unwrap_or_else(|reason| vec![Event::failed(reason)]);
        for event in events {
            self.emit(Output::Event(to, event));
        }
    }

    fn migrate(
        &mut self,
        now: Instant,
        name: Name,
        (destination, options): (Destination, MoveOptions),
        from: RequestId,
    ) -> Reply {
        let to = self.machines.find(destination)?;
        let mut found = self.host.look_up(name)?;
        let verdicts = self.host.judge(&mut found)?;
        let refused = |verdict: &&Verdict| verdict.refusal().is_some();
        match verdicts.iter().find(refused) {
            Some(verdict) => Err(format!("{name} cannot move: {verdict}")),
            None => self.offer(now, name, (to, found), (from, options)),
        }
    }

    fn offer(
        &mut self,
        now: Instant,
        name: Name,
        ((address, destination), found): (Route, H::Found),
        (from, options): (RequestId, MoveOptions),
    ) -> Reply {
        let transaction = TransactionId(self.host.draw());
        let refused = |error: OfferError| format!("{name} cannot be offered: {error}");
        let destination = destination.ok_or(OfferError::NotInFleet).map_err(refused)?;
        let offer = self.offer_of(name, self.host.summary(&found));
        let outgoing = self.host.begin_move(name, found)?;
        let route = (transaction, destination);
        self.moves
            .offer(now, route, outgoing, (offer, self.goals, options))
            .map_err(refused)?;
        self.requests.insert(transaction, from);
        Ok(vec![Event::Moving {
            domain: name,
            to: address,
            transaction,
        }])
    }

    fn offer_of(&self, name: Name, summary: DomainSummary) -> Offer {
        let local = self.moves.ledger.local();
        Offer {
            domain: summary.domain,
            incarnation: summary.incarnation,
            name,
            sizes: summary.sizes,
            versions: self.versions,
            cpu: local.support.cpu,
            fleet: local.fleet.id(),
        }
    }

    fn explain(&mut self, name: Name) -> Reply {
        let mut found = self.host.look_up(name)?;
        let mut verdicts = self.host.judge(&mut found)?;
        let omitted = verdicts.len().saturating_sub(VERDICTS_MAX);
        if omitted > 0 {
            verdicts.sort_by_key(|verdict| verdict.refusal().is_none());
            verdicts.truncate(VERDICTS_MAX);
        }
        let mut events: Vec<Event> = verdicts.into_iter().map(Event::Verdict).collect();
        if omitted > 0 {
            events.push(Event::Omitted(omitted as u64));
        }
        Ok(events)
    }

    fn cancel(&mut self, now: Instant, name: Name) -> Reply {
        let cancelled = self.moves.cancel(&self.host, now, name);
        match cancelled.ok_or_else(|| format!("no move of {name} is in progress"))? {
            Err(TooLate) => Err("it is too late to cancel".into()),
            Ok(cancelled) => Ok(vec![Event::Cancelled(name, cancelled)]),
        }
    }

    /// Starts a domain that is at home here: a stopped one, or one that no machine has.
    fn start_again(&mut self, now: Instant, name: Name, from: RequestId) -> Reply {
        match self.host.find(name) {
            Ok(record) if record.state == DomainState::Stopped => self.restart(now, name, from),
            _ => {
                self.start_on_command(now, name, false)?;
                Ok(ended(vec![Event::Started(name)]))
            }
        }
    }

    fn start_on_command(
        &mut self,
        now: Instant,
        name: Name,
        is_forced: bool,
    ) -> Result<(), String> {
        let (calls, machines) = (&mut self.roll_calls, &self.machines);
        calls.take_for_start(now, machines, name, is_forced)?;
        let started = self.start(now, name);
        started.map_err(|error| format!("{name} is not started: {error}"))
    }

    /// Settles the doubts about a domain.
    fn force(&mut self, now: Instant, name: Name, force: Force) -> Reply {
        let doubts = self.moves.doubts(name);
        let settled = doubts.filter(|(_, doubt)| doubt.is_settled_by(force));
        let settled: Vec<_> = settled.collect();
        match (settled.is_empty(), force) {
            (false, _) => {
                // A doubt that cannot be settled now does not keep the others from being settled.
                let outcomes = settled.into_iter();
                let outcomes = outcomes.map(|it| self.settle(now, name, it, force));
                let outcomes: Vec<_> = outcomes.collect();
                outcomes.into_iter().collect::<Result<(), String>>()?;
            }
            (true, Force::RunHere) => self.start_on_command(now, name, true)?,
            (true, Force::DropCopy) => self.drop_outlived(now, name)?,
        }
        Ok(vec![Event::Forced(name, force)])
    }

    fn settle(
        &mut self,
        now: Instant,
        name: Name,
        (transaction, doubt): (TransactionId, Doubt),
        force: Force,
    ) -> Result<(), String> {
        // A domain that already runs here runs on; other machines need not be queried about it.
        if force == Force::RunHere && doubt != Doubt::NotReleased {
            self.check_may_run(now, name)?;
        }
        if self.moves.ledger.force(now, transaction, force) {
            Ok(())
        } else {
            Err(format!("{name} is being settled already"))
        }
    }

    /// Checks that no other machine may run the domain. Begins a roll call if there is none yet.
    fn check_may_run(&mut self, now: Instant, name: Name) -> Result<(), String> {
        let calls = &self.roll_calls;
        match calls.objection_to_running(now, &self.machines, name) {
            None => Ok(()),
            Some(why) => {
                self.update_roll_calls(now);
                Err(why)
            }
        }
    }

    /// Destroys an outlived copy.
    fn drop_outlived(&mut self, now: Instant, name: Name) -> Result<(), String> {
        let found = self.host.find(name);
        let record = found.map_err(|error| error.to_string())?;
        if record.state != DomainState::Outlived {
            return Err(format!("no copy of {name} here is in doubt or outlived"));
        }
        let dropped = self.host.drop_outlived(name, record.id);
        dropped.map_err(|error| error.to_string())?;
        self.update_roll_calls(now);
        Ok(())
    }

    fn memory(&mut self) -> Reply {
        let machine = self.host.memory();
        Ok(vec![Event::Memory(MemoryStatus {
            machine: machine.map_err(|error| error.to_string())?,
            nomad_heap_free: self.host.heap_free(),
            nomad_heap_free_min: self.host.heap_least(),
        })])
    }

    /// Acts on the tests' hook, if this machine has one.
    fn with_hook(&mut self, act: impl FnOnce(&mut Hook)) -> Reply {
        let hook = self
            .hook
            .as_mut()
            .ok_or("this machine has no hooks for tests")?;
        act(hook);
        Ok(Vec::new())
    }

    fn end(&mut self) -> Reply {
        self.with_hook(|_| ())?;
        self.emit(Output::End);
        Ok(Vec::new())
    }

    /// The domains and transactions here, and the domains at home here.
    ///
    /// # Errors
    /// Root's error.
    pub fn list(&mut self, now: Instant) -> Reply {
        let records = self.host.all();
        let records = records.map_err(|error| error.to_string())?;
        let domains = records.into_iter().map(Event::Domain);
        let entries = self.moves.ledger.entries();
        let transactions = entries.map(|entry| Event::Transaction(self.status(&entry)));
        let homes = self.homes(now).into_iter().map(Event::Home);
        Ok(domains.chain(transactions).chain(homes).collect())
    }

    fn status(&self, entry: &Entry<'_>) -> TransactionStatus {
        TransactionStatus {
            transaction: entry.transaction,
            domain: entry.offer.name,
            side: entry.side,
            phase: entry.phase,
            peer: self.machines.address_of(entry.peer),
            doubt: entry.doubt,
        }
    }
}

/// A complete reply.
pub(crate) fn ended(mut events: Vec<Event>) -> Vec<Event> {
    events.push(Event::Done);
    events
}
