//! A machine that pauses for longer than any limit of the protocol or the shell, and continues.

use nomad_shell::late::table::FORWARD_US;
use nomad_simulator::faults::{Faults, Pause, Scale};
use nomad_simulator::random::Random;
use nomad_simulator::simulation;

const SEEDS: u64 = 300;

/// The faults of a seed, with a pause that is longer than every limit also by a clock of half the rate.
fn long_pause(seed: u64, scale: Scale) -> Faults {
    let mut faults = Faults::from_seed(seed, scale, &mut Random::new(seed));
    let mut random = Random::new(!seed);
    let begin_us = random.below(200_000);
    faults.pause = Some(Pause {
        machine: random.below(scale.machines as u64) as usize,
        begin_us,
        end_us: begin_us + 2 * FORWARD_US + random.below(5_000_000),
        is_lossy: random.permille(500),
    });
    faults
}

#[test]
fn a_machine_may_pause_for_longer_than_every_limit() {
    let mut pauses = 0;
    for scale in [Scale::DEFAULT, Scale::GUEST] {
        for seed in 0..SEEDS {
            let report = simulation::run_with(seed, long_pause(seed, scale));
            let report = report.unwrap_or_else(|failure| panic!("seed {seed}: {failure:?}"));
            pauses += report.pauses;
        }
    }
    assert!(
        pauses > SEEDS as usize / 10,
        "{pauses} pauses during a transaction"
    );
}
