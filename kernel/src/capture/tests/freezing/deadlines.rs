//! The deadline of a freeze: its clock, calls after it, and what cancels it.

use abi::Error;

use super::{DEADLINE_NS, pass_time};
use crate::capture::tests::scene::{NOTIFICATION, Scene, freeze, retire, thaw, unretire};
use crate::objects::tests::checker::check;
use crate::testing::{calls, slots};

#[test]
fn a_later_deadline_of_a_thread_does_not_delay_that_of_a_frozen_domain() {
    let scene = Scene::new();
    let wait = |deadline| calls::wait(NOTIFICATION, deadline);
    scene.begin(scene.server, wait(2 * DEADLINE_NS));
    scene.freeze_until(DEADLINE_NS);
    // No thread is left to run, so that no end of a slice is due before the deadline.
    scene.begin(scene.manager, wait(abi::NO_DEADLINE));
    pass_time(&scene, DEADLINE_NS - 1);
    assert!(scene.subject.domain.is_quiescent());
    pass_time(&scene, DEADLINE_NS);
    assert!(scene.subject.domain.is_running());
    assert!(!scene.server.is_runnable());
    pass_time(&scene, 2 * DEADLINE_NS);
    assert!(scene.server.is_runnable());
}

#[test]
fn a_deadline_is_in_the_time_of_the_freezers_domain() {
    let scene = Scene::new();
    scene.does(scene.manager, calls::clock(slots::DOMAIN, 400_000_000));
    scene.freeze_until(DEADLINE_NS);
    pass_time(&scene, DEADLINE_NS - 400_000_001);
    assert!(scene.subject.domain.is_quiescent());
    pass_time(&scene, DEADLINE_NS - 400_000_000);
    assert!(scene.subject.domain.is_running());
}

#[test]
fn a_deadline_before_the_machine_started_has_passed() {
    let scene = Scene::new();
    let manager = scene.manager.thread;
    let offset = 10 * DEADLINE_NS.cast_signed();
    scene.does(manager, calls::clock(slots::DOMAIN, offset));
    for deadline in [0, DEADLINE_NS, 9 * DEADLINE_NS] {
        let late = scene.call(manager, freeze(deadline));
        assert_eq!(late, Err(Error::TimedOut), "{deadline}");
        assert!(scene.subject.domain.is_running());
    }
    let version = scene.freeze();
    let retire = retire(version, scene.token.get());
    scene.does(manager, retire);
    let late = scene.call(manager, unretire(DEADLINE_NS));
    assert_eq!(late, Err(Error::TimedOut));
}

#[test]
fn a_call_with_a_passed_deadline_has_no_effect_and_checks_the_state_first() {
    let scene = Scene::new();
    let manager = scene.manager.thread;
    for deadline in [0, 1] {
        let late = scene.call(manager, freeze(deadline));
        assert_eq!(late, Err(Error::TimedOut));
        assert!(scene.subject.domain.is_running());
    }
    let version = scene.freeze();
    assert_eq!(scene.call(manager, freeze(0)), Err(Error::InUse));
    let retire = retire(version, scene.token.get());
    scene.does(manager, retire);
    assert_eq!(scene.call(manager, freeze(0)), Err(Error::WrongState));
    assert_eq!(scene.call(manager, unretire(0)), Err(Error::TimedOut));
    assert!(scene.subject.domain.is_retired());
}

#[test]
fn a_retirement_or_a_thaw_in_time_cancels_the_deadline() {
    let scene = Scene::new();
    let manager = scene.manager.thread;
    let version = scene.freeze_until(DEADLINE_NS);
    scene.does(manager, retire(version, scene.token.get()));
    assert_eq!(scene.world.kernel.scheduler.timers.earliest(), None);
    pass_time(&scene, 2 * DEADLINE_NS);
    assert!(scene.subject.domain.is_retired());
    let (_, token) = scene.does(manager, unretire(3 * DEADLINE_NS));
    scene.does(manager, thaw(token));
    assert_eq!(scene.world.kernel.scheduler.timers.earliest(), None);
    scene.freeze();
    pass_time(&scene, 3 * DEADLINE_NS);
    assert!(scene.subject.domain.is_quiescent());
}

#[test]
fn destroying_a_domain_cancels_its_deadline() {
    let scene = Scene::new();
    scene.freeze_until(DEADLINE_NS);
    scene.destroy();
    assert_eq!(scene.world.kernel.scheduler.timers.earliest(), None);
    check(&scene.world.kernel);
}
