//! Seeds that have found a bug, each under the name of that bug.

use nomad_simulator::faults::Scale;
use nomad_simulator::machine::Mutant;
use nomad_simulator::simulation;

/// Runs a seed of two machines and one domain.
fn ends_as_it_should(seed: u64) {
    if let Err(failure) = simulation::run_mutant(seed, Scale::PAIR, Mutant::None) {
        panic!("seed {seed}: {failure:?}");
    }
}

/// The ledger never stopped listing a source that had aborted as soon as nomad was resumed.
#[test]
fn a_source_that_aborts_when_it_is_resumed_is_over() {
    for seed in [15, 103, 153, 170] {
        ends_as_it_should(seed);
    }
}

/// nomad was restarted while it was notifying the destination that the copy was gone; the domain had come back meanwhile,
/// and the resumed release destroyed it.
#[test]
fn a_release_that_is_resumed_spares_a_domain_that_has_come_back() {
    for seed in [18_321, 19_256] {
        ends_as_it_should(seed);
    }
}

/// Root refused a call for the moment, and the shell took the step for done: memory of domains that had left or did not arrive
/// stayed reserved, and homes sent no roll calls for their domains. The call is repeated now. And the token of a transaction
/// that was ended by two erasures stayed if nomad died between them.
#[test]
fn a_call_that_root_refuses_for_the_moment_is_repeated() {
    for seed in [1, 17, 21, 28] {
        if let Err(failure) = simulation::run(seed) {
            panic!("seed {seed}: {failure:?}");
        }
    }
}
