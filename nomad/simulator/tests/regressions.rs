//! Seeds that have found a bug, each under the name of that bug.

use nomad_protocol::LocalFailure;
use nomad_simulator::faults::{
    Faults, LocalFault, LocalStep, OneWayLoss, PlannedCrash, PlannedMove, Scale, When,
};
use nomad_simulator::machine::Mutant;
use nomad_simulator::network::NetworkConditions;
use nomad_simulator::simulation;
use nomad_simulator::world::Crash;

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

/// nomad was restarted while it was notifying the destination that the copy was gone. The domain had come back
/// meanwhile, and the resumed release destroyed it.
#[test]
fn a_release_that_is_resumed_spares_a_domain_that_has_come_back() {
    for seed in [18_321, 19_256] {
        ends_as_it_should(seed);
    }
}

/// A machine was turned off while it was paused, but only when the pause ended. Then it was still off when the faults were over and the
/// next move to it began.
#[test]
fn a_paused_machine_is_off_as_soon_as_it_is_turned_off() {
    for seed in [7_000_009_460, 7_140_003_885] {
        let ended = simulation::run(seed);
        assert!(ended.is_ok(), "seed {seed}: {ended:?}");
    }
}

/// A machine with a fast clock was paused for longer than it forwards frames, and root had not released the domain that had left. A frame that
/// came then counted as lost.
#[test]
fn a_frame_for_a_domain_that_has_left_is_excused_once_it_is_no_longer_forwarded() {
    let ended = simulation::run(8_800_146_258);
    assert!(ended.is_ok(), "{ended:?}");
}

/// A machine of which only nomad was down counted as one that was turned off, so an operator ran a domain elsewhere that it still ran.
#[test]
fn a_machine_is_not_off_while_its_nomad_restarts() {
    let ended = simulation::run(7_300_070_771);
    assert!(ended.is_ok(), "{ended:?}");
}

/// The simulated time in which a home listens for guests began when its machine was turned off, not when it was up again. So it had heard of
/// no guest, and started a domain beside the one that a guest ran.
#[test]
fn a_machine_that_was_off_listens_for_guests_from_its_restart_on() {
    let ended = simulation::run_mutant(7_500_059_506, Scale::GUESTS, Mutant::None);
    assert!(ended.is_ok(), "{ended:?}");
}

/// The kernel refuses to retire the domain, so the source aborts a move whose destination has a verified copy, and Abort is
/// lost. Then the source moves the domain elsewhere, without a message from the first destination, and is restarted. The
/// first destination is left with a copy in doubt that is outlived.
#[test]
fn a_move_that_was_given_up_may_leave_a_stale_copy_in_doubt() {
    const RESTARTED_US: u64 = 400_000;
    let at_us = |at_us| PlannedMove { domain: 0, at_us };
    let faults = |begin_us| Faults {
        moves: vec![at_us(0), at_us(200_000)],
        network: NetworkConditions {
            loss_permille: 200,
            ..NetworkConditions::FAIR
        },
        late_permille: 1_000,
        local: vec![LocalFault {
            machine: 0,
            step: LocalStep::Retire,
            failure: LocalFailure::NoMemory,
            times: 1,
        }],
        one_way: Some(OneWayLoss {
            from: 1,
            to: 0,
            begin_us,
            end_us: RESTARTED_US + 100_000,
        }),
        crashes: vec![PlannedCrash {
            machine: 0,
            crash: Crash::Machine,
            when: When::At(RESTARTED_US),
            down_us: 1_000,
        }],
        ..Faults::none(Scale {
            machines: 3,
            domains: 1,
            guests: 0,
        })
    };
    for begin_us in [6_000, 7_000, 8_000] {
        let report = simulation::run_with(391, faults(begin_us)).expect("no failure");
        assert_eq!(report.stale, 1, "from {begin_us} us on");
    }
}

/// Root refused a call for the moment, and the shell treated the step as done. So memory of domains that had left or
/// did not arrive stayed reserved, and homes sent no roll calls for their domains. Now the call is repeated. A second
/// bug: a transaction was ended by two erasures, and its token stayed if nomad died between them.
#[test]
fn a_call_that_root_refuses_for_the_moment_is_repeated() {
    for seed in [1, 17, 21, 28] {
        if let Err(failure) = simulation::run(seed) {
            panic!("seed {seed}: {failure:?}");
        }
    }
}
