//! Steps of several calls that go wrong in the middle: nomad gets an error after a part of a step was done, or dies there. Nothing may be
//! left over.

use nomad_protocol::LocalFailure;
use nomad_simulator::faults::{Faults, LocalFault, LocalStep, Mishap, Point, PointFault, Scale};
use nomad_simulator::hardware::{death_at, failure_at};
use nomad_simulator::machine::Mutant;
use nomad_simulator::outcome::Defect;
use nomad_simulator::random::Random;
use nomad_simulator::simulation::{self, Failure};

/// The seeds for each point and each mishap.
const SEEDS: u64 = 60;
/// How long a nomad that has died is down.
const DOWN_US: u64 = 50_000;

/// The faults of a seed, with a mishap at this point on every machine.
fn faults(seed: u64, point: Point, mishap: Mishap) -> Faults {
    let mut faults = Faults::from_seed(seed, Scale::DEFAULT, &mut Random::new(seed));
    let machines = 0..faults.scale.machines;
    let struck = |machine| PointFault {
        machine,
        point,
        mishap,
        after: (seed % 3) as u32 / 2,
        times: 1 + (seed % 4) as u32,
    };
    faults.points = machines.clone().map(struck).collect();
    // The destination cannot build the domain, which the source has retired by then. So it declines the domain.
    let declines = |machine| LocalFault {
        machine,
        step: LocalStep::Rebuild,
        failure: LocalFailure::NoMemory,
        times: 1,
    };
    if matches!(point, Point::Unretire | Point::Thaw) {
        faults.local = machines.map(declines).collect();
    }
    faults
}

/// Runs seeds with a mishap at this point; returns how many of them it strikes under this name.
fn run_all(point: Point, mishap: Mishap, name: &str) -> usize {
    let strikes = |seed: &u64| {
        let report = simulation::run_with(*seed, faults(*seed, point, mishap));
        let report = report.unwrap_or_else(|failure| panic!("{name}, seed {seed}: {failure:?}"));
        report.failed.contains(name)
    };
    (0..SEEDS).filter(strikes).count()
}

#[test]
fn a_step_that_fails_after_a_part_of_it_was_done_leaves_nothing_over() {
    for point in Point::FAILING {
        let name = failure_at(point);
        let struck = run_all(point, Mishap::Failure, &name);
        println!("{name}: {struck}");
        assert!(struck > 0, "nothing fails {name}");
    }
}

#[test]
fn a_server_that_dies_within_a_step_leaves_nothing_over() {
    let down_us = DOWN_US;
    for point in Point::ALL {
        let name = death_at(point);
        let struck = run_all(point, Mishap::Death { down_us }, &name);
        println!("{name}: {struck}");
        assert!(struck > 0, "there is no {name}");
    }
}

#[test]
fn a_root_that_keeps_the_memory_of_a_domain_that_has_left_is_caught() {
    let down_us = DOWN_US;
    let run = |seed| {
        let faults = faults(seed, Point::Release, Mishap::Death { down_us });
        simulation::run_mutant_with(seed, faults, Mutant::RemainsStay).err()
    };
    let failure = (0..SEEDS).find_map(run).expect("it is caught");
    let is_left_over = matches!(failure, Failure::Settled(Defect::Leftover(_)));
    assert!(is_left_over, "{failure:?}");
}
