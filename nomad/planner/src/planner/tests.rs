//! The planner on simulated domains, and on any measurements.

mod slowing_down;

use super::*;
use proptest::prelude::*;

const MEGABYTE_PER_SECOND: u64 = 1_000_000;
/// Dirties pages as fast as they are sent.
const BUSY: (u64, u64) = (1_000_000, 4_096);

/// A planner without an operator's options.
fn planner(goals: Goals, pages: u64) -> Planner {
    Planner::new(goals, &MoveOptions::default(), pages)
}

/// Moves a domain that dirties `dirty_per_second` pages per second within its working set. `wire` is bytes per second.
fn move_domain(
    pages: u64,
    dirty_per_second: u64,
    working_set: u64,
    wire: u64,
) -> (u32, FreezeReason, Progress) {
    let default = MoveOptions::default();
    let (rounds, plan, progress) =
        move_domain_with(default, pages, (dirty_per_second, working_set), wire);
    match plan {
        Plan::Freeze(reason) => (rounds, reason, progress),
        other => panic!("{other:?}"),
    }
}

/// Moves a domain as [`move_domain`] does, with an operator's options. Returns the plan that ends the rounds.
fn move_domain_with(
    options: MoveOptions,
    pages: u64,
    (dirty_per_second, working_set): (u64, u64),
    wire: u64,
) -> (u32, Plan, Progress) {
    let mut planner = Planner::new(Goals::default(), &options, pages);
    let mut remaining = pages;
    for rounds in 1.. {
        let bytes = remaining * PAGE_BYTES;
        let elapsed_us = (bytes * 1_000_000 / wire).max(100);
        let running = 100 - u64::from(planner.throttle().percent());
        let running_us = elapsed_us * running / 100;
        let dirtied = (dirty_per_second * running_us / 1_000_000).min(working_set);
        let plan = planner.round_done(Round {
            pages: remaining,
            bytes,
            elapsed_us,
            dirtied,
            ..Round::default()
        });
        remaining = dirtied;
        if plan != Plan::AnotherRound {
            return (rounds, plan, planner.progress());
        }
    }
    unreachable!("rounds are limited");
}

#[test]
fn freezes_an_idle_domain_after_one_round() {
    let (rounds, reason, _) = move_domain(16_384, 0, 0, 100 * MEGABYTE_PER_SECOND);
    assert_eq!((rounds, reason), (1, FreezeReason::FitsGoal));
}

#[test]
fn copies_until_the_rest_fits_the_goal() {
    let (rounds, reason, progress) = move_domain(16_384, 5_000, 8_000, 100 * MEGABYTE_PER_SECOND);
    assert_eq!(reason, FreezeReason::FitsGoal);
    assert!((2..6).contains(&rounds), "{rounds}");
    assert!(progress.downtime_estimate_us.expect("measured") <= DOWNTIME_GOAL_US);
}

#[test]
fn stops_copying_a_domain_that_dirties_faster_than_the_wire() {
    let (rounds, reason, _) = move_domain(16_384, 1_000_000, 4_096, 100 * MEGABYTE_PER_SECOND);
    assert_eq!(reason, FreezeReason::NoLongerShrinks);
    assert!(rounds <= 4, "{rounds}");
}

#[test]
fn one_noisy_round_does_not_end_the_copying() {
    let mut planner = planner(Goals::default(), 10_000);
    let round = |pages, dirtied| Round {
        pages,
        bytes: pages * PAGE_BYTES,
        elapsed_us: pages * 100,
        dirtied,
        ..Round::default()
    };
    assert_eq!(planner.round_done(round(10_000, 5_000)), Plan::AnotherRound);
    assert_eq!(planner.round_done(round(5_000, 5_500)), Plan::AnotherRound);
    assert_eq!(planner.round_done(round(5_500, 2_000)), Plan::AnotherRound);
    assert_eq!(
        planner.round_done(round(2_000, 100)),
        Plan::Freeze(FreezeReason::FitsGoal)
    );
}

#[test]
fn a_goal_below_the_overhead_never_counts_as_met() {
    let goals = Goals {
        downtime_us: 1_000,
        rounds_max: 3,
        ..Goals::default()
    };
    for (acknowledgement_us, plan) in [
        (1_000, Plan::AnotherRound),
        (100, Plan::Freeze(FreezeReason::FitsGoal)),
    ] {
        let mut planner = planner(goals, 100);
        let round = Round {
            pages: 100,
            bytes: 409_600,
            elapsed_us: 10_000,
            acknowledgement_us,
            dirtied: 1,
            ..Round::default()
        };
        assert_eq!(planner.round_done(round), plan, "{acknowledgement_us}");
    }
}

#[test]
fn a_domain_that_could_not_be_described_is_frozen_late_but_the_move_is_not_given_up() {
    let goals = Goals {
        rounds_max: 3,
        ..Goals::default()
    };
    let mut planner = planner(goals, 100);
    let round = Round {
        pages: 100,
        bytes: 409_600,
        elapsed_us: 10_000,
        acknowledgement_us: 100,
        dirtied: 1,
        is_undescribed: true,
        ..Round::default()
    };
    let plans = [(); 3].map(|()| planner.round_done(round));
    let [first, second, last] = plans;
    assert_eq!([first, second], [Plan::AnotherRound; 2]);
    assert_eq!(last, Plan::Freeze(FreezeReason::RoundsExhausted));
}

/// The simulator's explorations rely on it.
#[test]
fn a_goal_of_nothing_is_met_only_if_nothing_is_dirty() {
    let goals = Goals {
        downtime_us: 0,
        ..Goals::default()
    };
    for (dirtied, plan) in [
        (1, Plan::AnotherRound),
        (0, Plan::Freeze(FreezeReason::FitsGoal)),
    ] {
        let mut planner = planner(goals, 1_000_000);
        let round = Round {
            pages: 1_000_000,
            bytes: u64::MAX,
            elapsed_us: 1,
            dirtied,
            ..Round::default()
        };
        assert_eq!(planner.round_done(round), plan);
    }
}

#[test]
fn there_is_no_estimate_before_a_round_was_measured() {
    let progress = planner(Goals::default(), 100).progress();
    assert_eq!(progress.downtime_estimate_us, None);
}

#[test]
fn an_operator_can_request_that_a_move_that_does_not_converge_is_abandoned() {
    let options = MoveOptions {
        not_converging: NotConverging::GiveUp,
        ..MoveOptions::default()
    };
    let (_, plan, _) = move_domain_with(options, 16_384, BUSY, 100 * MEGABYTE_PER_SECOND);
    assert_eq!(plan, Plan::GiveUp);
    let (_, plan, _) = move_domain_with(options, 16_384, (0, 0), 100 * MEGABYTE_PER_SECOND);
    assert_eq!(plan, Plan::Freeze(FreezeReason::FitsGoal));
}

/// At this rate, the working set of [`BUSY`] takes 16 s.
const SLOW: u64 = MEGABYTE_PER_SECOND;

#[test]
fn a_domain_is_not_frozen_for_longer_than_a_freeze_may_take() {
    let goal = MoveOptions {
        downtime_us: Some(u64::MAX),
        ..MoveOptions::default()
    };
    for options in [MoveOptions::default(), goal] {
        let (rounds, plan, _) = move_domain_with(options, 16_384, BUSY, SLOW);
        assert_eq!((rounds, plan), (ROUNDS_MAX, Plan::GiveUp));
    }
}

#[test]
fn a_stalled_move_freezes_once_the_wire_is_fast_enough() {
    let mut planner = planner(Goals::default(), 4_096);
    let mut round = |wire: u64| {
        let bytes = 4_096 * PAGE_BYTES;
        planner.round_done(Round {
            pages: 4_096,
            bytes,
            elapsed_us: bytes * 1_000_000 / wire,
            dirtied: 4_096,
            ..Round::default()
        })
    };
    for _ in 0..5 {
        assert_eq!(round(SLOW), Plan::AnotherRound);
    }
    let freezes = (0..5).any(|_| round(100 * SLOW) == Plan::Freeze(FreezeReason::NoLongerShrinks));
    assert!(freezes);
}

#[test]
fn the_operators_goal_replaces_the_machines() {
    let options = MoveOptions {
        downtime_us: Some(1_000_000),
        ..MoveOptions::default()
    };
    let (rounds, plan, _) = move_domain_with(options, 16_384, BUSY, 100 * MEGABYTE_PER_SECOND);
    assert_eq!((rounds, plan), (1, Plan::Freeze(FreezeReason::FitsGoal)));
}

#[test]
fn a_segment_that_was_measured_decides_instead_of_the_trial_build() {
    let goals = Goals {
        downtime_us: 5_000,
        ..Goals::default()
    };
    let mut planner = planner(goals, 25_000);
    let round = |pages, elapsed_us, acknowledgement_us| Round {
        pages,
        bytes: pages * PAGE_BYTES,
        elapsed_us,
        acknowledgement_us,
        dirtied: 10,
        ..Round::default()
    };
    let first = planner.round_done(round(25_000, 1_000_000, 3_000));
    assert_eq!(first, Plan::AnotherRound);
    let small = planner.round_done(round(20, 2_000, 0));
    assert_eq!(small, Plan::Freeze(FreezeReason::FitsGoal));
}

/// The first round of a domain that returns is small, and the trial build takes most of its time. Then the measured rate is too low, and
/// more pages may be dirtied than were sent.
#[test]
fn a_domain_that_returns_is_frozen_after_few_rounds_and_not_too_early() {
    const BYTES_PER_US: u64 = 100;
    /// The cost of a round, and of a freeze, besides its pages.
    const SEGMENT_US: u64 = 500;
    const FREEZE_US: u64 = 1_000;
    for (written, trial_us, dirty_per_second) in [
        (0, 8_000, 5_000),
        (30, 8_000, 5_000),
        (100, 15_000, 10_000),
        (300, 8_000, 5_000),
        (3_000, 15_000, 10_000),
    ] {
        let mut planner = planner(Goals::default(), written);
        let sending_us = |pages: u64| pages * PAGE_BYTES / BYTES_PER_US;
        let first_us = SEGMENT_US + trial_us;
        let (mut remaining, mut acknowledgement_us, mut rounds) = (written, first_us, 0);
        let plan = loop {
            let elapsed_us = sending_us(remaining) + acknowledgement_us;
            let dirtied = dirty_per_second * elapsed_us / 1_000_000;
            let plan = planner.round_done(Round {
                pages: remaining,
                bytes: remaining * PAGE_BYTES,
                elapsed_us,
                acknowledgement_us,
                dirtied,
                ..Round::default()
            });
            (remaining, acknowledgement_us, rounds) = (dirtied, SEGMENT_US, rounds + 1);
            if plan != Plan::AnotherRound {
                break plan;
            }
        };
        let case = (written, trial_us, dirty_per_second);
        assert_eq!(plan, Plan::Freeze(FreezeReason::FitsGoal), "{case:?}");
        assert!(rounds <= 4, "{rounds} rounds, {case:?}");
        let downtime_us = sending_us(remaining) + FREEZE_US;
        let estimate_us = planner.progress().downtime_estimate_us;
        let estimate_us = estimate_us.expect("measured");
        assert!(estimate_us >= downtime_us, "{estimate_us} us, {case:?}");
    }
}

#[test]
fn the_progress_counts_what_was_sent_and_dirtied() {
    let mut planner = planner(Goals::default(), 100);
    let round = Round {
        pages: 100,
        bytes: 409_600,
        wire_bytes: 420_000,
        elapsed_us: 500_000,
        acknowledgement_us: 0,
        dirtied: 60,
        is_undescribed: false,
    };
    planner.round_done(round);
    planner.round_done(round);
    let progress = planner.progress();
    assert_eq!(progress.wire_bytes, 840_000);
    assert_eq!(progress.elapsed_us, 1_000_000);
    assert_eq!(progress.dirty_pages_per_second, Some(120));
}

prop_compose! {
    fn any_round()(
        pages: u64, bytes: u64, wire_bytes: u64, elapsed_us: u64, acknowledgement_us: u64, dirtied: u64,
    ) -> Round {
        Round { pages, bytes, wire_bytes, elapsed_us, acknowledgement_us, dirtied, is_undescribed: false }
    }
}

/// Values of realistic size, so that the ordinary branches are covered too.
fn plausible_round() -> impl Strategy<Value = Round> {
    let numbers = (1u64..100_000, 1u64..10_000_000, 0u64..100_000, 0u64..100);
    numbers.prop_map(
        |(pages, elapsed_us, dirtied, acknowledgement_percent)| Round {
            pages,
            bytes: pages * PAGE_BYTES,
            elapsed_us,
            acknowledgement_us: elapsed_us * acknowledgement_percent / 100,
            dirtied,
            ..Round::default()
        },
    )
}

proptest! {
    #[test]
    fn always_terminates_on_any_values(
        pages: u64, downtime_us: u64, rounds_max in 0u32..50,
        rounds in prop::collection::vec(any_round(), 51),
    ) {
        let mut planner = planner(Goals { downtime_us, rounds_max, ..Goals::default() }, pages);
        let ended_after = rounds.iter().position(|round| planner.round_done(*round) != Plan::AnotherRound);
        prop_assert!(ended_after.expect("ended") < rounds_max.max(1) as usize);
    }

    #[test]
    fn never_freezes_while_another_round_would_cut_the_remainder(
        rounds in prop::collection::vec(prop_oneof![plausible_round(), any_round()], 1..30),
    ) {
        let mut planner = planner(Goals::default(), 100_000);
        for (index, round) in rounds.iter().enumerate() {
            let Plan::Freeze(reason) = planner.round_done(*round) else { continue };
            let estimate_us = planner.progress().downtime_estimate_us;
            match reason {
                FreezeReason::FitsGoal => prop_assert!(
                    round.dirtied == 0 || estimate_us.expect("measured") <= DOWNTIME_GOAL_US
                ),
                _ if estimate_us.is_some_and(|it| it > FREEZE_US_MAX) => prop_assert_eq!(round.dirtied, 0),
                FreezeReason::NoLongerShrinks => {
                    for stalled in &rounds[index + 1 - STALLED_ROUNDS as usize..=index] {
                        let cut = stalled.pages.saturating_sub(stalled.dirtied);
                        prop_assert!(u128::from(cut) * u128::from(SHRINK_PARTS) < u128::from(stalled.pages) + u128::from(SHRINK_PARTS));
                    }
                }
                FreezeReason::RoundsExhausted => prop_assert_eq!(index + 1, ROUNDS_MAX as usize),
            }
            break;
        }
    }

    #[test]
    fn gives_up_exactly_where_it_would_freeze_without_reaching_the_goal(
        rounds in prop::collection::vec(prop_oneof![plausible_round(), any_round()], 1..30),
    ) {
        let give_up = MoveOptions { not_converging: NotConverging::GiveUp, ..MoveOptions::default() };
        let mut stops = planner(Goals::default(), 100_000);
        let mut gives_up = Planner::new(Goals::default(), &give_up, 100_000);
        for round in rounds {
            let (stop, give_up) = (stops.round_done(round), gives_up.round_done(round));
            if give_up != Plan::GiveUp {
                prop_assert_eq!(give_up, stop);
                continue;
            }
            let freeze_us = stops.progress().downtime_estimate_us;
            let is_freeze_too_long = freeze_us.is_none_or(|it| it > FREEZE_US_MAX);
            match stop {
                Plan::Freeze(reason) => prop_assert_ne!(reason, FreezeReason::FitsGoal),
                _ => prop_assert!(is_freeze_too_long),
            }
            break;
        }
    }

    #[test]
    fn never_copies_on_when_the_rest_fits(rounds in prop::collection::vec(plausible_round(), 1..30)) {
        let mut planner = planner(Goals::default(), 100_000);
        for round in rounds {
            if planner.round_done(round) == Plan::AnotherRound {
                prop_assert!(planner.progress().downtime_estimate_us.expect("measured") > DOWNTIME_GOAL_US);
            }
        }
    }

    #[test]
    fn the_estimate_follows_from_the_rate_and_the_acknowledgement(round in plausible_round()) {
        let mut planner = planner(Goals::default(), 100_000);
        planner.round_done(round);
        let progress = planner.progress();
        let sending_us = u128::from(round.dirtied * PAGE_BYTES) * u128::from(round.elapsed_us) / u128::from(round.bytes);
        let overhead_us = 2 * round.acknowledgement_us;
        let estimate_us = u128::from(progress.downtime_estimate_us.expect("measured") - overhead_us);
        prop_assert!(estimate_us == sending_us || estimate_us == sending_us + 1);
    }
}
