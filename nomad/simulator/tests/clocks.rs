//! The checker of domains' clocks catches machines that set them wrongly.

use nomad_simulator::faults::Scale;
use nomad_simulator::history::Violation;
use nomad_simulator::machine::Mutant;
use nomad_simulator::simulation::{self, Failure};

const SEEDS: u64 = 1_000;

/// The first violation by a mutant.
fn caught(mutant: Mutant) -> Violation {
    let failure = (0..SEEDS).find_map(|seed| {
        let failure = simulation::run_mutant(seed, Scale::DEFAULT, mutant).err()?;
        println!("{mutant:?}: seed {seed}: {failure:?}");
        Some(failure)
    });
    match failure {
        Some(Failure::Violation(_, violation)) => violation,
        other => panic!("{mutant:?} is not caught at once: {other:?}"),
    }
}

/// The machines' clocks have different rates, so the domain's clock goes back or is wrong, whichever comes first.
#[test]
fn a_destination_that_does_not_set_the_clock_is_caught() {
    let violation = caught(Mutant::ClockStartsAnew);
    let is_about_clocks = matches!(
        violation,
        Violation::ClockIsWrong { .. } | Violation::ClockWentBack { .. }
    );
    assert!(is_about_clocks, "{violation:?}");
}

#[test]
fn a_destination_that_does_not_count_the_downtime_is_caught() {
    let violation = caught(Mutant::DowntimeIsLost);
    let Violation::ClockIsWrong {
        counted_us,
        least_us,
        ..
    } = violation
    else {
        panic!("{violation:?}");
    };
    assert!(counted_us < least_us, "{counted_us} {least_us}");
}

/// Mutations of the shipped code are caught here: `cargo xtask mutations`.
#[test]
fn every_clock_is_right_at_every_activation() {
    let mut activations = 0;
    for seed in 0..SEEDS {
        let report =
            simulation::run(seed).unwrap_or_else(|failure| panic!("seed {seed}: {failure:?}"));
        activations += report.activations;
    }
    assert!(activations > SEEDS as usize, "{activations}");
}
