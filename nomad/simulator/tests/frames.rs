//! Frames that reach a machine for a domain that moves arrive at the domain, wherever it is.

use nomad_simulator::faults::Scale;
use nomad_simulator::history::Violation;
use nomad_simulator::machine::Mutant;
use nomad_simulator::simulation::{self, Failure};

const SEEDS: u64 = 500;

/// Mutations of the shipped code are caught here: `cargo xtask mutations`.
#[test]
fn every_accepted_frame_arrives() {
    let mut arrived = 0;
    for seed in 0..SEEDS {
        let report =
            simulation::run(seed).unwrap_or_else(|failure| panic!("seed {seed}: {failure:?}"));
        arrived += report.late_frames;
    }
    assert!(arrived > SEEDS as usize, "{arrived}");
}

#[test]
fn a_source_that_does_not_return_the_frames_of_a_domain_that_stays_is_caught() {
    let mutant = Mutant::HeldFramesAreForgotten;
    let run = |seed| simulation::run_mutant(seed, Scale::DEFAULT, mutant).err();
    let failure = (0..SEEDS).find_map(run).expect("it is caught");
    let is_lost = matches!(failure, Failure::Violation(_, Violation::FrameLost));
    assert!(is_lost, "{failure:?}");
}
