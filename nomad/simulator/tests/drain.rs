//! Drains on simulated machines: every domain leaves, or stays for a reason that is known, whatever strikes meanwhile.

use nomad_client::event::DrainStage;
use nomad_simulator::faults::{Faults, PlannedDrain, RootCall, RootFault, Scale};
use nomad_simulator::network::NetworkConditions;
use nomad_simulator::outcome::Outcome;
use nomad_simulator::random::Random;
use nomad_simulator::simulation::{self, Report};

/// Three machines. Domains start on them in turn: two on the first machine, two on the second, one on the third.
const SCALE: Scale = Scale {
    machines: 3,
    domains: 5,
    guests: 0,
};

/// A drain of the first machine.
fn drain(to: Option<usize>) -> PlannedDrain {
    PlannedDrain {
        machine: 0,
        to,
        at_us: 1_000,
    }
}

fn run(seed: u64, faults: Faults) -> Report {
    let report = simulation::run_with(seed, faults.clone());
    report.unwrap_or_else(|failure| panic!("seed {seed}, {faults:?}: {failure:?}"))
}

fn faultless(drains: Vec<PlannedDrain>) -> Faults {
    Faults {
        moves: Vec::new(),
        drains,
        ..Faults::none(SCALE)
    }
}

/// The number of domains that ended on another machine than they began.
fn moved(report: &Report) -> usize {
    let outcomes = report.outcomes.iter();
    outcomes
        .filter(|outcome| **outcome == Outcome::Moved)
        .count()
}

#[test]
fn a_drained_machine_has_sent_all_its_domains_and_no_other_has() {
    for (seed, to) in [(0, None), (1, Some(1)), (2, Some(2))] {
        let report = run(seed, faultless(vec![drain(to)]));
        let status = report.drained[0];
        assert_eq!((status.stage, status.moved), (DrainStage::Over, 2));
        assert_eq!(status.staying, 0, "{report:?}");
        assert_eq!(moved(&report), 2, "{report:?}");
        assert!(report.aborts.is_empty(), "{report:?}");
    }
}

#[test]
fn two_machines_that_drain_send_their_domains_to_the_third() {
    let second = PlannedDrain {
        machine: 1,
        ..drain(None)
    };
    let report = run(3, faultless(vec![drain(None), second]));
    let staying = report.drained.iter().map(|status| status.staying);
    assert_eq!(staying.sum::<u32>(), 0, "{report:?}");
    assert_eq!(moved(&report), 4, "{report:?}");
}

#[test]
fn only_a_domain_that_came_in_a_package_is_drained_to_a_guest() {
    const GUEST: usize = 2;
    let to_guest = |machine| PlannedDrain {
        machine,
        // The guest is known by then.
        at_us: 500_000,
        ..drain(Some(GUEST))
    };
    let faults = Faults {
        moves: Vec::new(),
        drains: vec![to_guest(0), to_guest(1)],
        ..Faults::none(Scale::GUEST)
    };
    let report = run(5, faults);
    let ends = report.drained.iter();
    let ends: Vec<_> = ends.map(|end| (end.moved, end.staying)).collect();
    assert_eq!(ends, [(1, 0), (0, 1)], "{report:?}");
}

#[test]
fn machines_that_all_drain_keep_their_domains() {
    let drains = (0..3).map(|machine| PlannedDrain {
        machine,
        ..drain(None)
    });
    let report = run(4, faultless(drains.collect()));
    let over = report.drained.iter();
    assert!(over.clone().all(|status| status.stage == DrainStage::Over));
    assert_eq!(over.map(|status| status.staying).sum::<u32>(), 5);
    assert_eq!(moved(&report), 0, "{report:?}");
}

#[test]
fn a_domain_that_is_just_arriving_moves_on() {
    let faults = Faults {
        moves: Faults::none(SCALE).moves,
        ..faultless(vec![drain(None)])
    };
    for seed in 0..20 {
        let report = run(seed, faults.clone());
        let status = report.drained[0];
        assert_eq!(
            (status.stage, status.staying),
            (DrainStage::Over, 0),
            "{report:?}"
        );
    }
}

#[test]
fn a_failure_of_root_delays_a_drain_and_does_not_end_it() {
    let faults = Faults {
        root: vec![RootFault {
            machine: 0,
            call: RootCall::List,
            times: 2,
        }],
        ..faultless(vec![drain(None)])
    };
    let report = run(5, faults);
    let status = report.drained[0];
    assert_eq!(
        (status.stage, status.moved),
        (DrainStage::Over, 2),
        "{report:?}"
    );
}

#[test]
fn a_drain_over_a_wire_that_loses_repeats_and_reorders_settles() {
    let network = NetworkConditions {
        loss_permille: 200,
        double_permille: 100,
        delay_spread_us: 1_000,
        ..NetworkConditions::FAIR
    };
    for seed in 0..20 {
        let faults = Faults {
            network,
            ..faultless(vec![drain(None)])
        };
        let report = run(seed, faults);
        let status = report.drained[0];
        assert_eq!(status.stage, DrainStage::Over, "seed {seed}: {report:?}");
        assert_eq!(status.moved + status.staying, 2, "seed {seed}: {report:?}");
    }
}

/// Whatever strikes: crashes, cuts, pauses, failing steps. No domain is doubled or lost by the drain, which the run checks.
#[test]
fn every_seed_with_drains_ends_as_it_should() {
    let (mut over, mut left) = (0, 0);
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let drains = (0..2).map(|nth| PlannedDrain {
            machine: nth,
            to: (seed % 3 == 2).then_some(2),
            at_us: 40_000 * nth as u64,
        });
        let faults = Faults {
            drains: drains.collect(),
            ..Faults::from_seed(seed, SCALE, &mut random)
        };
        let report = run(seed, faults);
        over += usize::from(report.drained.iter().any(|it| it.stage == DrainStage::Over));
        left += report.drained.iter().map(|it| it.moved).sum::<u32>();
    }
    assert!(over > 100 && left > 100, "{over} {left}");
}
