//! Guests: machines that have the fleet's image without being named in it. A domain that came in a package moves between its home
//! and a guest.

use nomad_simulator::faults::Scale;
use nomad_simulator::history::Violation;
use nomad_simulator::machine::Mutant;
use nomad_simulator::outcome::Outcome;
use nomad_simulator::simulation::{self, Failure};

const SEEDS: u64 = 1_500;

/// As in `seeds`, with guests. `cargo xtask sim --guest --seed N --cases 1` repeats a seed.
#[test]
fn every_seed_with_guests_ends_as_it_should() {
    for scale in [Scale::GUEST, Scale::GUESTS] {
        let mut moved = 0;
        for seed in 0..SEEDS {
            let report = simulation::run_mutant(seed, scale, Mutant::None);
            let report = report.unwrap_or_else(|failure| panic!("seed {seed}: {failure:?}"));
            moved += usize::from(report.outcomes.contains(&Outcome::Moved));
        }
        println!("{scale:?}: a domain has moved in {moved} runs");
        assert!(moved > SEEDS as usize / 4, "{moved}");
    }
}

/// The first seed at which a mutant is caught, and its violation.
fn caught(scale: Scale, mutant: Mutant) -> Option<(u64, Failure)> {
    (0..4 * SEEDS).find_map(|seed| {
        let failure = simulation::run_mutant(seed, scale, mutant).err()?;
        Some((seed, failure))
    })
}

#[test]
fn a_home_that_does_not_query_the_guest_it_has_sent_its_domain_to_is_caught() {
    let (seed, failure) = caught(Scale::GUEST, Mutant::HomeForgetsGuest).expect("caught");
    println!("seed {seed}: {failure:?}");
    let is_second = matches!(failure, Failure::Violation(_, Violation::StartedBeside(2)));
    assert!(is_second, "seed {seed}: {failure:?}");
}

#[test]
fn a_machine_that_sends_a_guest_the_domain_of_another_home_is_caught() {
    let (seed, failure) = caught(Scale::GUEST, Mutant::AllClaimHome).expect("caught");
    println!("seed {seed}: {failure:?}");
}
