//! Roll calls: of domains that are at home here but absent, and of those that an operator may force to run.
//!
//! A waiting domain is started as soon as no machine has it. A domain that was sent away and that no machine has any
//! more is lost. It is listed until an operator starts it. For a domain in doubt the roll call lasts as long as the
//! doubt, so that an operator who forces the domain learns which machine runs it.

mod guests;
mod need;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use identity::{Incarnation, Name};
use nomad_client::event::{Finding, HomeStatus, LastCopy, Location, MachineReport, REPORTS_MAX};
use nomad_protocol::{Fleet, Instant, MachineId, Obstacle, Presence, RollCall, Timing, Turn};
use service_protocol::root::{DomainRecord, DomainState};

use crate::discovery::LISTEN_S;
use crate::machines::Machines;

use guests::Learned;
pub use need::{Need, needed};

/// The purpose of a roll call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The domain is at home here: it is started when no machine has it.
    Start,
    /// The domain is at home here and was sent away. If no machine has it, it is lost.
    Watch,
    /// A copy of the domain is here, and its outcome is in doubt.
    Doubt,
}

impl Purpose {
    /// The purpose of a roll call for a domain with this record, if it needs one.
    pub fn of(record: &DomainRecord) -> Option<Purpose> {
        match record.state {
            DomainState::Waiting => Some(Purpose::Start),
            DomainState::Away => Some(Purpose::Watch),
            _ => None,
        }
    }
}

/// What this machine knows about others, for its roll calls.
pub struct Surroundings<'a> {
    /// The fleet.
    pub fleet: &'a Fleet,
    /// The machines of the fleet, and its guests.
    pub machines: &'a mut Machines,
    /// From when on all guests are known that can be reached; `None` while that is not known.
    pub guests_known_from: Option<Instant>,
    /// The machines that do not reply because another one has their name or this machine's.
    pub claimed: BTreeSet<MachineId>,
    /// The settings of a call's timers.
    pub timing: Timing,
}

/// A roll call and the need for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Call {
    need: Need,
    roll: RollCall,
    learned: Learned,
    /// The youngest copy that a machine has reported.
    youngest: Option<(Incarnation, MachineId)>,
}

/// All roll calls of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RollCalls {
    calls: Vec<Call>,
}

impl RollCalls {
    /// Begins a call for each domain that needs one, and ends those that are no longer needed. `draw` draws the first
    /// turn of a call.
    pub fn update(
        &mut self,
        now: Instant,
        needed: BTreeMap<Name, Need>,
        surroundings: Surroundings<'_>,
        mut draw: impl FnMut() -> Turn,
    ) {
        self.calls
            .retain(|call| needed.contains_key(&call.roll.name()));
        for (name, need) in needed {
            let mut calls = self.calls.iter_mut();
            let known = calls.find(|call| call.roll.name() == name);
            if let Some(call) = known {
                if call.need.purpose != need.purpose {
                    call.roll = begin(now, name, draw(), &surroundings);
                    call.youngest = None;
                }
                call.need = need;
            } else {
                let roll = begin(now, name, draw(), &surroundings);
                self.calls.push(Call::new(need, roll));
            }
        }
        self.update_machines(now, surroundings);
    }

    /// The queries to send now.
    pub fn poll_queries(&mut self, now: Instant) -> Vec<(MachineId, Name, Turn)> {
        let mut queries = Vec::new();
        for Call { roll, .. } in &mut self.calls {
            let (name, turn) = (roll.name(), roll.turn());
            let machines = roll.poll_queries(now).into_iter();
            queries.extend(machines.map(|machine| (machine, name, turn)));
        }
        queries
    }

    /// Removes and returns the domains that no machine has and that are to be started.
    pub fn take_ready(&mut self) -> Vec<Name> {
        let is_over = |call: &mut Call| call.need.purpose == Purpose::Start && call.roll.is_over();
        let over = self.calls.extract_if(.., is_over);
        over.map(|call| call.roll.name()).collect()
    }

    /// When to call [`RollCalls::poll_queries`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        let open = self.calls.iter().filter(|call| !call.roll.is_over());
        open.map(|call| call.roll.poll_timeout()).min()
    }

    /// Handles a machine's reply. Returns whether root is to remember the machine: it is a guest that has a domain at home here.
    pub fn handle_reply(
        &mut self,
        now: Instant,
        (from, fleet): (MachineId, &Fleet),
        (name, turn): (Name, Turn),
        presence: Presence,
    ) -> bool {
        let Some(call) = self.calls.iter_mut().find(|call| call.roll.name() == name) else {
            return false;
        };
        // A guest that has the domain counts even if its reply comes after the turn: no turn may have waited for it.
        let is_present = matches!(presence, Presence::Present { .. });
        let is_queried = !fleet.contains(from) && call.roll.queries(from);
        let is_news = is_queried && (is_present || call.roll.turn() == turn);
        let is_remembered = is_news && call.learn(from, presence);
        call.handle_reply(now, from, turn, presence);
        is_remembered
    }

    /// Records that root remembers a guest that has the domain.
    pub fn set_remembered(&mut self, name: Name, guest: MachineId) {
        if let Some(call) = self.calls.iter_mut().find(|call| call.roll.name() == name) {
            call.need.guests.insert(guest);
        }
    }

    /// Forgets the replies of a machine whose name another one claims.
    pub fn forget_replies(&mut self, of: MachineId) {
        let calls = self.calls.iter_mut();
        calls.for_each(|call| call.roll.forget_replies(of));
    }

    /// Forgets all calls, so that they begin again.
    pub fn forget(&mut self) {
        self.calls.clear();
    }

    /// Removes the call of a domain at home here that an operator starts.
    ///
    /// # Errors
    /// As [`RollCalls::check_start`].
    pub fn take_for_start(
        &mut self,
        now: Instant,
        machines: &Machines,
        name: Name,
        is_forced: bool,
    ) -> Result<(), String> {
        let index = self.check_start(now, machines, name, is_forced)?;
        self.calls.remove(index);
        Ok(())
    }

    /// Checks that an operator may start a domain that is at home here; returns the index of its call. With `is_forced` the
    /// operator takes responsibility for silent machines and for copies that do not run.
    ///
    /// # Errors
    /// The reason it may not be started, for the operator.
    pub fn check_start(
        &self,
        now: Instant,
        machines: &Machines,
        name: Name,
        is_forced: bool,
    ) -> Result<usize, String> {
        let is_it = |call: &Call| call.need.purpose != Purpose::Doubt && call.roll.name() == name;
        let index = self.calls.iter().position(is_it);
        let index = index.ok_or_else(|| {
            format!("no machine has been queried about {name} yet: try again in a few seconds")
        })?;
        let call = &self.calls[index];
        let roll = &call.roll;
        if let Some(why) = objection(now, machines, call, is_forced) {
            return Err(why);
        }
        if !is_forced && roll.complete_from().is_none() {
            return Err(format!(
                "this machine has no address yet, and does not know which guests have {name}"
            ));
        }
        // One turn is not enough: the domain may have moved meanwhile to a machine that had already replied.
        if !is_forced && !roll.is_over() {
            return Err(format!(
                "all machines are queried about {name} once more: try again in a few seconds"
            ));
        }
        Ok(index)
    }

    /// The reason a waiting domain is not started, if it is known by now.
    pub fn start_objection(&self, now: Instant, machines: &Machines, name: Name) -> Option<String> {
        let call = self.calls.iter().find(|call| call.roll.name() == name)?;
        let mut obstacles = call.roll.obstacles(now);
        let is_known = obstacles.any(|it| !matches!(it, Obstacle::Pending(_)));
        is_known.then(|| objection(now, machines, call, false))?
    }

    /// The reason an operator may not run the copy of a domain in doubt here, if there is one.
    pub fn objection_to_running(
        &self,
        now: Instant,
        machines: &Machines,
        name: Name,
    ) -> Option<String> {
        let mut calls = self.calls.iter();
        match calls.find(|call| call.roll.name() == name) {
            Some(call) => objection(now, machines, call, true),
            None => Some(format!(
                "no machine has been queried about {name} yet: try again in a few seconds"
            )),
        }
    }

    /// The results of the calls.
    pub fn homes(&self, now: Instant, machines: &Machines) -> Vec<HomeStatus> {
        let calls = self.calls.iter();
        calls.filter_map(|call| call.home(now, machines)).collect()
    }
}

impl Call {
    fn new(need: Need, roll: RollCall) -> Call {
        Call {
            need,
            roll,
            learned: Learned::default(),
            youngest: None,
        }
    }

    fn handle_reply(&mut self, now: Instant, from: MachineId, turn: Turn, presence: Presence) {
        if let Presence::Present { incarnation, .. } = presence
            && self.roll.turn() == turn
        {
            self.youngest = self.youngest.max(Some((incarnation, from)));
        }
        self.roll.handle_reply(now, from, turn, presence);
        if self.roll.is_over() {
            self.forget_found();
        }
    }

    /// The call's result for the operator, if it has one.
    fn home(&self, now: Instant, machines: &Machines) -> Option<HomeStatus> {
        if self.need.purpose == Purpose::Doubt {
            return None;
        }
        let obstacles: Vec<Obstacle> = self.roll.obstacles(now).collect();
        let held = obstacles.iter().filter_map(|obstacle| match *obstacle {
            Obstacle::Held {
                by,
                incarnation,
                runs,
            } => Some((runs, incarnation, by)),
            _ => None,
        });
        // Of several copies, reports the one that runs, or the one that ran last.
        let held = held.max_by_key(|(runs, incarnation, _)| (*runs, *incarnation));
        let location = match held {
            Some((runs, incarnation, by)) => Location::Held {
                by: machines.address_of(by),
                incarnation,
                runs,
            },
            None if self.roll.is_over() => Location::Lost,
            None if obstacles.is_empty() => return None,
            None => {
                let reports = obstacles.iter().map(|obstacle| report(machines, obstacle));
                Location::Unknown(reports.take(REPORTS_MAX).collect())
            }
        };
        let is_absent = !matches!(location, Location::Held { .. });
        let youngest = self.youngest.filter(|_| is_absent);
        Some(HomeStatus {
            domain: self.roll.name(),
            location,
            last: youngest.map(|(incarnation, by)| LastCopy {
                by: machines.address_of(by),
                incarnation,
            }),
        })
    }
}

/// A roll call of the fleet. Guests are added to it by [`RollCalls::update_machines`].
fn begin(now: Instant, name: Name, turn: Turn, surroundings: &Surroundings<'_>) -> RollCall {
    let fleet = surroundings.fleet.machines();
    RollCall::new(now, name, fleet, turn, surroundings.timing)
}

/// The first obstacle to running a domain here, as a text. For an operator who forces the domain to run, silent
/// machines and copies that do not run are not an obstacle, nor is a guest that is up and has not replied for too long.
fn objection(now: Instant, machines: &Machines, call: &Call, is_forced: bool) -> Option<String> {
    let (roll, name) = (&call.roll, call.roll.name());
    let is_accepted = |obstacle: &Obstacle| match *obstacle {
        Obstacle::Silent(_) => is_forced,
        Obstacle::Pending(machine) => is_forced && call.may_override(machine),
        Obstacle::Held { runs, .. } => is_forced && !runs,
    };
    let obstacles: Vec<Obstacle> = roll.obstacles(now).filter(|it| !is_accepted(it)).collect();
    let is_known = |obstacle: &&Obstacle| !matches!(obstacle, Obstacle::Pending(_));
    let first = obstacles.iter().find(is_known).or(obstacles.first());
    let Some(first) = first else {
        let is_early = roll.complete_from().is_some_and(|at| now < at);
        return is_early.then(|| {
            format!("a guest may have {name}, and this machine has listened for guests for less than {LISTEN_S} s: try again in a few seconds")
        });
    };
    Some(match first {
        Obstacle::Pending(guest) if call.may_override(*guest) => {
            let address = address(machines, *guest);
            format!(
                "{address} is up and does not reply about {name}: turn it off, or enter `force {name} run`"
            )
        }
        Obstacle::Pending(machine) => {
            let address = address(machines, *machine);
            format!("{address} has been queried about {name}: try again in a few seconds")
        }
        known => {
            let report = report(machines, known);
            let remedy = match known {
                Obstacle::Held { .. } if report.guest.is_some() => {
                    "move it home, or turn the guest off".into()
                }
                Obstacle::Held { .. } => "stop it there, or try again in a few seconds".into(),
                Obstacle::Silent(_) | Obstacle::Pending(_) => format!(
                    "turn it on, or enter `force {name} run` if you know that it does not have {name}"
                ),
            };
            format!("{report}, so {name} is not run here: {remedy}")
        }
    })
}

fn address(machines: &Machines, machine: MachineId) -> String {
    match (machines.guest_name(machine), machines.address_of(machine)) {
        (Some(guest), _) => guest.to_string(),
        (None, Some(address)) => address.to_string(),
        (None, None) => "a machine".into(),
    }
}

fn report(machines: &Machines, obstacle: &Obstacle) -> MachineReport {
    let (machine, finding) = match obstacle {
        Obstacle::Held { by, runs: true, .. } => (by, Finding::Runs),
        Obstacle::Held { by, .. } => (by, Finding::Holds),
        Obstacle::Silent(machine) | Obstacle::Pending(machine) => (machine, Finding::Silent),
    };
    MachineReport {
        address: machines.address_of(*machine),
        guest: machines.guest_name(*machine),
        finding,
    }
}

#[cfg(test)]
mod tests;
