//! A seeded simulation: the real code of the migration server ([`nomad_shell::Shell`]) on several machines, with time, a bad
//! network, crashes, and domains that write.
//!
//! One seed is one run, the same on every host. A run has three parts. In the first, domains move under [`Faults`]. The
//! second is quiescence, in which everything must settle as [`judge`] demands. The third is an epilogue without faults
//! (`epilogue`): an operator decides every move whose outcome a machine still does not know, nothing may be left over,
//! and every running domain must move once more.
//!
//! `hellos` carries the datagrams by which machines find each other.
//! `setup` makes the world, `event_queue` holds the scheduled events, `events` handles them, `effects` performs the actions that
//! follow, `page_links` carries the page streams, and `force` has an operator who decides during the faults.

pub mod clock;
mod effects;
mod epilogue;
mod event_queue;
mod events;
mod force;
mod frames;
mod hellos;
mod node;
mod page_links;
mod report;
mod setup;

use std::collections::BTreeMap;

use identity::DomainId;
use nomad_client::event::DrainStage;
use nomad_protocol::Instant;

use crate::clocks::Times;
use crate::faults::{Faults, Scale};
use crate::machine::Mutant;
use crate::outcome::{End, judge};
use crate::random::Random;
use crate::world::World;

use event_queue::EventQueue;
use frames::LateTraffic;
use hellos::Hellos;
use node::Node;
use page_links::PageLinks;

pub use event_queue::SETTLED_US;
pub use report::{Failure, Report, phases_to_strike};

const COPY_EVERY_US: u64 = 100;
/// The interval between the steps of domains while some domain has a dirty log.
const STEP_EVERY_US: u64 = 170;
/// The interval otherwise: no check depends on it.
const IDLE_STEP_EVERY_US: u64 = 10_000;
/// A run that is not settled after this time is stuck.
const PATIENCE_US: u64 = 60_000_000;
/// How often the world is judged at quiescence.
const JUDGE_EVERY_US: u64 = 100_000;

/// A run of a seed.
pub struct Simulation {
    world: World,
    random: Random,
    faults: Faults,
    now: Instant,
    queue: EventQueue,
    nodes: Vec<Node>,
    is_cut: bool,
    /// The number of steps that domains were to run. It determines what each step does with its page.
    steps: u64,
    page_links: PageLinks,
    hellos: Hellos,
    late_traffic: LateTraffic,
    /// The domains that an operator has forced to run on a machine, and that do not run there yet.
    forced: Vec<(usize, usize)>,
    /// Whether nomad dies during the current write to its records.
    is_torn: bool,
    /// Whether every action and every crash is printed.
    is_traced: bool,
    report: Report,
}

/// Runs a seed at the default scale, with the faults that it draws.
///
/// # Errors
/// The reason the run failed.
pub fn run(seed: u64) -> Result<Report, Failure> {
    run_mutant(seed, Scale::DEFAULT, Mutant::None)
}

/// Runs a seed at some scale, on machines that break a rule.
///
/// # Errors
/// The reason the run failed.
pub fn run_mutant(seed: u64, scale: Scale, mutant: Mutant) -> Result<Report, Failure> {
    let mut random = Random::new(seed);
    let faults = Faults::from_seed(seed, scale, &mut random);
    Simulation::new(random, faults, mutant).run()
}

/// Runs a seed at some scale and prints every action and every crash.
///
/// # Errors
/// The reason the run failed.
pub fn trace(seed: u64, scale: Scale) -> Result<Report, Failure> {
    let mut random = Random::new(seed);
    let faults = Faults::from_seed(seed, scale, &mut random);
    trace_with(random, faults)
}

/// Runs with these faults and prints every action and every crash.
///
/// # Errors
/// The reason the run failed.
pub fn trace_with(random: Random, faults: Faults) -> Result<Report, Failure> {
    let mut simulation = Simulation::new(random, faults, Mutant::None);
    simulation.is_traced = true;
    simulation.run()
}

/// Runs with these faults.
///
/// # Errors
/// The reason the run failed.
pub fn run_with(seed: u64, faults: Faults) -> Result<Report, Failure> {
    run_mutant_with(seed, faults, Mutant::None)
}

/// Runs with these faults, on machines that break a rule.
///
/// # Errors
/// The reason the run failed.
pub fn run_mutant_with(seed: u64, faults: Faults, mutant: Mutant) -> Result<Report, Failure> {
    Simulation::new(Random::new(seed), faults, mutant).run()
}

impl Simulation {
    fn new(random: Random, faults: Faults, mutant: Mutant) -> Self {
        Simulation {
            world: setup::world(&faults, mutant),
            random,
            now: Instant::from_us(0),
            queue: EventQueue::new(&faults),
            nodes: faults
                .clock_permille
                .iter()
                .map(|rate| Node::new(*rate))
                .collect(),
            hellos: Hellos::new(faults.hellos.seed),
            late_traffic: LateTraffic::new(&faults, mutant),
            faults,
            is_cut: false,
            steps: 0,
            page_links: PageLinks::new(),
            forced: Vec::new(),
            is_torn: false,
            is_traced: false,
            report: Report::default(),
        }
    }

    fn run(mut self) -> Result<Report, Failure> {
        self.advance_faults()?;
        let ends = self.settle()?;
        self.report.outcomes = ends.values().map(|end| end.outcome).collect();
        self.report.stale = ends.values().map(|end| end.stale.len()).sum();
        let domains = self.world.history.domains.values();
        self.report.activations = domains.map(|domain| domain.activated.len()).sum();
        self.settle_frames(&ends)?;
        if let Some(clocks) = &mut self.world.clocks {
            clocks.latency_us = self.faults.network.latency_max_us();
        }
        self.epilogue(&ends)?;
        Ok(self.report)
    }

    /// Runs until the faults end, or until there is nothing left for them to strike.
    fn advance_faults(&mut self) -> Result<(), Failure> {
        let end_us = self.faults.end_us();
        while self.now.as_us() < end_us {
            if self.is_idle() {
                self.queue.forget_faults();
                self.end_faults();
                return Ok(());
            }
            self.advance(end_us.min(self.now.as_us() + JUDGE_EVERY_US))?;
        }
        Ok(())
    }

    /// Whether no move is under way or planned, and no fault remains that strikes without a move.
    fn is_idle(&self) -> bool {
        let machines = || self.world.machines.iter();
        let is_moving =
            machines().any(|machine| machine.shell.moves.ledger.entries().next().is_some());
        let is_draining = machines().any(|machine| {
            let status = machine.shell.drain_status();
            status.is_some_and(|status| status.stage == DrainStage::Moving)
        });
        let is_frozen = machines().any(|machine| machine.hardware().next_due().is_some());
        !is_moving && !is_draining && !is_frozen && self.queue.is_idle()
    }

    /// Runs until all machines are up and everything is settled, and judges the outcome.
    fn settle(&mut self) -> Result<BTreeMap<DomainId, End>, Failure> {
        let give_up_us = self.now.as_us() + PATIENCE_US;
        loop {
            let are_up = self.nodes.iter().all(|node| node.down_until <= self.now);
            match judge(&self.world, |machine| self.local(machine)) {
                Ok(ends) if are_up => return Ok(ends),
                Err(defect) if self.now.as_us() >= give_up_us => {
                    return Err(Failure::Settled(defect));
                }
                _ => self.advance(self.now.as_us() + JUDGE_EVERY_US)?,
            }
        }
    }

    /// Runs until this time.
    fn advance(&mut self, until_us: u64) -> Result<(), Failure> {
        while self.next_at().is_some_and(|at| at.as_us() <= until_us) {
            self.proceed();
            self.follow_forced();
            if let Some((domain, violation)) = &self.world.history.violation {
                return Err(Failure::Violation(*domain, violation.clone()));
            }
            if let Some((domain, violation)) = self.frames_violation() {
                return Err(Failure::Violation(domain, violation));
            }
        }
        self.now = self.now.max(Instant::from_us(until_us));
        self.set_clocks();
        Ok(())
    }

    fn next_at(&self) -> Option<Instant> {
        let due = self.queue.next_at();
        let machines = (0..self.nodes.len()).filter_map(|machine| self.next_on(machine));
        let pages = self.next_pages_at();
        due.into_iter().chain(machines).chain(pages).min()
    }

    /// The next time at which a machine's kernel, root or nomad acts by itself.
    fn next_on(&self, number: usize) -> Option<Instant> {
        let node = &self.nodes[number];
        let machine = &self.world.machines[number];
        let deadline = machine.hardware().next_due();
        let deadline = deadline.map(|due| node.clock.reaches(due).max(node.paused_until));
        let timeout = machine.shell.poll_timeout();
        let timeout = timeout.map(|due| node.acts_at(due));
        let frames = self.next_frames_at(number);
        deadline.into_iter().chain(timeout).chain(frames).min()
    }

    /// Handles the next event, and performs the actions that follow.
    fn proceed(&mut self) {
        let Some(at) = self.next_at() else {
            return;
        };
        self.now = self.now.max(at);
        self.set_clocks();
        match self.queue.take(at) {
            Some(due) => self.handle_event(due),
            None => self.pass_time(),
        }
        self.perform_actions();
        self.transmit_pages();
        self.transmit_frames();
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
                self.apply_effects(machine, effects, false);
            }
        }
    }

    /// Prints an event of a machine, if the run is traced.
    fn trace(&self, machine: usize, what: impl FnOnce() -> String) {
        if self.is_traced {
            println!("{:>9} us  machine {machine}  {}", self.now.as_us(), what());
        }
    }

    /// Passes the time on all machines' clocks to the checker of clocks.
    fn set_clocks(&mut self) {
        if let Some(clocks) = &mut self.world.clocks {
            for (time, node) in clocks.now.iter_mut().zip(&self.nodes) {
                *time = node.clock.shows(self.now);
            }
        }
    }

    /// The times on all machines' clocks at this time of the world.
    fn times(&self, world: Instant) -> Times {
        let nodes = self.nodes.iter();
        nodes.map(|node| node.clock.shows(world)).collect()
    }

    /// The time on a machine's clock.
    fn local(&self, machine: usize) -> Instant {
        self.nodes[machine].clock.shows(self.now)
    }
}
