//! A seeded simulation: the real ledgers on two machines, with time, a bad network, crashes, and a domain that writes.
//!
//! One seed is one run, the same on every machine. A run has three parts: moves under [`Faults`]; quiet, in which all
//! must settle as [`judge`] says; and an epilogue without faults, in which another move must succeed, or an operator
//! settles the doubt, and nothing may be left over.

mod acting;
mod happenings;

use std::collections::{BTreeMap, BTreeSet};

use nomad_protocol::planner::Goals;
use nomad_protocol::{Event, Force, Instant, PhaseName, Timing, TransactionId};

use crate::faults::{FAULTS_END_US, Faults, PlannedCrash, When};
use crate::history::Violation;
use crate::machine::Mutant;
use crate::network::Datagram;
use crate::outcome::{Outcome, Wrong, check_left_over, judge};
use crate::random::Random;
use crate::world::{Setup, World};

const PAGES: usize = 64;
const STEP_EVERY_US: u64 = 170;
const COPY_PAGES: usize = 8;
const COPY_EVERY_US: u64 = 100;
/// What is not settled after so long is stuck.
const PATIENCE_US: u64 = 60_000_000;
/// In the quiet the world is judged every so often.
const JUDGE_EVERY_US: u64 = 100_000;

const TIMING: Timing = Timing {
    repeat_first_us: 5_000,
    repeat_max_us: 100_000,
    admit_limit_us: 2_000_000,
    round_limit_us: 3_000_000,
    freeze_limit_us: 1_000_000,
    receive_limit_us: 4_000_000,
    silence_limit_us: 500_000,
};

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Something happened that must not.
    Violation(Violation),
    /// It did not settle, or not as it should.
    Settled(Wrong),
    /// Without any fault a move did not succeed.
    SecondMove(Outcome),
    /// There was no doubt to settle where one was listed.
    NotForced,
}

/// What a run was like, to know what a set of seeds has covered.
#[derive(Clone, Debug)]
pub struct Report {
    /// How the moves under faults ended.
    pub outcome: Outcome,
    /// Crashes: the phase that the crashed machine was in, and what crashed.
    pub crashes: BTreeSet<(String, &'static str)>,
    /// Why moves were aborted, by name.
    pub aborts: BTreeSet<String>,
    /// Freezes that had to be replaced.
    pub replaced: usize,
}

/// Something that will happen.
#[derive(Clone, Debug)]
enum Due {
    Datagram(Datagram),
    Answer {
        machine: usize,
        life: u32,
        transaction: TransactionId,
        event: Event,
    },
    Copy {
        machine: usize,
        life: u32,
        transaction: TransactionId,
    },
    Arrive(TransactionId),
    TellBroken {
        machine: usize,
        transaction: TransactionId,
    },
    Step,
    Interfere,
    Offer,
    Cancel(usize),
    Break,
    Cut(bool),
    Crash(PlannedCrash),
    Fair,
}

/// A run.
pub struct Simulation {
    world: World,
    random: Random,
    faults: Faults,
    now: Instant,
    agenda: BTreeMap<(Instant, u64), Due>,
    sequence: u64,
    cut: bool,
    /// Rises with every crash: what an earlier life began does not reach a later one.
    lives: [u32; 2],
    down_until: [Instant; 2],
    acted: [u64; 2],
    transactions: u128,
    /// Streams keep their order: no parcel arrives before this.
    arrive_after: BTreeMap<TransactionId, Instant>,
    report: Report,
}

/// Runs a seed with the faults that it draws.
pub fn run(seed: u64) -> Result<Report, Failure> {
    run_mutant(seed, Mutant::None)
}

/// Runs a seed on machines that break a rule.
pub fn run_mutant(seed: u64, mutant: Mutant) -> Result<Report, Failure> {
    let mut random = Random::new(seed);
    let faults = Faults::draw(&mut random).with_freeze_of(&mut Random::new(!seed));
    Simulation::new(random, faults, mutant).run()
}

/// Runs with these faults.
pub fn run_with(seed: u64, faults: Faults) -> Result<Report, Failure> {
    Simulation::new(Random::new(seed), faults, Mutant::None).run()
}

impl Simulation {
    fn new(random: Random, faults: Faults, mutant: Mutant) -> Self {
        let goals = Goals {
            downtime_us: 300,
            overhead_us: 50,
            rounds_max: 8,
        };
        let pages = PAGES as u64;
        let target_pages = if faults.small_pool {
            pages - 1
        } else {
            pages + 32
        };
        let setup = Setup {
            pages: PAGES,
            pool_pages: [pages + 32, target_pages],
            goals,
            timing: TIMING,
            freeze_us: faults.freeze_us,
            mutant,
        };
        let report = Report {
            outcome: Outcome::Stayed,
            crashes: BTreeSet::new(),
            aborts: BTreeSet::new(),
            replaced: 0,
        };
        let mut simulation = Simulation {
            world: World::new(&setup),
            random,
            faults,
            now: Instant::from_us(0),
            agenda: BTreeMap::new(),
            sequence: 0,
            cut: false,
            lives: [0; 2],
            down_until: [Instant::from_us(0); 2],
            acted: [0; 2],
            transactions: 0,
            arrive_after: BTreeMap::new(),
            report,
        };
        simulation.plan_faults();
        simulation
    }

    fn plan_faults(&mut self) {
        let faults = self.faults.clone();
        for at_us in faults.offers_us {
            self.at(at_us, Due::Offer);
        }
        for crash in faults.crashes {
            if let When::At(at_us) = crash.when {
                self.at(at_us, Due::Crash(crash));
            }
        }
        if let Some((cut_us, heal_us)) = faults.cut_us {
            self.at(cut_us, Due::Cut(true));
            self.at(heal_us, Due::Cut(false));
        }
        if let Some(at_us) = faults.break_us {
            self.at(at_us, Due::Break);
        }
        if let Some((machine, at_us)) = faults.cancel_us {
            self.at(at_us, Due::Cancel(machine));
        }
        if faults.interference_us.is_some() {
            self.at(0, Due::Interfere);
        }
        self.at(0, Due::Step);
        self.at(FAULTS_END_US, Due::Fair);
    }

    fn run(mut self) -> Result<Report, Failure> {
        self.advance(FAULTS_END_US)?;
        self.report.outcome = self.settle()?;
        match self.report.outcome {
            Outcome::Stayed | Outcome::Moved if !self.faults.small_pool => self.move_again()?,
            Outcome::TargetInDoubt | Outcome::SourceInDoubt => self.settle_doubts()?,
            _ => {}
        }
        Ok(self.report)
    }

    /// Without faults a move succeeds.
    fn move_again(&mut self) -> Result<(), Failure> {
        let home = self.world.history.home;
        self.offer();
        self.advance(self.now.as_us() + JUDGE_EVERY_US)?;
        let outcome = self.settle()?;
        if self.world.history.home == home {
            return Err(Failure::SecondMove(outcome));
        }
        Ok(())
    }

    /// An operator gives up every copy that is in doubt: then nothing is left.
    fn settle_doubts(&mut self) -> Result<(), Failure> {
        let force = if self.random.permille(500) {
            Force::DropCopy
        } else {
            Force::RunHere
        };
        for machine in 0..2 {
            let ledger = &mut self.world.machines[machine].nomad.ledger;
            let doubted: Vec<TransactionId> =
                ledger.entries().map(|entry| entry.transaction).collect();
            for transaction in doubted {
                if !ledger.force(self.now, transaction, force) {
                    return Err(Failure::NotForced);
                }
            }
        }
        // What runs now may be older than what has run: the operator answers for it.
        self.world.history = Default::default();
        self.agenda.retain(|_, due| !matches!(due, Due::Step));
        self.act();
        let until = self.now.as_us() + 10 * JUDGE_EVERY_US;
        while self.next_at().is_some_and(|at| at.as_us() <= until) {
            self.proceed();
        }
        for machine in 0..2 {
            check_left_over(&self.world, machine, false).map_err(Failure::Settled)?;
        }
        Ok(())
    }

    /// Lets time pass until all is settled, and judges.
    fn settle(&mut self) -> Result<Outcome, Failure> {
        let give_up_us = self.now.as_us() + PATIENCE_US;
        loop {
            let settled = judge(&self.world, 0);
            match settled {
                Ok(outcome) => return Ok(outcome),
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
            if let Some(violation) = &self.world.history.violation {
                return Err(Failure::Violation(violation.clone()));
            }
        }
        self.now = self.now.max(Instant::from_us(until_us));
        Ok(())
    }

    fn next_at(&self) -> Option<Instant> {
        let due = self.agenda.keys().next().map(|(at, _)| *at);
        let machines = self.world.machines.iter();
        let deadlines = machines.filter_map(|machine| machine.kernel.next_deadline());
        due.into_iter()
            .chain(deadlines)
            .chain((0..2).filter_map(|machine| self.timeout(machine)))
            .min()
    }

    fn timeout(&self, machine: usize) -> Option<Instant> {
        let due = self.world.machines[machine].nomad.ledger.poll_timeout()?;
        Some(due.max(self.down_until[machine]))
    }

    /// Lets the next thing happen, and the machines act on it.
    fn proceed(&mut self) {
        let Some(at) = self.next_at() else {
            return;
        };
        self.now = self.now.max(at);
        match self.agenda.first_key_value() {
            Some(((due_at, _), _)) if *due_at <= at => {
                let (_, due) = self.agenda.pop_first().expect("just seen");
                self.happen(due);
            }
            _ => {
                self.world.pass_deadlines(Some(self.now));
                for machine in 0..2 {
                    if self.is_up(machine) {
                        self.world.machines[machine]
                            .nomad
                            .ledger
                            .handle_timeout(self.now);
                    }
                }
            }
        }
        self.act();
    }

    fn is_up(&self, machine: usize) -> bool {
        self.down_until[machine] <= self.now
    }

    fn after(&mut self, delay_us: u64, due: Due) {
        self.at(self.now.after_us(delay_us).as_us(), due);
    }

    fn at(&mut self, at_us: u64, due: Due) {
        self.sequence += 1;
        self.agenda
            .insert((Instant::from_us(at_us), self.sequence), due);
    }
}

/// Every phase that a crash can strike, by side.
pub fn phases_to_strike() -> Vec<String> {
    use PhaseName::*;
    let source = [Offer, Rounds, Freeze, Commit, Release].map(|phase| format!("Source {phase:?}"));
    let target = [Admit, Receive, Verify, Activate].map(|phase| format!("Target {phase:?}"));
    source.into_iter().chain(target).collect()
}
