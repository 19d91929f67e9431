//! A fixed set of seeds, and their coverage.
//!
//! `cargo xtask sim` runs fresh seeds; a seed that fails there can be run again by its number alone.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use nomad_simulator::faults::{Faults, LocalStep, RootCall, RootFault, Scale};
use nomad_simulator::machine::Mutant;
use nomad_simulator::outcome::Outcome;
use nomad_simulator::random::Random;
use nomad_simulator::simulation::{self, Failure, Report};

const SEEDS: u64 = 3_000;
const THREADS: u64 = 2;

/// Runs seeds, spread over threads.
fn run_all() -> Vec<(u64, Result<Report, Failure>)> {
    let share = |first| {
        (first..SEEDS)
            .step_by(THREADS as usize)
            .map(|seed| (seed, simulation::run(seed)))
            .collect()
    };
    let threads: Vec<_> = (0..THREADS)
        .map(|first| thread::spawn(move || -> Vec<_> { share(first) }))
        .collect();
    threads
        .into_iter()
        .flat_map(|thread| thread.join().expect("no panic"))
        .collect()
}

/// The coverage of a set of seeds.
#[derive(Default)]
struct Coverage {
    outcomes: BTreeMap<Outcome, u32>,
    crashes: BTreeSet<(String, &'static str)>,
    aborts: BTreeSet<String>,
    failed: BTreeSet<String>,
    declined: usize,
    pauses: usize,
}

impl Coverage {
    fn add(&mut self, report: Report) {
        for outcome in report.outcomes {
            *self.outcomes.entry(outcome).or_default() += 1;
        }
        self.crashes.extend(report.crashes);
        self.aborts.extend(report.aborts);
        self.failed.extend(report.failed);
        self.declined += report.declined;
        self.pauses += report.pauses;
    }

    fn assert_crashes(&self) {
        for phase in simulation::phases_to_strike() {
            for what in ["nomad", "machine"] {
                assert!(
                    self.crashes.contains(&(phase.clone(), what)),
                    "no seed crashes the {what} in {phase}"
                );
            }
        }
        for torn in ["record", "write"] {
            let is_it = |(_, what): &(String, &str)| *what == torn;
            assert!(self.crashes.iter().any(is_it), "no {torn} is torn");
        }
    }
}

#[test]
fn every_seed_ends_as_it_should_and_together_they_meet_every_phase() {
    let mut coverage = Coverage::default();
    for (seed, result) in run_all() {
        let report = result.unwrap_or_else(|failure| panic!("seed {seed}: {failure:?}"));
        coverage.add(report);
    }
    println!("{:?}\n{:?}", coverage.outcomes, coverage.crashes);
    println!("{:?}\n{:?}", coverage.aborts, coverage.failed);
    for outcome in [
        Outcome::Moved,
        Outcome::Stayed,
        Outcome::DestinationInDoubt,
        Outcome::SourceInDoubt,
        Outcome::Lost,
        Outcome::StartedAnew,
    ] {
        let met = coverage.outcomes.contains_key(&outcome);
        assert!(met, "no seed ends {outcome:?}");
    }
    coverage.assert_crashes();
    for why in [
        "Cancelled",
        "Failed",
        "Interfered",
        "NomadRestarted",
        "PeerForgot",
        "Refused",
        "StreamBroken",
        "TooLong",
    ] {
        let met = coverage.aborts.contains(why);
        assert!(met, "no seed aborts for {why}");
    }
    for step in LocalStep::ALL {
        let met = coverage.failed.contains(&format!("{step:?}"));
        assert!(met, "{step:?} never fails");
    }
    for call in RootCall::DRAWN {
        let met = coverage.failed.contains(&format!("root {call:?}"));
        assert!(met, "root's {call:?} never fails");
    }
    assert!(coverage.pauses > 0, "no machine is paused during a move");
    assert!(coverage.declined > 0, "no retired domain is declined");
}

/// When a destination declines a retired domain, or an operator forces a copy to run, root has to undo the retirement.
#[test]
fn a_retirement_that_root_does_not_undo_is_retried() {
    let mut failed = 0;
    for seed in 0..SEEDS {
        let mut faults = Faults::from_seed(seed, Scale::DEFAULT, &mut Random::new(seed));
        faults.root = (0..faults.scale.machines)
            .map(|machine| RootFault {
                machine,
                call: RootCall::Unretire,
                times: 2,
            })
            .collect();
        let report = simulation::run_with(seed, faults);
        let report = report.unwrap_or_else(|failure| panic!("seed {seed}: {failure:?}"));
        failed += usize::from(report.failed.contains("root Unretire"));
    }
    assert!(failed > 0, "no seed has a retirement undone");
}

#[test]
fn without_faults_every_domain_moves() {
    for seed in 0..100 {
        let report = simulation::run_with(seed, Faults::none(Scale::DEFAULT));
        let outcomes = report.expect("no failure").outcomes;
        assert_eq!(outcomes, [Outcome::Moved; 2], "seed {seed}");
    }
}

#[test]
fn every_broken_rule_is_caught_by_some_seed() {
    for mutant in [
        Mutant::SourceThawsAfterCommit,
        Mutant::DestinationRunsUncommitted,
        Mutant::DestinationDropsVerified,
        Mutant::DeclinedIsForgotten,
        Mutant::DeclinedIsActivating,
        Mutant::KernelIgnoresVersion,
        Mutant::KernelRetiresThawed,
        Mutant::RecordsAreLost,
        Mutant::FreezeForgetsPages,
        Mutant::ReportsToAnother,
        Mutant::DiscardsAnother,
        Mutant::IncarnationStays,
        Mutant::OlderRecordStays,
        Mutant::HomeDoesNotQuery,
        Mutant::ReceivedIsActivated,
        Mutant::ReceivedIsDeclined,
        Mutant::ActivatedIsDeclined,
        Mutant::UnknownIsDeclined,
        Mutant::BootsLookAlike,
        Mutant::VerifiedIsNotKept,
        Mutant::GivesBackEarly,
    ] {
        let fails = |seed: &u64| simulation::run_mutant(*seed, Scale::DEFAULT, mutant).is_err();
        let caught = (0..SEEDS).find(fails);
        println!("{mutant:?} is caught by seed {caught:?}");
        assert!(caught.is_some(), "{mutant:?} is not caught");
    }
}

#[test]
fn a_seed_runs_the_same_twice() {
    for seed in 0..30 {
        let [once, twice] = [(); 2].map(|()| format!("{:?}", simulation::run(seed)));
        assert_eq!(once, twice, "seed {seed}");
    }
}
