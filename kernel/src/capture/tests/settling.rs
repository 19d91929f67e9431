//! A domain of many threads stops, continues and is destroyed in bounded steps.

mod priorities;

use abi::calls::{DomainFreeze, DomainReadThread, Wait};
use abi::register::Slot;
use abi::{Error, THREADS_MAX};

use super::freezing::{DEADLINE_NS, pass_time};
use super::scene::{ENDPOINT, NOTIFICATION, SUBJECT, Scene, freeze, retire};
use crate::arch::Cause;
use crate::memory::Ref;
use crate::objects::tests::checker::check;
use crate::objects::{DomainState, Thread};
use crate::testing::{calls, slots};

/// The slot of the last of the subject's many threads.
const SPARE: Slot = Slot(40);

/// A scene whose subject has as many threads as a domain may have; returns the added ones, ready to run.
pub fn crowd() -> (Scene, Vec<Ref<Thread>>) {
    let scene = Scene::of_pages(THREADS_MAX as u64 + 64);
    let domain = scene.subject.domain;
    let place = domain.place(SPARE).expect("a slot");
    let threads = (domain.thread_count.get()..THREADS_MAX).map(|_| {
        let _ = scene.world.kernel.empty_slot(place);
        scene.world.thread_in(domain, SPARE)
    });
    let threads = threads.collect();
    (scene, threads)
}

fn is_timer_due(scene: &Scene) -> bool {
    let armed = scene.world.machine.timer();
    armed.is_some_and(|armed| armed <= crate::arch::ticks())
}

/// Lets the timer work until every thread is stopped or released: a few in each entry.
fn settle_from_the_timer(scene: &Scene, threads: &[Ref<Thread>]) {
    let mut before = runnable(threads);
    while !scene.subject.domain.is_settled() {
        assert!(is_timer_due(scene));
        scene.world.kernel.enter(Cause::Timer);
        check(&scene.world.kernel);
        let now = runnable(threads);
        assert!(
            now.abs_diff(before) <= 8,
            "{before} threads ran, and now {now}"
        );
        before = now;
    }
}

fn runnable(threads: &[Ref<Thread>]) -> usize {
    threads.iter().filter(|thread| thread.is_runnable()).count()
}

#[test]
fn a_domain_of_many_threads_stops_in_steps_and_cannot_be_retired_before_the_last() {
    let (scene, threads) = crowd();
    let manager = scene.manager.thread;
    scene.begin_step(manager, freeze(u64::MAX));
    let domain = scene.subject.domain;
    assert_eq!(domain.state(), DomainState::Frozen);
    let mut before = threads.len();
    let token = domain.token();
    while scene.world.is_at_call(manager) {
        check(&scene.world.kernel);
        let now = runnable(&threads);
        assert!(before - now <= 8, "{before} threads ran, and now {now}");
        before = now;
        let version = domain.version();
        let early = scene.call(scene.server, retire(version, token));
        assert_eq!(early, Err(Error::WrongState));
        scene.world.step(manager);
    }
    let frozen = scene.world.outcome::<DomainFreeze>(manager);
    assert_eq!(frozen, Some(Ok((domain.version(), token))));
    assert!(domain.is_quiescent());
    assert_eq!(runnable(&threads), 0);
}

#[test]
fn the_work_of_the_last_threads_to_stop_is_a_change() {
    let (scene, _) = crowd();
    scene.begin_step(scene.manager, freeze(u64::MAX));
    let half_way = scene.subject.domain.version();
    while scene.world.is_at_call(scene.manager) {
        scene.world.step(scene.manager);
    }
    assert!(scene.subject.domain.version() > half_way);
}

#[test]
fn a_thread_that_has_not_stopped_yet_is_not_read() {
    let (scene, threads) = crowd();
    scene.begin_step(scene.manager, freeze(u64::MAX));
    let running = threads.iter().find(|thread| thread.is_runnable());
    let thread = running.expect("one that still runs").header.id();
    let read = DomainReadThread {
        domain: SUBJECT,
        thread,
    };
    // The manager's other thread has no message buffer, so it borrows this one's.
    let buffer = scene.manager.thread.message_buffer.get();
    scene.server.message_buffer.set(buffer);
    let early = scene.call(scene.server, read);
    assert_eq!(early, Err(Error::WrongState));
}

#[test]
fn a_thread_created_meanwhile_is_already_stopped() {
    let scene = Scene::of_pages(THREADS_MAX as u64 + 64);
    let domain = scene.subject.domain;
    let mut threads: Vec<_> = (0..40)
        .map(|number| scene.world.thread_in(domain, Slot(20 + number)))
        .collect();
    scene.begin_step(scene.manager, freeze(u64::MAX));
    let running = threads.iter().find(|thread| thread.is_runnable());
    let running = *running.expect("one that still runs");
    let into = Slot(62);
    scene.does(running, calls::thread(slots::DOMAIN, into));
    scene.does(running, calls::start(into));
    threads.extend(domain.first_thread.get());
    while scene.world.is_at_call(scene.manager) {
        scene.world.step(scene.manager);
        check(&scene.world.kernel);
    }
    assert_eq!(runnable(&threads), 0);
    scene.token.set(domain.token());
    scene.thaw();
    pass_time(&scene, DEADLINE_NS);
    assert_eq!(runnable(&threads), threads.len());
}

#[test]
fn a_thread_destroyed_between_two_steps_is_skipped() {
    let (scene, threads) = crowd();
    scene.begin_step(scene.manager, freeze(u64::MAX));
    let next = scene.subject.domain.first_unsettled().expect("half way");
    let place = scene.manager.place(SPARE);
    let origin = next.header.origin();
    capabilities::copy(&crate::memory::SlotStorage, origin, place).expect("an empty slot");
    scene.does(scene.server, calls::destroy(SPARE));
    check(&scene.world.kernel);
    while scene.world.is_at_call(scene.manager) {
        scene.world.step(scene.manager);
    }
    check(&scene.world.kernel);
    assert_eq!(scene.subject.domain.thread_count.get(), THREADS_MAX - 1);
    assert!(threads.len() < THREADS_MAX);
}

#[test]
fn a_thaw_returns_at_once_and_is_finished_by_the_timer() {
    let (scene, threads) = crowd();
    scene.freeze();
    scene.thaw();
    let woken = runnable(&threads);
    assert!(woken > 0 && woken <= 8, "{woken} woken in a step");
    assert!(scene.subject.domain.is_running());
    // The manager's thread, which thawed the domain, is destroyed. The timer releases the rest.
    scene.does(scene.server, calls::destroy(slots::THREAD));
    settle_from_the_timer(&scene, &threads);
    assert_eq!(runnable(&threads), threads.len());
}

#[test]
fn a_freeze_overtaken_by_its_deadline_fails_and_everything_runs() {
    let (scene, threads) = crowd();
    let manager = scene.manager.thread;
    scene.begin_step(manager, freeze(DEADLINE_NS));
    pass_time(&scene, DEADLINE_NS);
    assert!(scene.subject.domain.is_running() && scene.subject.domain.is_settled());
    scene.world.step(manager);
    let late = scene.world.outcome::<DomainFreeze>(manager);
    assert_eq!(late, Some(Err(Error::TimedOut)));
    assert_eq!(runnable(&threads), threads.len());
}

#[test]
fn a_freeze_in_the_middle_of_a_thaw_stops_all_threads() {
    let (scene, threads) = crowd();
    scene.freeze();
    scene.thaw();
    scene.freeze_until(DEADLINE_NS);
    check(&scene.world.kernel);
    assert_eq!(runnable(&threads), 0);
    pass_time(&scene, DEADLINE_NS - 1);
    assert_eq!(runnable(&threads), 0);
    pass_time(&scene, DEADLINE_NS);
    assert_eq!(runnable(&threads), threads.len());
}

#[test]
fn a_sleeper_thawed_in_steps_keeps_sleeping() {
    let scene = Scene::new();
    scene.begin(scene.subject, calls::wait(NOTIFICATION, 2 * DEADLINE_NS));
    scene.freeze_until(DEADLINE_NS);
    assert!(scene.has_no_waiters());
    pass_time(&scene, DEADLINE_NS);
    scene.world.step(scene.subject);
    assert!(!scene.has_no_waiters());
    pass_time(&scene, 2 * DEADLINE_NS);
    let woken = scene.world.outcome::<Wait>(scene.subject);
    assert_eq!(woken, Some(Err(Error::TimedOut)));
}

#[test]
fn a_domain_of_many_threads_is_destroyed_in_steps() {
    let (scene, threads) = crowd();
    let mut before = threads.len();
    scene.begin_step(scene.manager, calls::destroy(SUBJECT));
    while !scene.subject.domain.is_settled() {
        let now = runnable(&threads);
        assert!(before - now <= 16, "{before} threads ran, and now {now}");
        before = now;
        check(&scene.world.kernel);
        scene.world.step(scene.manager);
    }
    assert_eq!(runnable(&threads), 0);
}

#[test]
fn a_domain_whose_destroyer_ends_half_way_is_stopped_by_the_timer() {
    let (scene, threads) = crowd();
    let manager = scene.manager.thread;
    scene.begin_step(scene.server, calls::destroy(SUBJECT));
    // The server's thread is in this slot of the manager's table.
    scene.does(manager, calls::destroy(super::scene::HELPER));
    assert!(runnable(&threads) > 0);
    assert_eq!(scene.call(manager, freeze(u64::MAX)), Err(Error::Gone));
    settle_from_the_timer(&scene, &threads);
    assert_eq!(runnable(&threads), 0);
    scene.destroy();
    assert_eq!(scene.world.kernel.scheduler.timers.earliest(), None);
}

#[test]
fn a_domain_whose_freezer_ends_half_way_is_stopped_by_the_timer() {
    for deadline in [u64::MAX, DEADLINE_NS] {
        let (scene, threads) = crowd();
        scene.begin_step(scene.server, freeze(deadline));
        // The server's thread is in this slot of the manager's table.
        scene.does(scene.manager, calls::destroy(super::scene::HELPER));
        assert!(runnable(&threads) > 0);
        settle_from_the_timer(&scene, &threads);
        assert!(scene.subject.domain.is_quiescent());
        assert_eq!(runnable(&threads), 0);
        pass_time(&scene, DEADLINE_NS);
        assert_eq!(scene.subject.domain.is_running(), deadline == DEADLINE_NS);
    }
}

#[test]
fn a_thread_cannot_continue_a_freeze_of_its_own_domain() {
    let (scene, threads) = crowd();
    scene.begin_step(scene.manager, freeze(u64::MAX));
    let running = threads.iter().find(|thread| thread.is_runnable());
    let running = *running.expect("one that still runs");
    let oneself = DomainFreeze {
        domain: slots::DOMAIN,
        progress: scene.subject.domain.token(),
        ..freeze(u64::MAX)
    };
    assert_eq!(scene.call(running, oneself), Err(Error::Oneself));
    assert!(running.is_runnable());
}

#[test]
fn a_step_that_stops_a_thread_with_a_trap_writes_one_line_of_the_log() {
    const TRAPS: u32 = 20;
    let scene = Scene::new();
    for thread in (0..TRAPS).map(|number| Slot(SPARE.0 + number)) {
        let trapped = scene.world.thread_in(scene.subject.domain, thread);
        scene.does(scene.subject, calls::faults(thread, ENDPOINT));
        scene.world.raise(trapped, 3, 0, 0);
    }
    let manager = scene.manager.thread;
    let lines = || scene.world.machine.console().matches("stops at").count();
    scene.begin_step(manager, freeze(u64::MAX));
    let mut before = lines();
    assert!(before <= 1, "{before} lines in the first step");
    while scene.world.is_at_call(manager) {
        scene.world.step(manager);
        assert!(lines() <= before + 1);
        before = lines();
    }
    assert_eq!(before, TRAPS as usize);
}
