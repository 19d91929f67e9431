//! A seeded simulation: the real ledgers on several machines, with time, a bad network, crashes, and domains that write.
//!
//! One seed is one run, the same on every machine. A run has three parts: moves under [`Faults`]; quiet, in which all
//! must settle as [`judge`] demands; and an epilogue without faults (`epilogue`), in which an operator settles every
//! doubt, nothing may be left over, and every domain that runs must move once more.
//!
//! `agenda` is what will happen and when, `events` what it does, `effects` what the machines do in answer.

mod agenda;
pub mod clock;
mod effects;
mod epilogue;
mod events;
mod node;

use std::collections::{BTreeMap, BTreeSet};

use identity::DomainId;
use nomad_protocol::planner::Goals;
use nomad_protocol::{Instant, PhaseName, Timing, TransactionId};

use crate::faults::{Faults, Scale};
use crate::history::Violation;
use crate::machine::Mutant;
use crate::outcome::{End, Outcome, Wrong, judge};
use crate::random::Random;
use crate::root::Restart;
use crate::world::{Setup, World};

use agenda::Agenda;
use node::Node;

const PAGES: usize = 64;
/// Room for something on its way in beside all domains.
const SPARE_PAGES: usize = 32;
const COPY_PAGES: usize = 8;
/// Slots for records: more than a run ever needs.
const RECORDS: usize = 16;
/// So few that one transaction alone has a record: one slot is for replacing it.
const FEW_RECORDS: usize = 2;
const COPY_EVERY_US: u64 = 100;
/// How often a domain runs a step while some domain is being moved.
const STEP_EVERY_US: u64 = 170;
/// How often otherwise: nothing of what is checked depends on it.
const IDLE_STEP_EVERY_US: u64 = 10_000;
/// A run that is not settled after this time is stuck.
const PATIENCE_US: u64 = 60_000_000;
/// How often the world is judged in the quiet.
const JUDGE_EVERY_US: u64 = 100_000;

const TIMING: Timing = Timing {
    repeat_first_us: 5_000,
    repeat_max_us: 100_000,
    admit_limit_us: 2_000_000,
    round_limit_us: 3_000_000,
    freeze_limit_us: 1_000_000,
    receive_limit_us: 4_000_000,
    silence_limit_us: 500_000,
    release_limit_us: 1_000_000,
};

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Something happened that must not.
    Violation(DomainId, Violation),
    /// It did not settle, or not as it should.
    Settled(Wrong),
    /// Without any fault a move did not succeed.
    SecondMove(DomainId, End),
    /// An operator did not settle a doubt, and was told this at last.
    NotForced(String),
    /// An operator did not have a domain started that is lost, and was told this at last.
    NotStarted(String),
}

/// What a run was like, to know what a set of seeds has covered.
#[derive(Clone, Debug)]
pub struct Report {
    /// How the moves under faults ended for each domain.
    pub outcomes: Vec<Outcome>,
    /// Crashes: the phase that the crashed machine was in, and what crashed.
    pub crashes: BTreeSet<(String, &'static str)>,
    /// Why moves were aborted, by name.
    pub aborts: BTreeSet<String>,
    /// Freezes that had to be replaced.
    pub replaced: usize,
    /// Steps that failed, by name.
    pub failed: BTreeSet<String>,
    /// Pauses of a machine that had a move under way.
    pub pauses: usize,
    /// Stale copies that were in doubt at the end.
    pub stale: usize,
}

/// A run.
pub struct Simulation {
    world: World,
    random: Random,
    faults: Faults,
    now: Instant,
    agenda: Agenda,
    nodes: Vec<Node>,
    is_cut: bool,
    /// Streams keep their order: no parcel arrives before this.
    arrive_after: BTreeMap<TransactionId, Instant>,
    /// nomad dies between the two writes of the record that is being kept.
    is_torn: bool,
    /// Every action and every crash is printed.
    is_traced: bool,
    report: Report,
}

/// Runs a seed at the default scale, with the faults that it draws.
pub fn run(seed: u64) -> Result<Report, Failure> {
    run_mutant(seed, Scale::DEFAULT, Mutant::None)
}

/// Runs a seed at some scale, on machines that break a rule.
pub fn run_mutant(seed: u64, scale: Scale, mutant: Mutant) -> Result<Report, Failure> {
    let mut random = Random::new(seed);
    let faults = Faults::of_seed(seed, scale, &mut random);
    Simulation::new(random, faults, mutant).run()
}

/// Runs a seed at some scale and prints every action and every crash.
pub fn trace(seed: u64, scale: Scale) -> Result<Report, Failure> {
    let mut random = Random::new(seed);
    let faults = Faults::of_seed(seed, scale, &mut random);
    let mut simulation = Simulation::new(random, faults, Mutant::None);
    simulation.is_traced = true;
    simulation.run()
}

/// Runs with these faults.
pub fn run_with(seed: u64, faults: Faults) -> Result<Report, Failure> {
    Simulation::new(Random::new(seed), faults, Mutant::None).run()
}

fn setup(faults: &Faults, mutant: Mutant) -> Setup {
    let Scale { machines, domains } = faults.scale;
    let mut pool_pages = vec![(domains * PAGES + SPARE_PAGES) as u64; machines];
    if faults.small_pool {
        pool_pages[machines - 1] = PAGES as u64 - 1;
    }
    Setup {
        pages: PAGES,
        pool_pages,
        starts: (0..domains).collect(),
        goals: Goals {
            downtime_us: 300,
            overhead_us: 50,
            rounds_max: 8,
        },
        timing: TIMING,
        freeze_us: faults.freeze_us,
        homes: (0..domains)
            .map(|domain| (domain, restart(domain)))
            .collect(),
        copy_pages: COPY_PAGES,
        record_slots: match faults.few_records {
            true => FEW_RECORDS,
            false => RECORDS,
        },
        mutant,
    }
}

/// What becomes of a domain that is lost: of the first its home, of the others an operator starts another one.
fn restart(domain: usize) -> Restart {
    match domain {
        0 => Restart::Always,
        _ => Restart::Never,
    }
}

/// A world, and in its machines what is wrong with them.
fn world(faults: &Faults, mutant: Mutant) -> World {
    let mut world = World::new(&setup(faults, mutant));
    for machine in &mut world.machines {
        let number = machine.number;
        let hardware = machine.hardware_mut();
        let local = faults.local.iter();
        hardware.local = local
            .filter(|fault| fault.machine == number)
            .copied()
            .collect();
        let root = faults.root.iter();
        hardware.root_faults = root
            .filter(|fault| fault.machine == number)
            .copied()
            .collect();
    }
    world
}

impl Simulation {
    fn new(random: Random, faults: Faults, mutant: Mutant) -> Self {
        Simulation {
            world: world(&faults, mutant),
            random,
            now: Instant::from_us(0),
            agenda: Agenda::of(&faults),
            nodes: faults
                .clock_permille
                .iter()
                .map(|rate| Node::new(*rate))
                .collect(),
            faults,
            is_cut: false,
            arrive_after: BTreeMap::new(),
            is_torn: false,
            is_traced: false,
            report: Report {
                outcomes: Vec::new(),
                crashes: BTreeSet::new(),
                aborts: BTreeSet::new(),
                replaced: 0,
                failed: BTreeSet::new(),
                pauses: 0,
                stale: 0,
            },
        }
    }

    fn run(mut self) -> Result<Report, Failure> {
        self.advance_faults()?;
        let ends = self.settle()?;
        self.report.outcomes = ends.values().map(|end| end.outcome).collect();
        self.report.stale = ends.values().map(|end| end.stale.len()).sum();
        self.epilogue(&ends)?;
        Ok(self.report)
    }

    /// Lets everything happen until the faults are over, or until there is nothing left for them to strike.
    fn advance_faults(&mut self) -> Result<(), Failure> {
        let end_us = self.faults.end_us();
        while self.now.as_us() < end_us {
            if self.is_idle() {
                self.agenda.forget_faults();
                self.end_faults();
                return Ok(());
            }
            self.advance(end_us.min(self.now.as_us() + JUDGE_EVERY_US))?;
        }
        Ok(())
    }

    /// Is no move under way or planned, and no fault planned that strikes without one?
    fn is_idle(&self) -> bool {
        let machines = || self.world.machines.iter();
        let is_moving =
            machines().any(|machine| machine.shell.moves.ledger.entries().next().is_some());
        let is_frozen = machines().any(|machine| machine.hardware().next_due().is_some());
        !is_moving && !is_frozen && self.agenda.is_idle()
    }

    /// Lets time pass until all is settled, and judges.
    fn settle(&mut self) -> Result<BTreeMap<DomainId, End>, Failure> {
        let give_up_us = self.now.as_us() + PATIENCE_US;
        loop {
            match judge(&self.world, |machine| self.local(machine)) {
                Ok(ends) => return Ok(ends),
                Err(wrong) if self.now.as_us() >= give_up_us => {
                    return Err(Failure::Settled(wrong));
                }
                Err(_) => self.advance(self.now.as_us() + JUDGE_EVERY_US)?,
            }
        }
    }

    /// Lets everything happen until then.
    fn advance(&mut self, until_us: u64) -> Result<(), Failure> {
        while self.next_at().is_some_and(|at| at.as_us() <= until_us) {
            self.proceed();
            if let Some((domain, violation)) = &self.world.history.violation {
                return Err(Failure::Violation(*domain, violation.clone()));
            }
        }
        self.now = self.now.max(Instant::from_us(until_us));
        Ok(())
    }

    fn next_at(&self) -> Option<Instant> {
        let due = self.agenda.next_at();
        let machines = (0..self.nodes.len()).filter_map(|machine| self.next_on(machine));
        due.into_iter().chain(machines).min()
    }

    /// When a machine's kernel or nomad acts of itself.
    fn next_on(&self, machine: usize) -> Option<Instant> {
        let node = &self.nodes[machine];
        let machine = &self.world.machines[machine];
        let deadline = machine.hardware().next_due();
        let deadline = deadline.map(|due| node.clock.reaches(due).max(node.paused_until));
        let timeout = machine.shell.poll_timeout();
        let timeout = timeout.map(|due| node.acts_at(due));
        deadline.into_iter().chain(timeout).min()
    }

    /// Lets the next thing happen, and the machines act on it.
    fn proceed(&mut self) {
        let Some(at) = self.next_at() else {
            return;
        };
        self.now = self.now.max(at);
        match self.agenda.take(at) {
            Some(due) => self.happen(due),
            None => self.pass_time(),
        }
        self.act();
    }

    fn pass_time(&mut self) {
        for machine in 0..self.nodes.len() {
            let node = &self.nodes[machine];
            let local = node.clock.shows(self.now);
            if !node.is_paused(self.now) {
                self.world.pass_deadlines(machine, Some(local));
            }
        }
        for machine in 0..self.nodes.len() {
            if self.nodes[machine].is_active(self.now) {
                let local = self.local(machine);
                let effects = self.world.pass_timeouts(local, machine);
                self.pass_on(machine, effects, false);
            }
        }
    }

    /// Prints what happens on a machine, if the run is traced.
    fn trace(&self, machine: usize, what: impl FnOnce() -> String) {
        if self.is_traced {
            println!("{:>9} us  machine {machine}  {}", self.now.as_us(), what());
        }
    }

    /// What a machine's clock shows now.
    fn local(&self, machine: usize) -> Instant {
        self.nodes[machine].clock.shows(self.now)
    }
}

/// Every phase that a crash can strike, by side.
pub fn phases_to_strike() -> Vec<String> {
    use PhaseName::*;
    let source = [Offer, Rounds, Freeze, Commit, Release].map(|phase| format!("Source {phase:?}"));
    let destination =
        [Admit, Receive, Verify, Activate].map(|phase| format!("Destination {phase:?}"));
    source.into_iter().chain(destination).collect()
}
