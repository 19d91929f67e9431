//! Domains that are slowed down.

use super::*;

/// Slows a domain down that does not reach the goal.
const SLOWED_DOWN: MoveOptions = MoveOptions {
    downtime_us: None,
    rate_max: None,
    timeout_us: None,
    not_converging: NotConverging::Slow,
};

#[test]
fn a_domain_that_is_slowed_down_reaches_the_goal_although_it_dirties_faster_than_the_wire() {
    for dirty_per_second in [30_000, 60_000, 200_000] {
        let load = (dirty_per_second, 4_096);
        let (rounds, plan, progress) =
            move_domain_with(SLOWED_DOWN, 16_384, load, 100 * MEGABYTE_PER_SECOND);
        assert_eq!(
            plan,
            Plan::Freeze(FreezeReason::FitsGoal),
            "{dirty_per_second}"
        );
        assert!(rounds <= 16, "{rounds}");
        assert!(progress.throttle > Throttle::NONE);
    }
}

#[test]
fn a_domain_that_reaches_the_goal_is_not_slowed_down() {
    let load = (5_000, 8_000);
    let (_, plan, progress) =
        move_domain_with(SLOWED_DOWN, 16_384, load, 100 * MEGABYTE_PER_SECOND);
    assert_eq!(plan, Plan::Freeze(FreezeReason::FitsGoal));
    assert_eq!(progress.throttle, Throttle::NONE);
}

#[test]
fn a_domain_that_dirties_too_much_at_the_highest_throttle_is_frozen() {
    let (_, plan, progress) = move_domain_with(
        SLOWED_DOWN,
        16_384,
        (20_000_000, 4_096),
        100 * MEGABYTE_PER_SECOND,
    );
    assert_eq!(plan, Plan::Freeze(FreezeReason::NoLongerShrinks));
    assert_eq!(progress.throttle.percent(), 99);
}

/// Nothing is gained by a domain that stands nearly still for all rounds.
#[test]
fn a_move_is_given_up_soon_if_even_the_highest_throttle_leaves_too_much() {
    let load = (20_000_000, 4_096);
    let (rounds, plan, _) = move_domain_with(SLOWED_DOWN, 16_384, load, SLOW);
    assert_eq!(plan, Plan::GiveUp);
    assert!(rounds < ROUNDS_MAX / 2, "{rounds}");
}

#[test]
fn a_domain_is_not_slowed_down_if_an_empty_freeze_would_miss_the_goal() {
    let options = MoveOptions {
        downtime_us: Some(1_000),
        ..SLOWED_DOWN
    };
    for (acknowledgement_us, is_slowed_down) in [(500, false), (100, true)] {
        let mut planner = Planner::new(Goals::default(), &options, 1_000);
        for _ in 0..STALLED_ROUNDS {
            planner.round_done(Round {
                pages: 1_000,
                bytes: 1_000 * PAGE_BYTES,
                elapsed_us: 100_000,
                acknowledgement_us,
                dirtied: 1_000,
                ..Round::default()
            });
        }
        let throttle = planner.throttle();
        assert_eq!(throttle > Throttle::NONE, is_slowed_down);
    }
}

#[test]
fn once_slowed_down_each_round_that_does_not_shrink_raises_the_throttle() {
    let mut planner = Planner::new(Goals::default(), &SLOWED_DOWN, 1_000);
    let mut round = |pages, dirtied| {
        planner.round_done(Round {
            pages,
            bytes: pages * PAGE_BYTES,
            elapsed_us: 100_000,
            dirtied,
            ..Round::default()
        });
        planner.throttle()
    };
    let throttles = [(1_000, 1_000), (1_000, 1_000), (1_000, 900), (900, 1_000)]
        .map(|(pages, dirtied)| round(pages, dirtied).percent());
    assert!(
        throttles[0] == 0 && throttles[1] == throttles[2],
        "{throttles:?}"
    );
    assert!(throttles[3] > throttles[2], "{throttles:?}");
}
