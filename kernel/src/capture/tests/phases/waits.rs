//! Waits interrupted by a freeze: for replies, deadlines and flags.

use abi::Error;
use abi::calls::Wait;
use abi::thread_state::Awaits;

use super::entering::{DEADLINE_NS, call_inside, stop, wait};
use crate::capture::tests::scene::{
    ENDPOINT, INNER, INNER_REPLY, NOTIFICATION, REPLY, SUBJECT, Scene, call, receive, reply,
};
use crate::objects::Phase;
use crate::testing::{calls, slots};

#[test]
fn a_reply_from_inside_arrives_after_a_move() {
    let mut scene = Scene::new();
    scene.begin(scene.subject, call(INNER, 3));
    scene.does(scene.helper, receive(INNER, INNER_REPLY));
    scene.freeze();
    scene.rebuild();
    scene.thaw();
    scene.does(scene.helper, reply(INNER_REPLY, 8));
    let outcome = scene.world.outcome::<abi::calls::Call>(scene.subject);
    assert_eq!(
        outcome.map(|result| result.map(|received| received.words[0])),
        Some(Ok(8))
    );
}

#[test]
fn a_thread_stopped_while_awaiting_a_reply_runs_elsewhere_only_when_started() {
    let mut scene = Scene::new();
    call_inside(&scene);
    stop(&scene);
    scene.freeze();
    scene.rebuild();
    scene.thaw();
    scene.does(scene.helper, reply(INNER_REPLY, 8));
    let thread = scene.subject.thread;
    let outcome = scene.world.outcome::<abi::calls::Call>(thread);
    assert_eq!(
        outcome.map(|result| result.map(|received| received.words[0])),
        Some(Ok(8))
    );
    assert!(!thread.is_runnable());
    scene.does(scene.helper, calls::start(slots::THREAD));
    assert!(thread.is_runnable());
}

#[test]
fn a_deadline_is_kept_in_the_domains_own_time_after_a_move() {
    let mut scene = Scene::new();
    scene.world.machine.set_ticks(1_000);
    scene.begin(scene.subject, wait(DEADLINE_NS));
    scene.freeze();
    scene.rebuild();
    scene.does(scene.manager, calls::clock(SUBJECT, 30_000_000));
    scene.thaw();
    scene.world.step(scene.subject);
    let machine_ns = DEADLINE_NS - 30_000_000;
    assert_eq!(
        scene.world.kernel.scheduler.timers.earliest(),
        Some(scene.world.kernel.clock.ticks_at(machine_ns))
    );
}

#[test]
fn flags_raised_during_a_freeze_are_delivered_after_it() {
    let scene = Scene::new();
    scene.begin(scene.subject, wait(u64::MAX));
    scene.freeze();
    for flags in [1, 4] {
        scene.does(scene.manager, calls::signal(NOTIFICATION, flags));
    }
    scene.thaw();
    scene.world.step(scene.subject);
    assert_eq!(scene.world.outcome::<Wait>(scene.subject), Some(Ok(5)));
}

#[test]
fn a_reply_that_arrives_during_a_freeze_is_delivered_by_the_thaw() {
    let scene = Scene::new();
    scene.begin(scene.subject, call(ENDPOINT, 3));
    scene.does(scene.server, receive(ENDPOINT, REPLY));
    scene.freeze();
    scene.does(scene.server, reply(REPLY, 6));
    let state = scene.read(scene.subject.thread).expect("frozen");
    assert_eq!(state.awaits, Awaits::Nothing as u64);
    scene.thaw();
    let outcome = scene.world.outcome::<abi::calls::Call>(scene.subject);
    assert_eq!(
        outcome.map(|result| result.map(|received| received.words[0])),
        Some(Ok(6))
    );
}

#[test]
fn a_late_reply_to_an_imported_thread_is_refused() {
    let scene = Scene::new();
    scene.begin(scene.subject, call(ENDPOINT, 3));
    scene.does(scene.server, receive(ENDPOINT, REPLY));
    scene.freeze();
    let state = scene.read(scene.subject.thread).expect("frozen");
    scene.write(0, &state).expect("an exported state");
    assert_eq!(scene.call(scene.server, reply(REPLY, 6)), Err(Error::Gone));
    scene.thaw();
    let outcome = scene.world.outcome::<abi::calls::Call>(scene.subject);
    assert_eq!(outcome, Some(Err(Error::Interrupted)));
}

#[test]
fn a_stale_reply_right_is_not_described() {
    let scene = Scene::new();
    scene.begin(scene.subject, call(INNER, 3));
    scene.does(scene.helper, receive(INNER, INNER_REPLY));
    scene.freeze();
    let described = |scene: &Scene| {
        let all = scene.capabilities();
        all.iter()
            .filter(|record| record.slot == u64::from(INNER_REPLY.0))
            .count()
    };
    assert_eq!(described(&scene), 1);
    let state = scene.read(scene.subject.thread).expect("frozen");
    scene.write(0, &state).expect("an exported state");
    assert_eq!(described(&scene), 0);
}

#[test]
fn dropping_the_right_to_reply_to_a_frozen_caller_ends_its_call() {
    let scene = Scene::new();
    scene.begin(scene.subject, call(ENDPOINT, 3));
    scene.does(scene.server, receive(ENDPOINT, REPLY));
    scene.freeze();
    scene.does(scene.server, calls::delete(REPLY));
    scene.thaw();
    let outcome = scene.world.outcome::<abi::calls::Call>(scene.subject);
    assert_eq!(outcome, Some(Err(Error::Gone)));
}

#[test]
fn no_thread_of_a_frozen_domain_runs_or_exchanges_messages() {
    let scene = Scene::new();
    scene.begin(scene.subject, receive(ENDPOINT, REPLY));
    scene.freeze();
    scene.begin(scene.server, call(ENDPOINT, 1));
    assert!(matches!(scene.server.phase.get(), Phase::Sending { .. }));
    assert!(!scene.helper.is_runnable());
    scene.thaw();
    scene.world.step(scene.subject);
    assert_eq!(scene.server.phase.get(), Phase::Awaiting);
}
