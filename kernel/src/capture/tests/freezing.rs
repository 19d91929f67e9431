//! Whose a freeze is, when it ends, and how a domain of many threads stops and goes on in steps.

use abi::calls::{
    Destroy, DomainClock, DomainFreeze, DomainReadThread, ReplyAndReceive, ThreadCreate,
    ThreadStart, Wait,
};
use abi::register::Slot;
use abi::{Error, MessageInfo, THREADS_MAX};

use super::scene::{
    INNER, INNER_REPLY, NOTIFICATION, SUBJECT, Scene, call, freeze, receive, retire, thaw, unretire,
};
use crate::arch::Cause;
use crate::memory::Ref;
use crate::objects::tests::checker::check;
use crate::objects::{DomainState, Thread};
use crate::testing::{slots, stand_at};

/// A deadline, in nanoseconds of a clock that begins with the machine's.
const DEADLINE_NS: u64 = 1_000_000_000;

/// Where the subject keeps the last of its many threads.
const SPARE: Slot = Slot(40);

/// Lets the machine's time come to a moment, and the timer fire as often as it is armed until then.
fn pass_time(scene: &Scene, ns: u64) {
    let kernel = &scene.world.kernel;
    let ticks = kernel.clock.ticks_at(ns);
    scene.world.machine.set_ticks_step(0);
    scene.world.machine.set_ticks(ticks);
    while let Some(due) = kernel
        .scheduler
        .timers
        .earliest()
        .filter(|due| *due <= ticks)
    {
        assert!(
            scene
                .world
                .machine
                .timer()
                .is_some_and(|armed| armed <= due)
        );
        kernel.enter(Cause::Timer);
        check(kernel);
    }
}

/// A scene whose subject has as many threads as a domain may have; those that were added are returned, ready to run.
fn crowd() -> (Scene, Vec<Ref<Thread>>) {
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

fn runnable(threads: &[Ref<Thread>]) -> usize {
    threads.iter().filter(|thread| thread.is_runnable()).count()
}

#[test]
fn a_freeze_belongs_to_the_holder_of_its_token() {
    let scene = Scene::new();
    let version = scene.freeze();
    let (owner, other) = (scene.keeper.thread, scene.server);
    let token = scene.token.get();
    let refused = scene.world.call(other, freeze(u64::MAX));
    assert_eq!(refused, Err(Error::InUse));
    for wrong in [0, token - 1, token + 1, u64::MAX] {
        assert_eq!(scene.world.call(other, thaw(wrong)), Err(Error::InUse));
        let refused = scene.world.call(other, retire(version, wrong));
        assert_eq!(refused, Err(Error::InUse));
    }
    assert!(scene.subject.domain.is_still());
    assert_eq!(scene.version(), version);
    scene.world.does(owner, thaw(token));
    assert!(scene.subject.thread.is_runnable());
}

#[test]
fn a_run_between_two_freezes_voids_what_was_read_before() {
    let scene = Scene::new();
    let keeper = scene.keeper.thread;
    let version = scene.freeze();
    let stale = scene.token.get();
    scene.thaw();
    assert_eq!(
        scene.world.call(keeper, thaw(stale)),
        Err(Error::WrongState)
    );
    let again = scene.freeze();
    assert!(again > version);
    let token = scene.token.get();
    assert_ne!(token, stale);
    for (version, token, error) in [
        (version, token, Error::VersionMoved),
        (again, stale, Error::InUse),
    ] {
        let refused = scene.world.call(keeper, retire(version, token));
        assert_eq!(refused, Err(error));
    }
    scene.world.does(keeper, retire(again, token));
}

#[test]
fn a_retirement_that_was_undone_voids_the_version_and_the_token() {
    let scene = Scene::new();
    let keeper = scene.keeper.thread;
    let version = scene.freeze();
    let stale = scene.token.get();
    scene.world.does(keeper, retire(version, stale));
    let (undone, token) = scene.world.does(keeper, unretire(u64::MAX));
    assert!(undone > version);
    assert_ne!(token, stale);
    let late = scene.world.call(keeper, retire(version, stale));
    assert_eq!(late, Err(Error::InUse));
    scene.world.does(keeper, thaw(token));
    assert!(scene.subject.thread.is_runnable());
    let late = scene.world.call(keeper, retire(version, stale));
    assert_eq!(late, Err(Error::WrongState));
}

#[test]
fn at_its_deadline_a_frozen_domain_runs_whatever_became_of_its_freezer() {
    for ends in [false, true] {
        let scene = Scene::new();
        let version = scene.freeze_until(DEADLINE_NS);
        let token = scene.token.get();
        if ends {
            let object = slots::THREAD;
            scene.world.does(scene.server, Destroy { object });
        }
        pass_time(&scene, DEADLINE_NS - 1);
        assert!(scene.subject.domain.is_still());
        pass_time(&scene, DEADLINE_NS);
        assert!(scene.subject.domain.is_running());
        assert!(scene.subject.thread.is_runnable() && scene.helper.is_runnable());
        for stale in [
            scene.world.call(scene.server, thaw(token)),
            scene.world.call(scene.server, retire(version, token)),
        ] {
            assert_eq!(stale, Err(Error::WrongState));
        }
        let (again, _) = scene.world.does(scene.server, freeze(u64::MAX));
        assert!(again > version);
        let stale = scene.world.call(scene.server, retire(again, token));
        assert_eq!(stale, Err(Error::InUse));
    }
}

#[test]
fn a_deadline_is_in_the_time_of_the_freezers_domain() {
    let scene = Scene::new();
    let (domain, offset) = (slots::DOMAIN, 400_000_000);
    scene
        .world
        .does(scene.keeper.thread, DomainClock { domain, offset });
    scene.freeze_until(DEADLINE_NS);
    pass_time(&scene, DEADLINE_NS - 400_000_001);
    assert!(scene.subject.domain.is_still());
    pass_time(&scene, DEADLINE_NS - 400_000_000);
    assert!(scene.subject.domain.is_running());
}

#[test]
fn a_deadline_that_has_passed_freezes_nothing_and_tells_the_state() {
    let scene = Scene::new();
    let keeper = scene.keeper.thread;
    for deadline in [0, 1] {
        let late = scene.world.call(keeper, freeze(deadline));
        assert_eq!(late, Err(Error::TimedOut));
        assert!(scene.subject.domain.is_running());
    }
    let version = scene.freeze();
    assert_eq!(scene.world.call(keeper, freeze(0)), Err(Error::InUse));
    let retire = retire(version, scene.token.get());
    scene.world.does(keeper, retire);
    assert_eq!(scene.world.call(keeper, freeze(0)), Err(Error::WrongState));
    assert_eq!(scene.world.call(keeper, unretire(0)), Err(Error::TimedOut));
    assert!(scene.subject.domain.is_retired());
}

#[test]
fn whoever_retires_or_thaws_in_time_hears_no_more_of_the_deadline() {
    let scene = Scene::new();
    let keeper = scene.keeper.thread;
    let version = scene.freeze_until(DEADLINE_NS);
    scene.world.does(keeper, retire(version, scene.token.get()));
    assert_eq!(scene.world.kernel.scheduler.timers.earliest(), None);
    pass_time(&scene, 2 * DEADLINE_NS);
    assert!(scene.subject.domain.is_retired());
    let (_, token) = scene.world.does(keeper, unretire(3 * DEADLINE_NS));
    scene.world.does(keeper, thaw(token));
    assert_eq!(scene.world.kernel.scheduler.timers.earliest(), None);
    scene.freeze();
    pass_time(&scene, 3 * DEADLINE_NS);
    assert!(scene.subject.domain.is_still());
}

#[test]
fn a_domain_that_ends_takes_its_deadline_along() {
    let scene = Scene::new();
    scene.freeze_until(DEADLINE_NS);
    scene.destroy();
    assert_eq!(scene.world.kernel.scheduler.timers.earliest(), None);
    check(&scene.world.kernel);
}

#[test]
fn a_domain_of_many_threads_stops_in_steps_and_is_no_data_before_the_last() {
    let (scene, threads) = crowd();
    let keeper = scene.keeper.thread;
    scene.world.begin_step(keeper, freeze(u64::MAX));
    let domain = scene.subject.domain;
    assert_eq!(domain.state(), DomainState::Frozen);
    let mut before = threads.len();
    let token = domain.token();
    while scene.world.is_at_call(keeper) {
        check(&scene.world.kernel);
        let now = runnable(&threads);
        assert!(before - now <= 8, "{before} ran, and now {now}");
        before = now;
        let version = domain.version();
        let early = scene.world.call(scene.server, retire(version, token));
        assert_eq!(early, Err(Error::WrongState));
        scene.world.step(keeper);
    }
    let frozen = scene.world.outcome::<DomainFreeze>(keeper);
    assert_eq!(frozen, Some(Ok((domain.version(), token))));
    assert!(domain.is_still());
    assert_eq!(runnable(&threads), 0);
}

#[test]
fn what_the_last_threads_did_while_it_stopped_is_a_change() {
    let (scene, _) = crowd();
    scene
        .world
        .begin_step(scene.keeper.thread, freeze(u64::MAX));
    let half_way = scene.subject.domain.version();
    while scene.world.is_at_call(scene.keeper.thread) {
        scene.world.step(scene.keeper.thread);
    }
    assert!(scene.subject.domain.version() > half_way);
}

#[test]
fn a_thread_that_has_not_stopped_yet_is_not_read() {
    let (scene, threads) = crowd();
    scene
        .world
        .begin_step(scene.keeper.thread, freeze(u64::MAX));
    let running = threads.iter().find(|thread| thread.is_runnable());
    let thread = running.expect("one that still runs").header.id();
    let read = DomainReadThread {
        domain: SUBJECT,
        thread,
    };
    // The other of the keeper's threads has no message buffer: it borrows this one's.
    let buffer = scene.keeper.thread.message_buffer.get();
    scene.server.message_buffer.set(buffer);
    let early = scene.world.call(scene.server, read);
    assert_eq!(early, Err(Error::WrongState));
}

#[test]
fn a_thread_that_is_made_meanwhile_is_born_standing_still() {
    let scene = Scene::of_pages(THREADS_MAX as u64 + 64);
    let domain = scene.subject.domain;
    let mut threads: Vec<_> = (0..40)
        .map(|number| scene.world.thread_in(domain, Slot(20 + number)))
        .collect();
    scene
        .world
        .begin_step(scene.keeper.thread, freeze(u64::MAX));
    let running = threads.iter().find(|thread| thread.is_runnable());
    let running = *running.expect("one that still runs");
    let (own, into) = (slots::DOMAIN, Slot(62));
    scene
        .world
        .does(running, ThreadCreate { domain: own, into });
    scene.world.does(running, ThreadStart { thread: into });
    threads.extend(domain.first_thread.get());
    while scene.world.is_at_call(scene.keeper.thread) {
        scene.world.step(scene.keeper.thread);
        check(&scene.world.kernel);
    }
    assert_eq!(runnable(&threads), 0);
    scene.token.set(domain.token());
    scene.thaw();
    pass_time(&scene, DEADLINE_NS);
    assert_eq!(runnable(&threads), threads.len());
}

#[test]
fn a_thread_that_ends_between_two_steps_is_passed() {
    let (scene, threads) = crowd();
    scene
        .world
        .begin_step(scene.keeper.thread, freeze(u64::MAX));
    let next = scene.subject.domain.first_unsettled().expect("half way");
    let place = scene.keeper.domain.place(SPARE).expect("a slot");
    let origin = next.header.origin();
    capabilities::copy(&crate::memory::SlotStorage, origin, place).expect("an empty slot");
    scene.world.does(scene.server, Destroy { object: SPARE });
    check(&scene.world.kernel);
    while scene.world.is_at_call(scene.keeper.thread) {
        scene.world.step(scene.keeper.thread);
    }
    check(&scene.world.kernel);
    assert_eq!(scene.subject.domain.thread_count.get(), THREADS_MAX - 1);
    assert!(threads.len() < THREADS_MAX);
}

#[test]
fn a_thaw_returns_at_once_and_goes_on_from_the_timer() {
    let (scene, threads) = crowd();
    scene.freeze();
    scene.thaw();
    let woken = runnable(&threads);
    assert!(woken > 0 && woken <= 8, "{woken} woken in a step");
    assert!(scene.subject.domain.is_running());
    // The thread that thawed it ends; the rest is let run all the same.
    let object = slots::THREAD;
    scene.world.does(scene.server, Destroy { object });
    let mut before = woken;
    while !scene.subject.domain.is_settled() {
        assert_eq!(scene.world.machine.timer(), Some(0));
        scene.world.kernel.enter(Cause::Timer);
        check(&scene.world.kernel);
        let now = runnable(&threads);
        assert!(now - before <= 8);
        before = now;
    }
    assert_eq!(before, threads.len());
}

#[test]
fn a_freeze_that_its_deadline_overtakes_fails_and_everything_runs() {
    let (scene, threads) = crowd();
    let keeper = scene.keeper.thread;
    scene.world.begin_step(keeper, freeze(DEADLINE_NS));
    pass_time(&scene, DEADLINE_NS);
    assert!(scene.subject.domain.is_running() && scene.subject.domain.is_settled());
    scene.world.step(keeper);
    let late = scene.world.outcome::<DomainFreeze>(keeper);
    assert_eq!(late, Some(Err(Error::TimedOut)));
    assert_eq!(runnable(&threads), threads.len());
}

#[test]
fn a_freeze_in_the_middle_of_a_thaw_stops_all_of_it() {
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
fn a_sleeper_that_is_thawed_in_steps_sleeps_on() {
    let scene = Scene::new();
    let wait = Wait {
        notification: NOTIFICATION,
        deadline: 2 * DEADLINE_NS,
    };
    scene.world.begin(scene.subject.thread, wait);
    scene.freeze_until(DEADLINE_NS);
    assert!(scene.nobody_waits());
    pass_time(&scene, DEADLINE_NS);
    scene.world.step(scene.subject.thread);
    assert!(!scene.nobody_waits());
    pass_time(&scene, 2 * DEADLINE_NS);
    let woken = scene.world.outcome::<Wait>(scene.subject.thread);
    assert_eq!(woken, Some(Err(Error::TimedOut)));
}

#[test]
fn a_domain_of_many_threads_ends_in_steps() {
    let (scene, threads) = crowd();
    let object = SUBJECT;
    let mut before = threads.len();
    scene
        .world
        .begin_step(scene.keeper.thread, Destroy { object });
    while !scene.subject.domain.is_settled() {
        let now = runnable(&threads);
        assert!(before - now <= 16, "{before} ran, and now {now}");
        before = now;
        check(&scene.world.kernel);
        scene.world.step(scene.keeper.thread);
    }
    assert_eq!(runnable(&threads), 0);
}

/// Entries in which a dozen threads have long done what they do in a test.
const ENTRIES_MAX: usize = 1_000;

/// Lets the scheduler choose who runs, until this thread has made its call. One of the subject's threads serves the others, each
/// of which makes the call that it stands at and then sleeps.
fn run_until_done(scene: &Scene, last: Ref<Thread>) {
    for _ in 0..ENTRIES_MAX {
        scene.world.kernel.scheduler.resume();
        let chosen = scene.world.kernel.scheduler.current();
        let thread = chosen.expect("the last one is not done");
        if scene.world.is_at_call(thread) {
            scene.world.step(thread);
        } else if thread == last {
            return;
        } else if thread == scene.helper {
            scene.world.begin_step(thread, reply_and_receive());
        } else {
            let (notification, deadline) = (NOTIFICATION, u64::MAX);
            let wait = Wait {
                notification,
                deadline,
            };
            scene.world.begin_step(thread, wait);
        }
        check(&scene.world.kernel);
    }
    panic!("the threads that are to stop keep the core for ever");
}

fn reply_and_receive() -> ReplyAndReceive {
    ReplyAndReceive {
        endpoint: INNER,
        info: MessageInfo::EMPTY,
        w0: 0,
        w1: 0,
        w2: 0,
        w3: 0,
        reply: INNER_REPLY,
    }
}

#[test]
fn calls_inside_a_domain_that_is_stopping_end_and_let_a_weaker_thread_go_on_stopping_it() {
    for ends in [false, true] {
        let scene = Scene::new();
        let (domain, keeper) = (scene.subject.domain, scene.keeper.thread);
        scene.world.kernel.scheduler.remove(keeper);
        keeper.priority.set(5);
        scene.world.kernel.scheduler.wake(keeper);
        scene.world.begin(scene.helper, receive(INNER, INNER_REPLY));
        stand_at(scene.subject.thread, call(INNER, 0));
        for number in 0..40 {
            let thread = scene.world.thread_in(domain, Slot(20 + number));
            stand_at(thread, call(INNER, u64::from(number)));
        }
        // The first step stops the newest threads.
        if ends {
            let object = SUBJECT;
            scene.world.begin_step(keeper, Destroy { object });
        } else {
            scene.world.begin_step(keeper, freeze(u64::MAX));
        }
        assert!(!domain.is_settled());
        run_until_done(&scene, keeper);
        assert_eq!(keeper.context.rax.get(), 0);
        assert!(ends || domain.is_still());
    }
}
