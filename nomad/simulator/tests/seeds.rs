//! Thousands of seeds, and what they have covered.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use nomad_simulator::faults::Faults;
use nomad_simulator::machine::Mutant;
use nomad_simulator::outcome::Outcome;
use nomad_simulator::simulation::{self, Failure, Report};

const SEEDS: u64 = 4_000;
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

#[test]
fn every_seed_ends_as_it_should_and_together_they_meet_every_phase() {
    let mut outcomes: BTreeMap<Outcome, u32> = BTreeMap::new();
    let (mut crashes, mut aborts) = (BTreeSet::new(), BTreeSet::new());
    for (seed, result) in run_all() {
        let report = result.unwrap_or_else(|failure| panic!("seed {seed}: {failure:?}"));
        *outcomes.entry(report.outcome).or_default() += 1;
        crashes.extend(report.crashes);
        aborts.extend(report.aborts);
    }
    println!("{outcomes:?}\n{aborts:?}\n{crashes:?}");
    for outcome in [
        Outcome::Moved,
        Outcome::Stayed,
        Outcome::TargetInDoubt,
        Outcome::SourceInDoubt,
        Outcome::Lost,
    ] {
        assert!(outcomes.contains_key(&outcome), "no seed ends {outcome:?}");
    }
    for phase in simulation::phases_to_strike() {
        for what in ["nomad", "machine"] {
            assert!(
                crashes.contains(&(phase.clone(), what)),
                "no seed crashes the {what} in {phase}"
            );
        }
    }
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
        assert!(aborts.contains(why), "no seed aborts for {why}");
    }
}

#[test]
fn without_faults_every_seed_moves() {
    for seed in 0..200 {
        let report = simulation::run_with(seed, Faults::none());
        assert_eq!(
            report.expect("no failure").outcome,
            Outcome::Moved,
            "seed {seed}"
        );
    }
}

#[test]
fn every_broken_rule_is_caught_by_some_seed() {
    for mutant in [
        Mutant::SourceThawsAfterCommit,
        Mutant::TargetRunsUncommitted,
        Mutant::TargetDropsPrepared,
        Mutant::KernelIgnoresVersion,
        Mutant::KernelRetiresThawed,
        Mutant::RecordsAreLost,
        Mutant::FreezeForgetsPages,
    ] {
        let caught = (0..SEEDS).any(|seed| simulation::run_mutant(seed, mutant).is_err());
        assert!(caught, "{mutant:?} is not caught");
    }
}

#[test]
fn a_seed_runs_the_same_twice() {
    for seed in 0..50 {
        let [once, twice] = [(); 2].map(|()| format!("{:?}", simulation::run(seed)));
        assert_eq!(once, twice, "seed {seed}");
    }
}
