//! The commands with which an operator runs a domain from a package, stops, restarts and removes it.
//!
//! ```text
//!   run: the package, piece by piece, to root --> installed --> a roll call --> started
//! ```
//!
//! For a domain that needs a roll call, the reply ends when the domain starts, or when it is known why the domain cannot be
//! started now. In the second case the domain keeps waiting.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use identity::{DomainId, Name};
use nomad_client::command::PackageSize;
use nomad_client::event::Location;
use nomad_client::{Event, RequestId};
use nomad_protocol::Instant;
use service_protocol::root::{DomainRecord, DomainState, Installation};

use crate::host::{Host, RootError};
use crate::operator::{Reply, ended};
use crate::output::Output;
use crate::shell::Shell;
use crate::transfer::Transfer;

impl<H: Host> Shell<H> {
    /// Begins to receive a package. A package that another operator was sending is dropped.
    pub(crate) fn run(
        &mut self,
        now: Instant,
        PackageSize(size): PackageSize,
        from: RequestId,
    ) -> Reply {
        self.check_starts_domains()?;
        if size == 0 {
            return Err("the package is empty".into());
        }
        if self.machines.is_guest() {
            let own = self.machines.own().name;
            return Err(format!(
                "{own} is a guest: send the package to a machine of the fleet, and move the domain here"
            ));
        }
        let begun = self.host.begin_package(size);
        begun.map_err(|error| error.to_string())?;
        let transfer = Transfer::new(now, from, size);
        if let Some(earlier) = self.transfer.replace(transfer) {
            let reason = "another package is received instead";
            self.emit(Output::Event(
                earlier.request(),
                Event::failed(reason.into()),
            ));
        }
        Ok(Vec::new())
    }

    /// Handles the next piece of the data that belongs to a command.
    pub fn handle_data(&mut self, now: Instant, from: RequestId, piece: &[u8]) {
        let Some(transfer) = self.transfer.as_mut().filter(|it| it.request() == from) else {
            return;
        };
        let appended = self.host.append_package(transfer.received(), piece);
        let is_complete = transfer.advance(now, piece.len());
        let reply = match appended {
            Ok(()) if is_complete => self.install(now, from),
            Ok(()) => return,
            Err(error) => Err(error.to_string()),
        };
        self.transfer = None;
        if reply.is_err() {
            self.host.forget_package();
        }
        self.reply(from, reply);
    }

    /// Drops a package whose operator is silent.
    pub(crate) fn drop_silent_transfer(&mut self, now: Instant) {
        if self
            .transfer
            .is_some_and(|transfer| transfer.deadline() <= now)
        {
            self.transfer = None;
            self.host.forget_package();
        }
    }

    fn install(&mut self, now: Instant, from: RequestId) -> Reply {
        let installed = self.host.install_package();
        let record = match installed.map_err(|error| error.to_string())? {
            Installation::Installed(record) => record,
            Installation::Rejected { field, reason } => {
                let reason = String::from_utf8_lossy(reason.as_bytes()).into_owned();
                return Ok(vec![Event::rejected(field, reason)]);
            }
        };
        let mut events = vec![Event::Received(record.name)];
        events.extend(self.await_start(now, &record, from));
        Ok(events)
    }

    /// Has an operator wait for a domain that is about to be started. If the domain runs already, returns the end of the
    /// reply.
    fn await_start(&mut self, now: Instant, record: &DomainRecord, from: RequestId) -> Vec<Event> {
        if record.state != DomainState::Waiting {
            return ended(vec![Event::Started(record.name)]);
        }
        self.dismiss_starter(record.name, "another operator waits for it");
        self.starters.insert(record.name, from);
        self.update_roll_calls(now);
        Vec::new()
    }

    /// Stops a domain.
    pub(crate) fn stop_domain(&mut self, now: Instant, name: Name) -> Reply {
        self.check_not_moving(name)?;
        self.check_not_elsewhere(now, name)?;
        let stopped = self.host.stop(name, false);
        stopped.map_err(|error| format!("{name} is not stopped: {error}"))?;
        self.dismiss_starter(name, "it is stopped");
        self.update_roll_calls(now);
        Ok(vec![Event::Stopped(name)])
    }

    /// Stops a domain that is at home here, if it runs, and starts it afresh.
    pub(crate) fn restart(&mut self, now: Instant, name: Name, from: RequestId) -> Reply {
        self.check_starts_domains()?;
        self.check_not_moving(name)?;
        let refused = |error: RootError| format!("{name} is not restarted: {error}");
        let state = self.host.find(name).map_err(refused)?.state;
        // If an absent domain were restarted here, this machine would start it as soon as the machine that has it loses
        // it, even if its manifest forbids that.
        if matches!(state, DomainState::Waiting | DomainState::Away) {
            return Err(format!(
                "{name} is not here: `start` starts a domain that no machine has"
            ));
        }
        let restarted = self.host.stop(name, true);
        let record = restarted.and_then(|()| self.host.find(name));
        Ok(self.await_start(now, &record.map_err(refused)?, from))
    }

    /// Forgets a domain that came with a package.
    pub(crate) fn remove(&mut self, now: Instant, name: Name) -> Reply {
        self.check_not_moving(name)?;
        let found = self.host.find(name);
        let record = found.map_err(|error| format!("{name}: {error}"))?;
        // No roll call is needed for a domain that this machine never started: no copy of it comes from here.
        let was_started = record.id != DomainId(0);
        if was_started && record.state != DomainState::Stopped {
            self.check_is_lost(now, &record)?;
        }
        let removed = self.host.remove(name);
        removed.map_err(|error| format!("{name} is not removed: {error}"))?;
        self.dismiss_starter(name, "it is removed");
        self.update_roll_calls(now);
        Ok(vec![Event::Removed(name)])
    }

    /// Checks that a domain at home here is on no machine.
    fn check_is_lost(&mut self, now: Instant, record: &DomainRecord) -> Result<(), String> {
        let name = record.name;
        match record.state {
            DomainState::Waiting | DomainState::Away => {
                let calls = &self.roll_calls;
                calls
                    .check_start(now, &self.machines, name, false)
                    .map(drop)
            }
            _ => Err(format!("{name} is {}: stop it first", record.state)),
        }
    }

    /// Checks that a domain at home here does not run on another machine, as far as a roll call knows.
    fn check_not_elsewhere(&self, now: Instant, name: Name) -> Result<(), String> {
        let homes = self.homes(now).into_iter();
        let mut its = homes.filter(|home| home.domain == name);
        let runs = its.find(|home| matches!(home.location, Location::Held { runs: true, .. }));
        runs.map_or(Ok(()), |home| Err(format!("{home}: stop it there")))
    }

    /// Checks that no move of the domain is under way.
    fn check_not_moving(&self, name: Name) -> Result<(), String> {
        let mut entries = self.moves.ledger.entries();
        if entries.any(|entry| entry.offer.name == name) {
            return Err(format!(
                "a move of {name} is not over: cancel it, or try again when it is"
            ));
        }
        Ok(())
    }

    /// Replies to the operators who wait for a start, if their domain is kept from starting or no longer waits.
    pub(crate) fn reply_to_starters(&mut self, now: Instant) {
        let starters = core::mem::take(&mut self.starters);
        for (name, from) in starters {
            let state = self.host.find(name).map(|record| record.state);
            let objection = self.roll_calls.start_objection(now, &self.machines, name);
            match (state, objection) {
                (Ok(DomainState::Waiting), Some(reason)) => {
                    self.reply(from, Err(waits(&reason)));
                }
                (Ok(DomainState::Waiting) | Err(_), _) => _ = self.starters.insert(name, from),
                (Ok(DomainState::Running), _) => {
                    self.reply(from, Ok(ended(vec![Event::Started(name)])));
                }
                (Ok(state), _) => self.reply(from, Err(format!("{name} is {state}"))),
            }
        }
    }

    /// Ends the wait of all operators who wait for a domain.
    pub(crate) fn dismiss_starters(&mut self, reason: &str) {
        let names: Vec<Name> = self.starters.keys().copied().collect();
        for name in names {
            self.dismiss_starter(name, reason);
        }
    }

    /// Ends the wait of the operator who waits for this domain, if there is one.
    fn dismiss_starter(&mut self, name: Name, reason: &str) {
        if let Some(from) = self.starters.remove(&name) {
            self.reply(from, Err(format!("{name} is not started: {reason}")));
        }
    }

    /// Replies to the operator who waits for this domain, if there is one.
    pub(crate) fn reply_to_starter(&mut self, name: Name, started: &Result<(), RootError>) {
        let Some(from) = self.starters.remove(&name) else {
            return;
        };
        let reply = match started {
            Ok(()) => Ok(ended(vec![Event::Started(name)])),
            Err(error) => Err(format!("{name} is not started: {error}")),
        };
        self.reply(from, reply);
    }
}

fn waits(reason: &str) -> String {
    format!("{reason}. It is started as soon as no machine has it")
}
