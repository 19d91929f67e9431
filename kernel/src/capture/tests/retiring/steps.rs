//! A retirement with more waiting outsiders than one step informs.

use abi::Error;
use abi::calls::Destroy;

use super::{FIRST_OUTSIDER, INNER_OUTSIDE, outsider, scene, status};
use crate::arch::Cause;
use crate::capture::tests::scene::{
    HELPER, INNER, INNER_REPLY, SUBJECT, Scene, call, freeze, receive,
};
use crate::memory::Ref;
use crate::objects::tests::checker::check;
use crate::objects::{PendingWaiters, Phase, Thread};
use crate::testing::slots;

/// Callers in a queue: more than one step of a retirement informs.
const CALLERS: u32 = 100;

/// A scene with many callers at the subject's endpoint.
fn crowd() -> (Scene, Vec<Ref<Thread>>) {
    let scene = scene();
    let grow = abi::calls::DomainGrow {
        domain: slots::DOMAIN,
        slots: FIRST_OUTSIDER + CALLERS,
    };
    scene.world.does(scene.keeper.thread, grow);
    let callers: Vec<_> = (0..CALLERS)
        .map(|number| outsider(&scene, number))
        .collect();
    for caller in &callers {
        scene.world.begin(*caller, call(INNER_OUTSIDE, 1));
    }
    (scene, callers)
}

/// The keeper's thread begins to retire the subject, and is stopped after a step.
fn begin_to_retire(scene: &Scene) {
    let version = scene.freeze();
    let thread = scene.keeper.thread;
    scene.world.begin_step(
        thread,
        super::super::scene::retire(version, scene.token.get()),
    );
    assert!(scene.world.is_at_call(thread));
}

fn informed(scene: &Scene, callers: &[Ref<Thread>]) -> usize {
    let gone = |thread: &&Ref<Thread>| {
        status::<abi::calls::Call>(scene, **thread) == Some(Err(Error::Gone))
    };
    callers.iter().filter(gone).count()
}

#[test]
fn the_commit_point_is_one_step_and_telling_outsiders_goes_on_from_where_it_was() {
    let (scene, callers) = crowd();
    begin_to_retire(&scene);
    let some = informed(&scene, &callers);
    assert!(some > 0 && some <= 32, "{some} in a step");
    // It is retired all the same: for who comes now, and for its own threads.
    let refused = scene.world.call(scene.server, call(INNER_OUTSIDE, 1));
    assert_eq!(refused, Err(Error::Gone));
    assert!(scene.subject.domain.is_retired() && !scene.subject.thread.is_runnable());
    // The next caller finishes it, whatever version and token it names.
    scene
        .world
        .does(scene.server, super::super::scene::retire(77, 77));
    assert_eq!(informed(&scene, &callers), callers.len());
    assert_eq!(
        scene.subject.domain.pending_waiters.get(),
        PendingWaiters::None
    );
}

#[test]
fn a_retirement_that_was_undone_half_way_leaves_the_rest_waiting() {
    let (scene, callers) = crowd();
    begin_to_retire(&scene);
    let some = informed(&scene, &callers);
    scene.unretire_by(scene.server);
    scene.thaw_by(scene.server);
    scene.world.does(scene.helper, receive(INNER, INNER_REPLY));
    let awaiting = |thread: &&Ref<Thread>| thread.phase.get() == Phase::Awaiting;
    assert_eq!(callers.iter().filter(awaiting).count(), 1);
    assert_eq!(informed(&scene, &callers), some);
    // A second retirement informs the others.
    let (version, token) = scene.world.does(scene.server, freeze(u64::MAX));
    scene
        .world
        .does(scene.server, super::super::scene::retire(version, token));
    assert_eq!(informed(&scene, &callers), callers.len());
}

#[test]
fn an_object_that_ends_meanwhile_is_passed() {
    let (scene, callers) = crowd();
    begin_to_retire(&scene);
    let object = INNER_OUTSIDE;
    scene
        .world
        .does(scene.server, abi::calls::Destroy { object });
    assert_eq!(informed(&scene, &callers), callers.len());
    scene
        .world
        .does(scene.server, super::super::scene::retire(0, 0));
    assert_eq!(
        scene.subject.domain.pending_waiters.get(),
        PendingWaiters::None
    );
}

#[test]
fn outsiders_that_a_retirement_has_not_come_to_are_told_by_the_destruction() {
    let (scene, callers) = crowd();
    begin_to_retire(&scene);
    assert!(informed(&scene, &callers) < callers.len());
    let object = SUBJECT;
    scene
        .world
        .does(scene.server, abi::calls::Destroy { object });
    assert_eq!(informed(&scene, &callers), callers.len());
}

#[test]
fn outsiders_are_told_from_the_timer_when_the_destroyer_ends_half_way() {
    let (scene, callers) = crowd();
    begin_to_retire(&scene);
    let (kernel, machine) = (&scene.world.kernel, scene.world.machine);
    let object = SUBJECT;
    scene.world.begin_step(scene.server, Destroy { object });
    let object = HELPER;
    scene.world.does(scene.keeper.thread, Destroy { object });
    let mut before = informed(&scene, &callers);
    assert!(before < callers.len());
    while machine
        .timer()
        .is_some_and(|due| due <= crate::arch::ticks())
    {
        kernel.enter(Cause::Timer);
        check(kernel);
        let now = informed(&scene, &callers);
        assert!(now - before <= 1, "{before} were told, and now {now}");
        before = now;
    }
    assert_eq!(before, callers.len());
    assert_eq!(kernel.scheduler.timers.earliest(), None);
    scene.destroy();
}
