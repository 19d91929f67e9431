//! The execution of an operator's commands.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use identity::Name;
use nomad_client::command::Destination;
use nomad_client::event::{MemoryStatus, TransactionStatus};
use nomad_client::{Command, Event, RequestId};
use nomad_protocol::planner::MoveOptions;
use nomad_protocol::{Doubt, Entry, Force, Instant, TooLate, TransactionId};
use service_protocol::root::{DomainState, Refusal};

use crate::hook::Hook;
use crate::host::{Host, RootError};
use crate::output::Output;
use crate::shell::Shell;

/// The maximum number of verdicts in a reply, so that a domain with many capabilities does not exhaust the server's memory.
const VERDICTS_MAX: usize = 512;

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
            Command::Machines => Ok(ended(self.list_machines(now))),
            Command::Force(name, force) => self.force(now, name, force).map(ended),
            Command::Start(name) => self.start_again(now, name, from),
            Command::Memory => self.memory().map(ended),
            // The package follows.
            Command::Run(size) => self.run(now, size, from),
            Command::Stop(name) => self.stop_domain(now, name).map(ended),
            Command::Restart(name) => self.restart(now, name, from),
            Command::Remove(name) => self.remove(now, name).map(ended),
            Command::Logs(range) => self.log_lines(range).map(ended),
            // The events of the drain follow, and its end ends the reply.
            Command::Drain(to) => self.drain(now, to, from),
            Command::Undrain => self.undrain(now),
            Command::Reboot(condition) => self.reboot(now, condition),
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
        domain: Name,
        (destination, options): (Destination, MoveOptions),
        from: RequestId,
    ) -> Reply {
        let (to, machine) = self.machines.find(destination)?;
        let begun = self.begin_move(now, domain, machine, options);
        let transaction = begun.map_err(|error| error.text(domain))?;
        debug_assert!(self.requests.keys().all(|id| self.is_under_way(*id)));
        self.requests.insert(transaction, from);
        Ok(vec![Event::Moving {
            domain,
            to,
            transaction,
        }])
    }

    /// Whether the ledger has this transaction. A request that is kept beyond its transaction would be kept forever.
    fn is_under_way(&self, transaction: TransactionId) -> bool {
        let mut entries = self.moves.ledger.entries();
        entries.any(|entry| entry.transaction == transaction)
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
        self.check_starts_domains()?;
        self.check_is_absent(name)?;
        let (calls, machines) = (&mut self.roll_calls, &self.machines);
        calls.take_for_start(now, machines, name, is_forced)?;
        let started = self.start(now, name);
        started.map_err(|error| format!("{name} is not started: {error}"))
    }

    /// Checks that a domain is at home here and not here.
    fn check_is_absent(&mut self, name: Name) -> Result<(), String> {
        match self.host.find(name) {
            Err(error) => Err(format!("{name} is not started: {error}")),
            Ok(record) => match record.state {
                DomainState::Waiting | DomainState::Away => Ok(()),
                DomainState::Running => Err(format!(
                    "{name} runs here already: `restart` starts it afresh"
                )),
                DomainState::Stopped => {
                    Err(format!("{name} is stopped here: `start` starts it afresh"))
                }
                state => Err(format!("{name} is {state} here: `list` shows its move")),
            },
        }
    }

    /// Settles the doubts about a domain. For some doubts, nothing about a copy is left to decide, and the command only ends
    /// the record of the move. If there are any of these, the command settles them and no others: the operator may have meant
    /// only those moves, and can repeat the command.
    fn force(&mut self, now: Instant, name: Name, force: Force) -> Reply {
        let doubts = self.moves.doubts(name);
        let settled = doubts.filter(|(_, doubt)| doubt.is_settled_by(force));
        let (about_copies, decided): (Vec<_>, Vec<_>) =
            settled.partition(|(_, doubt)| doubt.decides_about_copy());
        let settled = if decided.is_empty() {
            about_copies
        } else {
            decided
        };
        let forced = |settled| Event::Forced {
            domain: name,
            force,
            settled,
        };
        match (settled.is_empty(), force) {
            (false, _) => {
                // A doubt that cannot be settled now does not keep the others from being settled.
                let outcomes = settled.into_iter().map(|it| {
                    let done = self.settle(now, name, it, force);
                    done.map(|()| forced(Some(it.1)))
                });
                let outcomes: Vec<_> = outcomes.collect();
                return outcomes.into_iter().collect();
            }
            (true, Force::RunHere) => self.start_on_command(now, name, true)?,
            (true, Force::DropCopy) => self.drop_outlived(now, name)?,
        }
        Ok(vec![forced(None)])
    }

    fn settle(
        &mut self,
        now: Instant,
        name: Name,
        (transaction, doubt): (TransactionId, Doubt),
        force: Force,
    ) -> Result<(), String> {
        // A domain that already runs here continues to run; other machines need not be queried about it.
        if force == Force::RunHere && doubt != Doubt::NotReleased {
            self.check_may_run(now, name)?;
        }
        // A copy whose activation seems to fail may run nevertheless: root's reply may have been lost.
        if force == Force::DropCopy && doubt == Doubt::NotActivated {
            self.check_does_not_run(name)?;
        }
        if self.moves.ledger.force(now, transaction, force) {
            if force == Force::RunHere {
                self.prevent_visit(transaction);
            }
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

    fn check_does_not_run(&mut self, name: Name) -> Result<(), String> {
        match self.host.find(name) {
            Ok(record) if record.state == DomainState::Running => Err(format!("{name} runs here")),
            Ok(_) | Err(RootError::Refused(Refusal::NoSuchDomain)) => Ok(()),
            Err(error) => Err(error.to_string()),
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

    /// The machines of the fleet, and the drain of this one.
    fn list_machines(&self, now: Instant) -> Vec<Event> {
        let mut machines = self.machines.list(now);
        machines.extend(self.drain_events());
        machines
    }

    /// The domains and transactions here, the domains at home here, and the drain.
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
        let listed = domains.chain(transactions).chain(homes);
        Ok(listed.chain(self.drain_events()).collect())
    }

    pub(crate) fn status(&self, entry: &Entry<'_>) -> TransactionStatus {
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
