//! Roll calls: of domains that are at home here and are not here, and of those that an operator may force to run.
//!
//! A domain that waits is started as soon as nobody has it. One that was sent away and that nobody has any more is lost; it is
//! listed until an operator starts it. What is in doubt is asked about as long as the doubt lasts, so that an operator who
//! forces it is told who else runs it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use nomad_protocol::{
    Doubt, Entry, Fleet, Instant, MachineId, Name, Obstacle, RollCall, Standing, Timing, Turn,
};
use service_protocol::root::{DomainRecord, DomainState};

use crate::machines::Machines;

/// Why a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The domain is at home here: it is started when nobody has it.
    Start,
    /// The domain is at home here and was sent away. If nobody has it, it is lost.
    Watch,
    /// A copy of the domain is here, and its fate in doubt.
    Doubt,
}

impl Purpose {
    /// Why a domain with this record is asked for, if it is.
    pub fn of(record: &DomainRecord) -> Option<Purpose> {
        match record.state {
            DomainState::Waiting => Some(Purpose::Start),
            DomainState::Away => Some(Purpose::Watch),
            _ => None,
        }
    }
}

/// A roll call, and why it is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Call {
    purpose: Purpose,
    roll: RollCall,
}

/// All calls of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RollCalls {
    calls: Vec<Call>,
}

/// The domains that others are to be asked about, and why: those of root's that are not here, and those in doubt.
pub fn needed<'a>(
    records: &[DomainRecord],
    entries: impl Iterator<Item = Entry<'a>>,
) -> BTreeMap<Name, Purpose> {
    let homes = records.iter().filter_map(|record| {
        let name = Name::try_new(record.name.as_str()).ok()?;
        Some((name, Purpose::of(record)?))
    });
    let doubted = entries.filter(|entry| entry.doubt.is_some_and(Doubt::has_copy));
    let doubted = doubted.map(|entry| (entry.offer.name.clone(), Purpose::Doubt));
    homes.chain(doubted).collect()
}

impl RollCalls {
    /// Begins a call for each domain that needs one and has none, and ends those that are not needed any more. `draw` draws the
    /// first turn of a call.
    pub fn update(
        &mut self,
        now: Instant,
        needed: BTreeMap<Name, Purpose>,
        (fleet, timing): (&Fleet, Timing),
        mut draw: impl FnMut() -> Turn,
    ) {
        self.calls
            .retain(|call| needed.get(call.roll.name()) == Some(&call.purpose));
        for (name, purpose) in needed {
            if !self.calls.iter().any(|call| *call.roll.name() == name) {
                let roll = RollCall::new(now, name, fleet.machines(), draw(), timing);
                self.calls.push(Call { purpose, roll });
            }
        }
    }

    /// Who is to be asked now, for which domain and in which turn.
    pub fn poll_asks(&mut self, now: Instant) -> Vec<(MachineId, Name, Turn)> {
        let mut asks = Vec::new();
        for Call { roll, .. } in &mut self.calls {
            let (name, turn) = (roll.name().clone(), roll.turn());
            let machines = roll.poll_asks(now).into_iter();
            asks.extend(machines.map(|machine| (machine, name.clone(), turn)));
        }
        asks
    }

    /// Takes the domains that nobody has and that are to be started.
    pub fn take_over(&mut self) -> Vec<Name> {
        let is_over = |call: &mut Call| call.purpose == Purpose::Start && call.roll.is_over();
        let over = self.calls.extract_if(.., is_over);
        over.map(|call| call.roll.name().clone()).collect()
    }

    /// When to ask again.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let open = self.calls.iter().filter(|call| !call.roll.is_over());
        open.map(|call| call.roll.poll_timeout()).min()
    }

    /// A machine has answered.
    pub fn heard(
        &mut self,
        now: Instant,
        from: MachineId,
        (name, turn): (&Name, Turn),
        standing: Standing,
    ) {
        if let Some(call) = self.calls.iter_mut().find(|call| call.roll.name() == name) {
            call.roll.heard(now, from, turn, standing);
        }
    }

    /// Takes a domain that is at home here and is to be started by order; `is_forced`: the operator answers for machines that say
    /// nothing, and for copies that stand still.
    ///
    /// # Errors
    /// Why not.
    pub fn take_by_order(
        &mut self,
        now: Instant,
        machines: &Machines,
        name: &str,
        is_forced: bool,
    ) -> Result<(), String> {
        let is_it =
            |call: &Call| call.purpose != Purpose::Doubt && call.roll.name().as_str() == name;
        let index = self.calls.iter().position(is_it);
        let index = index.ok_or_else(|| format!("nothing is in doubt about {name} here"))?;
        let roll = &self.calls[index].roll;
        if let Some(why) = objection(now, machines, roll, is_forced) {
            return Err(why);
        }
        // One turn of no is not enough: it may have gone, while it was asked for, to one that had said so.
        if !is_forced && !roll.is_over() {
            return Err(format!(
                "all machines are asked about {name} once more: say it again in some seconds"
            ));
        }
        self.calls.remove(index);
        Ok(())
    }

    /// Why an operator may not have the copy of a domain run that is here, and whose fate is in doubt.
    pub fn objection_to_running(
        &self,
        now: Instant,
        machines: &Machines,
        name: &str,
    ) -> Option<String> {
        let mut calls = self.calls.iter();
        match calls.find(|call| call.roll.name().as_str() == name) {
            Some(call) => objection(now, machines, &call.roll, true),
            None => Some(format!(
                "no machine has been asked about {name} yet: say it again in some seconds"
            )),
        }
    }

    /// What each call has come to, a line each.
    pub fn lines(&self, now: Instant, machines: &Machines) -> Vec<String> {
        let calls = self.calls.iter();
        calls.filter_map(|call| call.line(now, machines)).collect()
    }
}

impl Call {
    /// What an operator reads of it, if there is something to be known.
    fn line(&self, now: Instant, machines: &Machines) -> Option<String> {
        if self.purpose == Purpose::Doubt {
            return None;
        }
        let name = self.roll.name().as_str();
        let obstacles: Vec<Obstacle> = self.roll.obstacles(now).collect();
        let held = obstacles.iter().filter_map(|obstacle| match *obstacle {
            Obstacle::Held {
                by,
                incarnation,
                runs,
            } => Some((runs, incarnation.0, by)),
            _ => None,
        });
        // Of several copies the one that runs, or was to run last.
        let held = held.max_by_key(|(runs, incarnation, _)| (*runs, *incarnation));
        let missing: Vec<String> = obstacles
            .iter()
            .map(|obstacle| excuse(machines, obstacle))
            .collect();
        Some(match held {
            Some((runs, incarnation, by)) => {
                let at = address(machines, by);
                let stands = if runs { "" } else { ", and stands still" };
                format!("home {name} at {at}, incarnation {incarnation}{stands}")
            }
            None if self.roll.is_over() => format!("home {name} lost: no machine has it"),
            None if missing.is_empty() => return None,
            None => format!("home {name} in doubt: {}", missing.join(", ")),
        })
    }
}

/// Who keeps a domain from being run here. Who says nothing for long keeps only those from it who do not force it; a copy that
/// stands still nobody who settles a doubt.
fn objection(
    now: Instant,
    machines: &Machines,
    roll: &RollCall,
    is_forced: bool,
) -> Option<String> {
    let name = roll.name().as_str();
    let answers_for = |obstacle: &Obstacle| match obstacle {
        Obstacle::Silent(_) | Obstacle::Held { runs: false, .. } => is_forced,
        Obstacle::Asked(_) | Obstacle::Held { .. } => false,
    };
    let obstacles: Vec<Obstacle> = roll.obstacles(now).filter(|it| !answers_for(it)).collect();
    let is_known = |obstacle: &&Obstacle| !matches!(obstacle, Obstacle::Asked(_));
    let first = obstacles.iter().find(is_known).or(obstacles.first())?;
    Some(match first {
        Obstacle::Asked(machine) => {
            let who = address(machines, *machine);
            format!("{who} has been asked about {name}: say it again in some seconds")
        }
        known => format!("{}, so {name} is not run here", excuse(machines, known)),
    })
}

fn address(machines: &Machines, machine: MachineId) -> String {
    let address = machines.address_of(machine);
    address.map_or_else(|| "a machine".into(), |address| address.to_string())
}

fn excuse(machines: &Machines, obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::Held { by, runs: true, .. } => format!("{} runs it", address(machines, *by)),
        Obstacle::Held { by, .. } => format!("{} holds it", address(machines, *by)),
        Obstacle::Silent(machine) | Obstacle::Asked(machine) => {
            format!("{} does not answer", address(machines, *machine))
        }
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use abi::register::PageCount;
    use nomad_protocol::{
        CpuFeatures, DomainId, Incarnation, Offer, PhaseName, Side, Sizes, TransactionId, Versions,
    };
    use service_protocol::root;

    use super::*;
    use crate::machines::Neighbour;

    const NAME: &str = "counter";

    fn name() -> Name {
        Name::try_new(NAME).expect("a name")
    }

    fn machines() -> Machines {
        let own = Neighbour {
            name: "a".into(),
            address: Ipv4Addr::new(10, 77, 0, 1),
            id: MachineId([1; 32]),
        };
        Machines::new(own, Vec::new())
    }

    fn offer() -> Offer {
        Offer {
            domain: DomainId(1),
            incarnation: Incarnation(1),
            name: name(),
            sizes: Sizes {
                pool_bytes: 1,
                pages: 1,
                threads: 1,
                slots: 1,
            },
            versions: Versions { image: 1, abi: 1 },
            cpu: CpuFeatures::default(),
            fleet: Fleet::new([]).id(),
        }
    }

    fn record(state: DomainState) -> DomainRecord {
        DomainRecord {
            name: service_protocol::Name::try_new(NAME).expect("a name"),
            id: root::DomainId([1; 16]),
            incarnation: 1,
            state,
            movable: true,
            home: None,
            pages: PageCount(0),
            spent: PageCount(0),
        }
    }

    /// Why others are asked about a domain at home here, of which a transaction is in such doubt.
    fn purpose(state: DomainState, doubt: Doubt) -> Option<Purpose> {
        let offer = offer();
        let entry = Entry {
            transaction: TransactionId(7),
            side: Side::Source,
            peer: MachineId([2; 32]),
            offer: &offer,
            phase: PhaseName::Release,
            doubt: Some(doubt),
            is_about_to_run: false,
        };
        needed(&[record(state)], [entry].into_iter()).remove(&name())
    }

    #[test]
    fn a_domain_that_has_left_is_missed_though_its_target_is_silent() {
        let missed = purpose(DomainState::Waiting, Doubt::NotHeard);
        assert_eq!(missed, Some(Purpose::Start));
        let missed = purpose(DomainState::Away, Doubt::NotHeard);
        assert_eq!(missed, Some(Purpose::Watch));
        let doubted = purpose(DomainState::Exported, Doubt::Silent);
        assert_eq!(doubted, Some(Purpose::Doubt));
    }

    /// A roll call that other machines have answered so: the incarnation of their copy, and whether it runs.
    fn answered(now: Instant, answers: &[(u64, bool)]) -> RollCall {
        let machine = |index: usize| MachineId([2 + index as u8; 32]);
        let others = (0..answers.len()).map(machine);
        let mut roll = RollCall::new(now, name(), others, Turn(1), Timing::STANDARD);
        roll.poll_asks(now);
        for (index, (incarnation, runs)) in answers.iter().enumerate() {
            let standing = Standing::Holds {
                incarnation: Incarnation(*incarnation),
                runs: *runs,
            };
            roll.heard(now, machine(index), Turn(1), standing);
        }
        roll
    }

    /// Whether an operator may start the domain here though another machine has answered so.
    fn may_start(runs: bool, is_forced: bool) -> bool {
        let now = Instant::from_us(0);
        let roll = answered(now, &[(1, runs)]);
        objection(now, &machines(), &roll, is_forced).is_none()
    }

    #[test]
    fn a_home_lists_the_copy_that_runs_and_says_of_one_that_does_not_that_it_stands_still() {
        let line = |answers: &[(u64, bool)]| {
            let now = Instant::from_us(0);
            let (purpose, roll) = (Purpose::Watch, answered(now, answers));
            Call { purpose, roll }.line(now, &machines())
        };
        let runs = line(&[(1, false), (2, true), (3, false)]).expect("it is known");
        assert!(runs.ends_with("incarnation 2"), "{runs}");
        let stands = line(&[(1, false), (3, false)]).expect("it is known");
        assert!(
            stands.ends_with("incarnation 3, and stands still"),
            "{stands}"
        );
    }

    #[test]
    fn only_a_copy_that_stands_still_elsewhere_may_be_passed_over_and_only_by_force() {
        let held = [(true, false), (true, true), (false, false), (false, true)];
        let may_start = held.map(|(runs, is_forced)| may_start(runs, is_forced));
        assert_eq!(may_start, [false, false, false, true]);
    }

    #[test]
    fn nothing_is_forced_to_run_before_others_are_asked() {
        let calls = RollCalls::default();
        let objection = calls.objection_to_running(Instant::from_us(0), &machines(), NAME);
        assert!(objection.is_some());
    }
}
