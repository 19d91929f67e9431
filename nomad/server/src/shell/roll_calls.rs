//! Domains that are at home on this machine and may be on another: they are started when no machine of the fleet has them.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use nomad_image::Name;
use nomad_protocol::{Attendance, Envelope, Instant, MachineId, Message, RollCall, Timing};
use runtime::protocol::root::{DomainState, Refusal};

use crate::machine::Machine;
use crate::root::RootError;
use crate::shell::{Shell, now};

/// A roll call for each domain that root has waiting.
pub fn of_waiting(machine: Machine, fleet: &[MachineId]) -> Vec<RollCall> {
    let mut calls = Vec::new();
    for index in 0.. {
        let record = match machine.root.at(index) {
            Ok(Some(record)) => record,
            Ok(None) => break,
            Err(error) => {
                log::error!("root does not list its domains: {error}");
                break;
            }
        };
        let name = nomad_protocol::Name::try_new(record.name.as_str());
        if let (DomainState::Waiting, Ok(name)) = (record.state, name) {
            let fleet = fleet.iter().copied();
            calls.push(RollCall::new(now(), name, fleet, Timing::default()));
        }
    }
    calls
}

impl Shell {
    /// Asks who is to be asked, and has root start what nobody has.
    pub fn call_rolls(&self) {
        let mut asked = Vec::new();
        let mut calls = self.roll_calls.borrow_mut();
        for call in calls.iter_mut() {
            let asks = Message::Asks(call.name().clone());
            let machines = call.poll_asks(now());
            asked.extend(machines.into_iter().map(|to| (to, asks.clone())));
        }
        let over = calls.extract_if(.., |call| call.is_over());
        let over: Vec<RollCall> = over.collect();
        drop(calls);
        for (to, message) in asked {
            self.tell_machine(to, message);
        }
        for call in over {
            self.start(call.name());
        }
    }

    /// When to call them again.
    pub fn next_roll(&self) -> Option<Instant> {
        let calls = self.roll_calls.borrow();
        calls.iter().map(RollCall::poll_timeout).min()
    }

    /// The home of a domain asks for it.
    pub fn answer_roll(&self, from: MachineId, name: nomad_protocol::Name) {
        let found = Name::try_new(name.as_str()).map(|name| self.machine.root.find(name));
        let answer = match found {
            Some(Ok((record, _))) if record.state != DomainState::Waiting => {
                Message::Holds(name.clone())
            }
            None | Some(Ok(_) | Err(RootError::Refused(Refusal::NoSuchDomain))) => {
                Message::Lacks(name.clone())
            }
            // Nobody knows: the home goes on asking.
            Some(Err(error)) => return log::warn!("{}: {error}", name.as_str()),
        };
        self.tell_machine(from, answer);
        self.ledger.borrow_mut().ask_about(now(), from, &name);
    }

    /// A machine has answered.
    pub fn hear_roll(&self, from: MachineId, name: &nomad_protocol::Name, attendance: Attendance) {
        let mut calls = self.roll_calls.borrow_mut();
        let mut about = calls.iter_mut().filter(|call| call.name() == name);
        if let Some(call) = about.next() {
            call.heard(from, attendance);
        }
    }

    /// An operator answers for the machines that have not said no. Says whether one was waiting for them.
    pub fn force_start(&self, name: Name) -> bool {
        let mut calls = self.roll_calls.borrow_mut();
        let about = |call: &RollCall| call.name().as_str() == name.as_str();
        let Some(forced) = calls.iter().position(about) else {
            return false;
        };
        let call = calls.remove(forced);
        drop(calls);
        self.start(call.name());
        true
    }

    /// What keeps domains from being started, a line each.
    pub fn roll_lines(&self) -> Vec<String> {
        let calls = self.roll_calls.borrow();
        let line = |call: &RollCall| {
            let missing: Vec<String> = call.missing().map(|missing| self.excuse(missing)).collect();
            let (name, missing) = (call.name().as_str(), missing.join(", "));
            format!("home {name} in doubt: {missing}")
        };
        calls.iter().map(line).collect()
    }

    fn excuse(&self, (machine, attendance): (MachineId, Attendance)) -> String {
        let address = self.keys.address_of(machine);
        let who = address.map_or_else(|| "a machine".into(), |address| address.to_string());
        match attendance {
            Attendance::Holds => format!("{who} holds it"),
            _ => format!("{who} does not answer"),
        }
    }

    fn start(&self, name: &nomad_protocol::Name) {
        let Some(name) = Name::try_new(name.as_str()) else {
            return;
        };
        match self.machine.root.start(name) {
            // It came from another machine meanwhile.
            Ok(()) | Err(RootError::Refused(Refusal::AlreadyHere)) => {}
            Err(error) => log::error!("{name} is not started: {error}"),
        }
    }

    fn tell_machine(&self, to: MachineId, message: Message) {
        let boot = self.ledger.borrow().here().boot;
        self.send(to, &Envelope { boot, message }.encode());
    }
}
