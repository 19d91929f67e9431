//! Seeds that have found a fault, under the name of what they found.

use nomad_simulator::simulation;

fn ends_as_it_should(seed: u64) {
    if let Err(failure) = simulation::run(seed) {
        panic!("seed {seed}: {failure:?}");
    }
}

/// The ledger listed a source for ever that had aborted as soon as nomad was resumed.
#[test]
fn a_source_that_aborts_when_it_is_resumed_is_over() {
    for seed in [15, 103, 153, 170] {
        ends_as_it_should(seed);
    }
}

/// nomad was restarted while it told the target that the copy was gone; the domain had come back meanwhile, and the
/// resumed release destroyed it.
#[test]
fn a_release_that_is_resumed_spares_a_domain_that_has_come_back() {
    for seed in [18_321, 19_256] {
        ends_as_it_should(seed);
    }
}
