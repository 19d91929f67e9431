//! The owner and the end of a freeze.

mod deadlines;

use abi::Error;
use abi::calls::DomainFreeze;
use abi::register::Slot;

use super::scene::{Scene, freeze, retire, thaw, unretire};
use super::settling::crowd;
use crate::arch::Cause;
use crate::objects::tests::checker::check;
use crate::testing::{calls, slots};

/// A deadline, in nanoseconds of a clock that agrees with the machine's.
pub const DEADLINE_NS: u64 = 1_000_000_000;

/// The maximum number of kernel entries for all work that is due at one time.
const ENTRIES_MAX: usize = 10_000;

/// Advances the machine's time to `ns`, and lets the timer fire until it is armed for a later time.
pub fn pass_time(scene: &Scene, ns: u64) {
    let (kernel, machine) = (&scene.world.kernel, scene.world.machine);
    let ticks = kernel.clock.ticks_at(ns);
    machine.set_ticks_step(0);
    machine.set_ticks(ticks);
    for entry in 0.. {
        if machine.timer().is_none_or(|armed| armed > ticks) {
            break;
        }
        assert!(
            entry < ENTRIES_MAX,
            "the timer is armed for the same work again and again"
        );
        machine.take_timer();
        kernel.enter(Cause::Timer);
        check(kernel);
    }
    let earliest = kernel.scheduler.timers.earliest();
    assert!(
        earliest.is_none_or(|due| due > ticks),
        "the timer is not armed"
    );
}

#[test]
fn a_freeze_ends_at_its_deadline_and_not_later() {
    let scene = Scene::new();
    scene.freeze_until(DEADLINE_NS);
    let (kernel, machine) = (&scene.world.kernel, scene.world.machine);
    machine.set_ticks_step(0);
    for (ticks, is_running) in [(DEADLINE_NS - 1, false), (DEADLINE_NS, true)] {
        machine.set_ticks(ticks);
        machine.take_timer();
        kernel.enter(Cause::Timer);
        assert_eq!(scene.subject.domain.is_running(), is_running, "at {ticks}");
        check(kernel);
    }
}

#[test]
fn a_freeze_belongs_to_the_holder_of_its_token() {
    let scene = Scene::new();
    let version = scene.freeze();
    let (owner, other) = (scene.manager.thread, scene.server);
    let token = scene.token.get();
    let refused = scene.call(other, freeze(u64::MAX));
    assert_eq!(refused, Err(Error::InUse));
    for wrong in [0, token - 1, token + 1, u64::MAX] {
        assert_eq!(scene.call(other, thaw(wrong)), Err(Error::InUse));
        let refused = scene.call(other, retire(version, wrong));
        assert_eq!(refused, Err(Error::InUse));
    }
    assert!(scene.subject.domain.is_quiescent());
    assert_eq!(scene.version(), version);
    scene.does(owner, thaw(token));
    assert!(scene.subject.thread.is_runnable());
}

#[test]
fn a_number_that_is_not_the_token_continues_no_freeze() {
    let scene = Scene::new();
    scene.freeze();
    scene.thaw();
    let version = scene.freeze();
    let token = scene.token.get();
    for progress in [77, token - 1, token + 1, u64::MAX] {
        let alleged = DomainFreeze {
            progress,
            ..freeze(u64::MAX)
        };
        let refused = scene.call(scene.server, alleged);
        assert_eq!(refused, Err(Error::TimedOut), "{progress}");
    }
    assert_eq!(
        (scene.version(), scene.subject.domain.token()),
        (version, token)
    );
    scene.thaw();
}

#[test]
fn a_freeze_overtaken_by_its_deadline_is_not_finished_as_part_of_another() {
    let (scene, _) = crowd();
    let manager = scene.manager.thread;
    scene.begin_step(manager, freeze(DEADLINE_NS));
    pass_time(&scene, DEADLINE_NS);
    scene.does(scene.server, freeze(u64::MAX));
    scene.world.step(manager);
    let late = scene.world.outcome::<DomainFreeze>(manager);
    assert_eq!(late, Some(Err(Error::TimedOut)));
    assert!(scene.subject.domain.is_quiescent());
}

#[test]
fn every_thaw_raises_the_version_at_once() {
    let (scene, _) = crowd();
    let version = scene.freeze();
    scene.thaw();
    assert!(!scene.subject.domain.is_settled());
    assert!(scene.version() > version);
    let version = scene.freeze_until(DEADLINE_NS);
    pass_time(&scene, DEADLINE_NS);
    assert!(scene.version() > version);
}

#[test]
fn a_thaw_raises_the_version_of_a_domain_without_threads() {
    const POOL: Slot = Slot(30);
    const EMPTY: Slot = Slot(31);
    let scene = Scene::new();
    let manager = scene.manager.thread;
    scene.does(manager, calls::split(16, POOL));
    scene.does(manager, calls::domain(POOL, EMPTY));
    let freeze = DomainFreeze {
        domain: EMPTY,
        ..freeze(u64::MAX)
    };
    let (version, token) = scene.does(manager, freeze);
    scene.does(manager, calls::thaw(EMPTY, token));
    let (again, _) = scene.does(manager, freeze);
    assert!(again > version);
}

#[test]
fn a_run_between_two_freezes_invalidates_the_version_and_the_token() {
    let scene = Scene::new();
    let manager = scene.manager.thread;
    let version = scene.freeze();
    let stale = scene.token.get();
    scene.thaw();
    assert_eq!(scene.call(manager, thaw(stale)), Err(Error::WrongState));
    let again = scene.freeze();
    assert!(again > version);
    let token = scene.token.get();
    assert_ne!(token, stale);
    for (version, token, error) in [
        (version, token, Error::VersionMoved),
        (again, stale, Error::InUse),
    ] {
        let refused = scene.call(manager, retire(version, token));
        assert_eq!(refused, Err(error));
    }
    scene.does(manager, retire(again, token));
}

#[test]
fn an_undone_retirement_invalidates_the_version_and_the_token() {
    let scene = Scene::new();
    let manager = scene.manager.thread;
    let version = scene.freeze();
    let stale = scene.token.get();
    scene.does(manager, retire(version, stale));
    let (undone, token) = scene.does(manager, unretire(u64::MAX));
    assert!(undone > version);
    assert_ne!(token, stale);
    let late = scene.call(manager, retire(version, stale));
    assert_eq!(late, Err(Error::InUse));
    scene.does(manager, thaw(token));
    assert!(scene.subject.thread.is_runnable());
    let late = scene.call(manager, retire(version, stale));
    assert_eq!(late, Err(Error::WrongState));
}

#[test]
fn a_frozen_domain_runs_at_its_deadline_even_if_the_thread_that_froze_it_was_destroyed() {
    for ends in [false, true] {
        let scene = Scene::new();
        let version = scene.freeze_until(DEADLINE_NS);
        let token = scene.token.get();
        if ends {
            scene.does(scene.server, calls::destroy(slots::THREAD));
        }
        pass_time(&scene, DEADLINE_NS - 1);
        assert!(scene.subject.domain.is_quiescent());
        pass_time(&scene, DEADLINE_NS);
        assert!(scene.subject.domain.is_running());
        assert!(scene.subject.thread.is_runnable() && scene.helper.is_runnable());
        for stale in [
            scene.call(scene.server, thaw(token)),
            scene.call(scene.server, retire(version, token)),
        ] {
            assert_eq!(stale, Err(Error::WrongState));
        }
        let (again, _) = scene.does(scene.server, freeze(u64::MAX));
        assert!(again > version);
        let stale = scene.call(scene.server, retire(again, token));
        assert_eq!(stale, Err(Error::InUse));
    }
}

#[test]
fn an_unretired_domain_runs_at_the_new_deadline() {
    let scene = Scene::new();
    let manager = scene.manager.thread;
    let version = scene.freeze();
    scene.does(manager, retire(version, scene.token.get()));
    scene.does(manager, unretire(DEADLINE_NS));
    pass_time(&scene, DEADLINE_NS - 1);
    assert!(scene.subject.domain.is_quiescent());
    pass_time(&scene, DEADLINE_NS);
    assert!(scene.subject.domain.is_running());
    assert!(scene.subject.thread.is_runnable() && scene.helper.is_runnable());
}
