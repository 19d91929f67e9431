//! Five domains on two machines, which move in both directions at once.

use nomad_simulator::faults::{Faults, PlannedMove, Scale};
use nomad_simulator::machine::Mutant;
use nomad_simulator::network::NetworkConditions;
use nomad_simulator::outcome::Outcome;
use nomad_simulator::simulation::{self, Report};

const SEEDS: u64 = 300;
const DOMAINS: usize = Scale::CROWD.domains;
/// The time between two moves of a domain: the first is over by then, even over a bad wire.
const BETWEEN_US: u64 = 1_000_000;

/// Moves every domain this many times, all domains at the same times.
fn move_all(seed: u64, times: usize, network: NetworkConditions) -> Report {
    let moves = (0..times).flat_map(|nth| {
        (0..DOMAINS).map(move |domain| PlannedMove {
            domain,
            at_us: nth as u64 * BETWEEN_US,
        })
    });
    let faults = Faults {
        network,
        moves: moves.collect(),
        ..Faults::none(Scale::CROWD)
    };
    simulation::run_with(seed, faults)
        .unwrap_or_else(|failure| panic!("seed {seed}, {network:?}: {failure:?}"))
}

#[test]
fn five_domains_move_at_once_in_both_directions_and_back() {
    for seed in 0..20 {
        let report = move_all(seed, 2, NetworkConditions::FAIR);
        assert_eq!(report.leaving_at_once, DOMAINS, "seed {seed}");
        assert_eq!(report.activations, 2 * DOMAINS, "seed {seed}: {report:?}");
        assert_eq!(report.outcomes, [Outcome::Stayed; DOMAINS], "seed {seed}");
        assert!(report.aborts.is_empty(), "seed {seed}: {report:?}");
    }
}

/// The wire may be too slow for a domain that writes. No other move is aborted.
#[test]
fn five_domains_move_at_once_over_a_wire_that_loses_repeats_and_reorders() {
    let bad = NetworkConditions {
        loss_permille: 200,
        double_permille: 100,
        delay_spread_us: 1_000,
        ..NetworkConditions::FAIR
    };
    let mut activations = 0;
    for seed in 0..20 {
        let report = move_all(seed, 2, bad);
        assert_eq!(report.leaving_at_once, DOMAINS, "seed {seed}");
        let is_expected = |why: &String| why == "NotConverging";
        assert!(
            report.aborts.iter().all(is_expected),
            "seed {seed}: {report:?}"
        );
        activations += report.activations;
    }
    assert!(activations > 20 * DOMAINS, "{activations}");
}

/// As in `seeds`, with more domains. `cargo xtask sim --crowd --seed N --cases 1` repeats a seed.
#[test]
fn every_seed_of_a_crowd_ends_as_it_should() {
    let mut leaving_at_once = 0;
    for seed in 0..SEEDS {
        let report = simulation::run_mutant(seed, Scale::CROWD, Mutant::None);
        let report = report.unwrap_or_else(|failure| panic!("seed {seed}: {failure:?}"));
        leaving_at_once = leaving_at_once.max(report.leaving_at_once);
    }
    assert!(leaving_at_once >= DOMAINS, "{leaving_at_once}");
}
