//! Frames that reach a machine for a domain that moves arrive at the domain, wherever it is.

use nomad_protocol::LocalFailure;
use nomad_simulator::faults::{
    Faults, HelloFaults, LocalFault, LocalStep, PlannedMove, RootCall, RootFault, Scale,
    SwitchRestart,
};
use nomad_simulator::history::Violation;
use nomad_simulator::machine::Mutant;
use nomad_simulator::outcome::Outcome;
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
    let mut failures = (0..SEEDS).filter_map(run);
    let is_lost = |failure: Failure| matches!(failure, Failure::Violation(_, Violation::FrameLost));
    assert!(failures.any(is_lost));
}

/// The first move fails after root has exported the domain, and root serves it again only after several calls. Meanwhile the domain
/// moves at `again_us`, or that move fails too.
fn unserved(again_us: u64, has_second_failure: bool) -> Faults {
    let fault = |times| LocalFault {
        machine: 0,
        step: LocalStep::ReadState,
        failure: LocalFailure::Service,
        times,
    };
    let again = PlannedMove {
        domain: 0,
        at_us: again_us,
    };
    let mut faults = Faults::none(Scale::PAIR);
    faults.moves.push(again);
    faults.local = vec![fault(1 + u32::from(has_second_failure))];
    faults.root = vec![RootFault {
        machine: 0,
        call: RootCall::Revert,
        times: 3,
    }];
    faults
}

#[test]
fn frames_for_a_domain_that_root_does_not_serve_yet_are_not_lost() {
    let mut arrived = 0;
    for again_us in (30_000..330_000).step_by(3_000) {
        for has_second_failure in [false, true] {
            let report = simulation::run_with(again_us, unserved(again_us, has_second_failure));
            let report = report.unwrap_or_else(|failure| panic!("{again_us}: {failure:?}"));
            let outcome = match has_second_failure {
                true => Outcome::Stayed,
                false => Outcome::Moved,
            };
            assert_eq!(report.outcomes, [outcome], "{again_us}");
            assert!(report.failed.contains("root Revert"), "{again_us}");
            arrived += report.late_frames;
        }
    }
    assert!(arrived > 200, "{arrived}");
}

/// The switches of both machines are restarted while the domain moves and its late frames are forwarded.
#[test]
fn frames_that_a_migration_server_has_accepted_are_not_lost_with_a_switch() {
    let mut arrived = 0;
    for end_us in (0..80_000).step_by(1_000) {
        let restart = |machine| SwitchRestart {
            machine,
            end_us: end_us + 7_000 * machine as u64,
            begin_us: end_us + 7_000 * machine as u64 + 20_000,
        };
        let faults = Faults {
            switches: (0..2).map(restart).collect(),
            hellos: HelloFaults {
                seed: end_us,
                ..HelloFaults::default()
            },
            ..Faults::none(Scale::PAIR)
        };
        let report = simulation::run_with(end_us, faults);
        let report = report.unwrap_or_else(|failure| panic!("{end_us}: {failure:?}"));
        assert_eq!(report.outcomes, [Outcome::Moved], "{end_us}");
        arrived += report.late_frames;
    }
    println!("{arrived} frames have arrived");
    assert!(arrived > 0);
}

/// Root serves the domain again, and its frames return, while the switch is restarted.
fn unconnected(seed: u64) -> Faults {
    let mut faults = unserved(1_000_000, true);
    faults.switches = vec![SwitchRestart {
        machine: 0,
        end_us: 40_000,
        begin_us: 500_000,
    }];
    faults.hellos.seed = seed;
    faults
}

#[test]
fn a_switch_that_forgets_the_frames_in_its_rings_is_caught() {
    let mutant = Mutant::SwitchForgetsRings;
    let run = |seed, mutant| simulation::run_mutant_with(seed, unconnected(seed), mutant);
    for seed in 0..20 {
        let report = run(seed, Mutant::None);
        report.unwrap_or_else(|failure| panic!("seed {seed}: {failure:?}"));
    }
    let failure = (0..20).find_map(|seed| run(seed, mutant).err());
    let failure = failure.expect("it is caught");
    let is_lost = matches!(failure, Failure::Violation(_, Violation::FrameLost));
    assert!(is_lost, "{failure:?}");
}
