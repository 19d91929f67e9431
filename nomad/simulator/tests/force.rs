//! Operators who decide by force while faults strike.

use nomad_simulator::faults::{Faults, PowerOff, Scale};
use nomad_simulator::network::NetworkConditions;
use nomad_simulator::random::Random;
use nomad_simulator::simulation::{self, SETTLED_US};

const SEEDS: u64 = 600;

fn drawn(seed: u64) -> Faults {
    Faults::from_seed(seed, Scale::DEFAULT, &mut Random::new(seed))
}

/// The domains may be in doubt, or lost with the machine that is off.
#[test]
fn an_operator_who_knows_which_machine_is_off_makes_no_second_copy_run() {
    let (mut runs, mut drops) = (0, 0);
    for seed in 0..SEEDS {
        let mut faults = drawn(seed);
        // While a machine is cut off or paused, the operator does not know what it has.
        (faults.cut_us, faults.one_way, faults.pause) = (None, None, None);
        if faults.power_off.is_none() {
            faults.turn_off(PowerOff {
                machine: seed as usize % faults.scale.machines,
                at_us: 1_000 * (seed % 90),
                down_us: 2_500_000,
            });
        }
        let report = simulation::run_with(seed, faults);
        let report = report.unwrap_or_else(|failure| panic!("seed {seed}: {failure:?}"));
        runs += report.forced_runs;
        drops += report.forced_drops;
    }
    println!("{runs} copies are run, {drops} are dropped");
    assert!(runs > 0 && drops > 0, "{runs} {drops}");
}

/// The faults of a seed that leave all machines up and reachable, while an operator enters commands without need. Domains move as soon as
/// the machines reply to each other's queries.
fn calm(seed: u64) -> Faults {
    let drawn = drawn(seed);
    let mut faults = Faults {
        moves: drawn.moves,
        local: drawn.local,
        interference_us: drawn.interference_us,
        network: NetworkConditions::FAIR,
        has_needless_force: true,
        ..Faults::none(Scale::DEFAULT)
    };
    for planned in &mut faults.moves {
        planned.at_us += SETTLED_US;
    }
    faults
}

#[test]
fn force_without_need_makes_no_second_copy_run() {
    for seed in 0..SEEDS {
        let report = simulation::run_with(seed, calm(seed));
        let report = report.unwrap_or_else(|failure| panic!("seed {seed}: {failure:?}"));
        assert_eq!((report.forced_runs, report.forced_drops), (0, 0));
    }
}
