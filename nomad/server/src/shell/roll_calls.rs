//! Roll calls: of domains that are at home here and are not here, and of those that an operator may force to run.
//!
//! A domain that waits is started as soon as nobody has it. One that was sent away and that nobody has any more is lost; it is
//! listed until an operator starts it. What is in doubt is asked about as long as the doubt lasts, so that an operator who
//! forces it is told who else runs it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use nomad_image::Name;
use nomad_protocol::{
    Envelope, Incarnation, Instant, MachineId, Message, Obstacle, RollCall, Standing, Timing, Turn,
};
use runtime::protocol::root::{DomainRecord, DomainState, Refusal};

use crate::root::RootError;
use crate::shell::{Shell, now};

/// Why a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The domain is at home here: it is started when nobody has it.
    Start,
    /// The domain is at home here and was sent away. If nobody has it, it is lost.
    Watch,
    /// A copy of the domain is here, and its fate in doubt.
    Doubt,
}

/// A roll call, and why it is made.
pub struct Call {
    purpose: Purpose,
    roll: RollCall,
}

impl Call {
    /// What an operator reads of it, if there is something to be known.
    fn line(&self, shell: &Shell) -> Option<String> {
        if self.purpose == Purpose::Doubt {
            return None;
        }
        let name = self.roll.name().as_str();
        let obstacles: Vec<Obstacle> = self.roll.obstacles(now()).collect();
        let held = obstacles.iter().find_map(|obstacle| match obstacle {
            Obstacle::Held {
                by, incarnation, ..
            } => Some((shell.address(*by), incarnation.0)),
            _ => None,
        });
        let missing: Vec<String> = obstacles
            .iter()
            .filter_map(|obstacle| shell.excuse(obstacle))
            .collect();
        Some(match held {
            Some((at, incarnation)) => format!("home {name} at {at}, incarnation {incarnation}"),
            None if self.roll.is_over() => format!("home {name} lost: no machine has it"),
            None if missing.is_empty() => return None,
            None => format!("home {name} in doubt: {}", missing.join(", ")),
        })
    }
}

/// Why a domain with this record is asked for, if it is.
fn purpose_of(record: &DomainRecord) -> Option<Purpose> {
    match record.state {
        DomainState::Waiting => Some(Purpose::Start),
        DomainState::Away => Some(Purpose::Watch),
        _ => None,
    }
}

impl Shell {
    /// Begins a roll call for each domain that needs one and has none, and ends those that are not needed any more.
    pub fn update_roll_calls(&self) {
        let needed = match self.machine.root.all() {
            Ok(records) => self.needed_calls(&records),
            Err(error) => return log::error!("root does not list its domains: {error}"),
        };
        let mut calls = self.roll_calls.borrow_mut();
        calls.retain(|call| needed.get(call.roll.name()) == Some(&call.purpose));
        for (name, purpose) in needed {
            if !calls.iter().any(|call| *call.roll.name() == name) {
                calls.push(self.call(name, purpose));
            }
        }
    }

    /// The domains that others are to be asked about, and why.
    fn needed_calls(&self, records: &[DomainRecord]) -> BTreeMap<nomad_protocol::Name, Purpose> {
        let homes = records.iter().filter_map(|record| {
            let name = nomad_protocol::Name::try_new(record.name.as_str()).ok()?;
            Some((name, purpose_of(record)?))
        });
        let ledger = self.ledger.borrow();
        let doubted = ledger.entries().filter(|entry| entry.doubt.is_some());
        let doubted = doubted.map(|entry| (entry.offer.name.clone(), Purpose::Doubt));
        homes.chain(doubted).collect()
    }

    fn call(&self, name: nomad_protocol::Name, purpose: Purpose) -> Call {
        let turn = Turn(self.draw_number() as u64);
        let fleet = self.ledger.borrow().here().fleet.clone();
        let roll = RollCall::new(now(), name, fleet.machines(), turn, Timing::default());
        Call { purpose, roll }
    }

    /// Asks who is to be asked, and has root start what nobody has.
    pub fn call_rolls(&self) {
        let mut asks = Vec::new();
        for call in self.roll_calls.borrow_mut().iter_mut() {
            let message = Message::Asks(call.roll.name().clone(), call.roll.turn());
            let machines = call.roll.poll_asks(now());
            asks.extend(machines.into_iter().map(|to| (to, message.clone())));
        }
        for (to, message) in asks {
            self.tell_machine(to, message);
        }
        let is_over = |call: &mut Call| call.purpose == Purpose::Start && call.roll.is_over();
        let over: Vec<Call> = self
            .roll_calls
            .borrow_mut()
            .extract_if(.., is_over)
            .collect();
        for call in over {
            self.start(call.roll.name().as_str());
        }
    }

    /// When to call them again.
    pub fn next_roll(&self) -> Option<Instant> {
        let calls = self.roll_calls.borrow();
        let open = calls.iter().filter(|call| !call.roll.is_over());
        open.map(|call| call.roll.poll_timeout()).min()
    }

    /// Another machine asks for a domain.
    pub fn answer_roll(&self, from: MachineId, name: nomad_protocol::Name, turn: Turn) {
        if let Some(standing) = self.standing(&name) {
            self.tell_machine(from, Message::Answers(name.clone(), turn, standing));
        }
        self.ledger.borrow_mut().ask_about(now(), from, &name);
    }

    /// What this machine is to a domain of this name; nothing if that is not known: who asks goes on asking.
    fn standing(&self, name: &nomad_protocol::Name) -> Option<Standing> {
        let found = Name::try_new(name.as_str()).map(|name| self.machine.root.find(name));
        match found {
            Some(Ok((record, _))) if purpose_of(&record).is_none() => Some(Standing::Holds {
                incarnation: Incarnation(record.incarnation),
                runs: record.state == DomainState::Running,
            }),
            None | Some(Ok(_) | Err(RootError::Refused(Refusal::NoSuchDomain))) => {
                Some(self.ledger.borrow().lacking())
            }
            Some(Err(error)) => {
                log::warn!("{}: {error}", name.as_str());
                None
            }
        }
    }

    /// A machine has answered.
    pub fn hear_roll(
        &self,
        from: MachineId,
        name: &nomad_protocol::Name,
        turn: Turn,
        standing: Standing,
    ) {
        let mut calls = self.roll_calls.borrow_mut();
        if let Some(call) = calls.iter_mut().find(|call| call.roll.name() == name) {
            call.roll.heard(now(), from, turn, standing);
        }
    }

    /// An operator has a domain started that is at home here and that no machine has, or answers for those that say nothing:
    /// `is_forced`.
    ///
    /// # Errors
    /// Why not.
    pub fn start_by_order(&self, name: Name, is_forced: bool) -> Result<(), String> {
        let mut calls = self.roll_calls.borrow_mut();
        let about = |call: &Call| {
            call.purpose != Purpose::Doubt && call.roll.name().as_str() == name.as_str()
        };
        let index = calls.iter().position(about);
        let index = index.ok_or_else(|| format!("nothing is in doubt about {name} here"))?;
        if let Some(why) = self.objection(&calls[index].roll, is_forced) {
            return Err(why);
        }
        // One turn of no is not enough: it may have gone, while it was asked for, to one that had said so.
        if !is_forced && !calls[index].roll.is_over() {
            return Err(format!(
                "all machines are asked about {name} once more: say it again in some seconds"
            ));
        }
        calls.remove(index);
        drop(calls);
        self.start(name.as_str());
        Ok(())
    }

    /// Why an operator may not have the copy of a domain run that is here, and whose fate is in doubt.
    pub fn objection_to_running(&self, name: &str) -> Option<String> {
        let calls = self.roll_calls.borrow();
        let call = calls
            .iter()
            .find(|call| call.roll.name().as_str() == name)?;
        self.objection(&call.roll, true)
    }

    /// Who keeps a domain from being run here. Who says nothing for long keeps only those from it who do not force it; a copy that
    /// stands still nobody who settles a doubt.
    fn objection(&self, roll: &RollCall, is_forced: bool) -> Option<String> {
        let name = roll.name().as_str();
        roll.obstacles(now()).find_map(|obstacle| match obstacle {
            Obstacle::Asked(machine) => {
                let who = self.address(machine);
                Some(format!(
                    "{who} has been asked about {name}: say it again in some seconds"
                ))
            }
            Obstacle::Silent(_) if is_forced => None,
            Obstacle::Held { runs: false, .. } if is_forced => None,
            obstacle => self
                .excuse(&obstacle)
                .map(|excuse| format!("{excuse}, so {name} is not run here")),
        })
    }

    /// What each call has come to, a line each.
    pub fn roll_lines(&self) -> Vec<String> {
        let calls = self.roll_calls.borrow();
        calls.iter().filter_map(|call| call.line(self)).collect()
    }

    fn address(&self, machine: MachineId) -> String {
        let address = self.keys.address_of(machine);
        address.map_or_else(|| "a machine".into(), |address| address.to_string())
    }

    fn excuse(&self, obstacle: &Obstacle) -> Option<String> {
        match obstacle {
            Obstacle::Held { by, runs: true, .. } => Some(format!("{} runs it", self.address(*by))),
            Obstacle::Held { by, .. } => Some(format!("{} holds it", self.address(*by))),
            Obstacle::Silent(machine) | Obstacle::Asked(machine) => {
                Some(format!("{} does not answer", self.address(*machine)))
            }
        }
    }

    fn start(&self, name: &str) {
        let Some(name) = Name::try_new(name) else {
            return log::error!("{name:?} is no name of a domain");
        };
        match self.machine.root.start(name) {
            // It came from another machine meanwhile.
            Ok(()) | Err(RootError::Refused(Refusal::AlreadyHere)) => {}
            Err(error) => log::error!("{name} is not started: {error}"),
        }
    }

    /// Says something to a machine; this one answers itself.
    fn tell_machine(&self, to: MachineId, message: Message) {
        let here = self.ledger.borrow().here().clone();
        match message {
            Message::Asks(name, turn) if to == here.machine => {
                if let Some(standing) = self.standing(&name) {
                    self.hear_roll(to, &name, turn, standing);
                }
            }
            message => {
                let boot = here.boot;
                self.send(to, &Envelope { boot, message }.encode());
            }
        }
    }
}
