//! Machines whose addresses change, on a wire on which hellos are lost, come twice, and are recorded and sent again.

use nomad_simulator::faults::{Faults, HelloFaults, PlannedMove, Renumbering, Scale};
use nomad_simulator::network::NetworkConditions;
use nomad_simulator::simulation;

/// A wire that loses a tenth of all datagrams and doubles as many.
const POOR: NetworkConditions = NetworkConditions {
    loss_permille: 100,
    double_permille: 100,
    delay_min_us: 100,
    delay_spread_us: 2_000,
};

/// Two moves of a domain, with a change of addresses between them.
fn faults(seed: u64, network: NetworkConditions, replay_permille: u64) -> Faults {
    let planned = |at_us| PlannedMove { domain: 0, at_us };
    Faults {
        network,
        moves: vec![planned(0), planned(3_500_000)],
        hellos: HelloFaults {
            seed,
            replay_permille,
            renumberings: vec![Renumbering {
                machine: 1,
                at_us: 1_000_000,
                successor: Some(2).filter(|_| seed % 2 == 1),
            }],
            has_no_addresses: seed % 4 == 3,
        },
        ..Faults::none(Scale::DEFAULT)
    }
}

#[test]
fn a_machine_whose_address_has_changed_takes_part_in_the_next_move() {
    for seed in 0..20 {
        let report = simulation::run_with(seed, faults(seed, NetworkConditions::FAIR, 0));
        let report = report.unwrap_or_else(|failure| panic!("seed {seed}: {failure:?}"));
        assert_eq!(report.renumbered, 1);
        assert!(report.aborts.is_empty(), "seed {seed}: {:?}", report.aborts);
    }
}

#[test]
fn machines_find_each_other_whatever_is_lost_or_sent_again() {
    for seed in 0..100 {
        let run = simulation::run_with(seed, faults(seed, POOR, 500));
        run.unwrap_or_else(|failure| panic!("seed {seed}: {failure:?}"));
    }
}
