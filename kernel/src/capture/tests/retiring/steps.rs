//! A retirement with more waiting outsiders than one step can fail.

use abi::Error;

use super::{FIRST_OUTSIDER, INNER_OUTSIDE, outsider, scene, status};
use crate::arch::Cause;
use crate::capture::tests::scene::{
    HELPER, INNER, INNER_REPLY, SUBJECT, Scene, call, freeze, receive,
};
use crate::memory::Ref;
use crate::objects::tests::checker::check;
use crate::objects::{PendingWaiters, Phase, Thread};
use crate::testing::{calls, slots};

/// The number of callers in a queue: more than one step of a retirement can fail.
const CALLERS: u32 = 100;

/// A scene with many callers at the subject's endpoint.
fn crowd() -> (Scene, Vec<Ref<Thread>>) {
    let scene = scene();
    let grow = calls::grow(slots::DOMAIN, FIRST_OUTSIDER + CALLERS);
    scene.does(scene.manager, grow);
    let callers: Vec<_> = (0..CALLERS)
        .map(|number| outsider(&scene, number))
        .collect();
    for caller in &callers {
        scene.begin(*caller, call(INNER_OUTSIDE, 1));
    }
    (scene, callers)
}

/// The manager's thread takes the first step of retiring the subject, and stands at the call again.
fn begin_to_retire(scene: &Scene) {
    let version = scene.freeze();
    let thread = scene.manager.thread;
    scene.begin_step(
        thread,
        super::super::scene::retire(version, scene.token.get()),
    );
    assert!(scene.world.is_at_call(thread));
}

fn failed_count(scene: &Scene, callers: &[Ref<Thread>]) -> usize {
    let gone = |thread: &&Ref<Thread>| {
        status::<abi::calls::Call>(scene, **thread) == Some(Err(Error::Gone))
    };
    callers.iter().filter(gone).count()
}

#[test]
fn the_commit_point_is_one_step_and_the_failing_of_waiters_can_be_resumed() {
    let (scene, callers) = crowd();
    begin_to_retire(&scene);
    let some = failed_count(&scene, &callers);
    assert!(some > 0 && some <= 32, "{some} in a step");
    // The domain is retired nevertheless, for new callers and for its own threads.
    let refused = scene.call(scene.server, call(INNER_OUTSIDE, 1));
    assert_eq!(refused, Err(Error::Gone));
    assert!(scene.subject.domain.is_retired() && !scene.subject.thread.is_runnable());
    // The next caller finishes the retirement, whatever version and token it passes.
    scene.does(scene.server, super::super::scene::retire(77, 77));
    assert_eq!(failed_count(&scene, &callers), callers.len());
    assert_eq!(
        scene.subject.domain.pending_waiters.get(),
        PendingWaiters::None
    );
}

#[test]
fn a_retirement_undone_half_way_leaves_the_rest_waiting() {
    let (scene, callers) = crowd();
    begin_to_retire(&scene);
    let some = failed_count(&scene, &callers);
    scene.unretire_by(scene.server);
    scene.thaw_by(scene.server);
    scene.does(scene.helper, receive(INNER, INNER_REPLY));
    let awaiting = |thread: &&Ref<Thread>| thread.phase.get() == Phase::Awaiting;
    assert_eq!(callers.iter().filter(awaiting).count(), 1);
    assert_eq!(failed_count(&scene, &callers), some);
    // A second retirement fails the remaining calls.
    let (version, token) = scene.does(scene.server, freeze(u64::MAX));
    scene.does(scene.server, super::super::scene::retire(version, token));
    assert_eq!(failed_count(&scene, &callers), callers.len());
}

#[test]
fn an_object_destroyed_meanwhile_is_skipped() {
    let (scene, callers) = crowd();
    begin_to_retire(&scene);
    scene.does(scene.server, calls::destroy(INNER_OUTSIDE));
    assert_eq!(failed_count(&scene, &callers), callers.len());
    scene.does(scene.server, super::super::scene::retire(0, 0));
    assert_eq!(
        scene.subject.domain.pending_waiters.get(),
        PendingWaiters::None
    );
}

#[test]
fn waiters_left_by_a_retirement_are_failed_by_the_destruction() {
    let (scene, callers) = crowd();
    begin_to_retire(&scene);
    assert!(failed_count(&scene, &callers) < callers.len());
    scene.does(scene.server, calls::destroy(SUBJECT));
    assert_eq!(failed_count(&scene, &callers), callers.len());
}

#[test]
fn the_timer_fails_the_waiters_if_the_destroyer_ends_half_way() {
    let (scene, callers) = crowd();
    begin_to_retire(&scene);
    let (kernel, machine) = (&scene.world.kernel, scene.world.machine);
    scene.begin_step(scene.server, calls::destroy(SUBJECT));
    scene.does(scene.manager, calls::destroy(HELPER));
    let mut before = failed_count(&scene, &callers);
    assert!(before < callers.len());
    while machine
        .timer()
        .is_some_and(|due| due <= crate::arch::ticks())
    {
        kernel.enter(Cause::Timer);
        check(kernel);
        let now = failed_count(&scene, &callers);
        assert!(
            now - before <= 1,
            "{before} calls had failed, and now {now}"
        );
        before = now;
    }
    assert_eq!(before, callers.len());
    assert_eq!(kernel.scheduler.timers.earliest(), None);
    scene.destroy();
}
