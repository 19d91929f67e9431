//! Destroying objects in every state, step by step, with events between the steps.

use abi::Error;
use abi::register::{Access, Slot};
use capabilities::{Place, Storage};

use super::checker::{all_objects, check};
use crate::capture::tests::phases::CASES;
use crate::capture::tests::scene::{ENDPOINT, HELPER, INNER, NOTIFICATION, Scene, receive};
use crate::memory::{Ref, SlotStorage};
use crate::objects::{DomainState, Phase, Step, Thread, destroy_step};
use crate::testing::{TestDomain, World, calls, slots};

mod pools;

/// More steps than any destruction here takes.
const STEPS_MAX: usize = 10_000;

/// Takes up to this many steps of destroying the object of the capability in `keep`.
fn end(world: &World, keep: Place, steps: usize) -> Step {
    for _ in 0..steps {
        let Some(held) = SlotStorage.slot(keep).capability() else {
            return Step::Done;
        };
        let step = destroy_step(&world.kernel, held.object, Some(keep));
        check(&world.kernel);
        if step == Step::Done {
            return Step::Done;
        }
    }
    Step::More
}

#[test]
fn every_object_is_destroyed_in_every_state_and_no_wait_remains() {
    let objects = |scene: &Scene| {
        let (manager, subject) = (scene.manager, scene.subject);
        [
            manager.place(ENDPOINT),
            manager.place(NOTIFICATION),
            manager.place(HELPER),
            subject.place(INNER),
            subject.place(HELPER),
            subject.place(slots::THREAD),
            subject.place(slots::BUFFER),
        ]
    };
    for case in CASES {
        for index in 0..7 {
            let scene = Scene::new();
            (case.enter)(&scene);
            let keep = objects(&scene)[index];
            let before = all_objects(&scene.world.kernel).len();
            assert_eq!(end(&scene.world, keep, STEPS_MAX), Step::Done);
            let after = all_objects(&scene.world.kernel).len();
            assert_eq!(after, before - 1, "{}, object {index}", case.name);
        }
    }
}

#[test]
fn a_domain_and_a_pool_are_destroyed_in_every_state_running_or_frozen() {
    for case in CASES {
        for freeze in [false, true] {
            for slot in [Slot(20), Slot(21)] {
                let scene = Scene::new();
                (case.enter)(&scene);
                if freeze {
                    scene.freeze();
                }
                let keep = scene.manager.place(slot);
                assert_eq!(end(&scene.world, keep, STEPS_MAX), Step::Done);
                assert!(!scene.server.link.queued.get() || scene.server.is_runnable());
            }
        }
    }
}

#[test]
fn a_pool_returns_exactly_what_it_took() {
    for case in CASES {
        let scene = Scene::new();
        (case.enter)(&scene);
        let kernel = &scene.world.kernel;
        let spent = kernel.root_pool.used();
        scene.destroy();
        check(kernel);
        assert_eq!(spent - kernel.root_pool.used(), 256, "{}", case.name);
        // Only the root pool's own frame and the manager remain.
        let left = 1 + scene.manager.pool.used();
        assert_eq!(kernel.frames.free() + left, kernel.root_pool.limit);
    }
}

#[test]
fn an_interrupted_destruction_is_resumed_by_the_same_call_or_from_the_parent() {
    let mut steps = 1;
    let mut whole = false;
    while !whole {
        for by_parent in [false, true] {
            let world = World::new();
            let manager = world.domain();
            let free = world.kernel.frames.free();
            let subject = world.domain();
            world.give(subject, slots::DOMAIN, manager, Slot(20), 0);
            world.give(subject, slots::POOL, manager, Slot(21), 0);
            furnish(&world, subject);
            whole = end(&world, manager.place(Slot(20)), steps) == Step::Done;
            if by_parent {
                assert_eq!(end(&world, manager.place(Slot(21)), STEPS_MAX), Step::Done);
            } else {
                assert_eq!(end(&world, manager.place(Slot(20)), STEPS_MAX), Step::Done);
                world.does(manager, calls::destroy(Slot(21)));
            }
            assert_eq!(world.kernel.frames.free(), free);
        }
        steps += 1;
    }
}

/// Creates objects with many parts: a Memory that is mapped twice, threads, a large table, a child pool with a domain.
fn furnish(world: &World, actor: TestDomain) {
    let (domain, thread) = (slots::DOMAIN, actor.thread);
    let memory = Slot(30);
    world.does(thread, calls::memory(600, memory));
    world.does(thread, calls::populate(memory, 0, 70));
    for address in [0x8000_0000, 0x40_0000_0000] {
        world.does(
            thread,
            calls::map(memory, address, 0, 600, Access::ReadWrite),
        );
    }
    world.does(thread, calls::thread(domain, Slot(31)));
    world.does(thread, calls::grow(domain, 130));
    world.does(thread, calls::split(9, Slot(129)));
    world.does(thread, calls::domain(Slot(129), Slot(128)));
    world.does(thread, calls::thread(Slot(128), Slot(127)));
}

#[test]
fn a_pool_being_destroyed_creates_nothing_more() {
    let world = World::new();
    let (manager, subject) = (world.domain(), world.domain());
    world.give(subject, slots::POOL, manager, Slot(20), 0);
    world.give(subject, slots::DOMAIN, manager, Slot(21), 0);
    furnish(&world, subject);
    assert_eq!(end(&world, manager.place(Slot(20)), 1), Step::More);
    assert_eq!(subject.domain.state(), DomainState::Destroying);
    let into = Slot(22);
    let pool = Slot(20);
    let create = calls::thread(Slot(21), into);
    assert_eq!(world.call(manager, create), Err(Error::Gone));
    let create = abi::calls::EndpointCreate { pool, into };
    assert_eq!(world.call(manager, create), Err(Error::Gone));
    // One thread per step.
    let steps = subject.domain.thread_count.get();
    assert_eq!(end(&world, manager.place(Slot(20)), steps), Step::More);
    assert!(!subject.thread.is_runnable());
}

/// Threads that have faulted: a server has received their messages, or the messages wait at its endpoint.
fn faulting(received: bool) -> (World, TestDomain, Vec<Ref<Thread>>) {
    let world = World::new();
    let (server, crowd) = (world.domain(), world.domain_of(1024));
    let endpoint = Slot(20);
    world.does(server, calls::endpoint(endpoint));
    world.give(server, endpoint, crowd, endpoint, 0);
    let fault = |number: u32| {
        let thread = Slot(30 + number);
        let faulting = world.thread_in(crowd.domain, thread);
        world.does(crowd, calls::faults(thread, endpoint));
        world.raise(faulting, 6, 0, 0);
        if received {
            world.does(server, receive(endpoint, thread));
        }
        faulting
    };
    let threads = (0..20).map(fault).collect();
    (world, server, threads)
}

#[test]
fn threads_whose_handler_is_destroyed_are_logged_one_per_step() {
    for (received, ended) in [
        (true, slots::DOMAIN),
        (false, Slot(20)),
        (false, slots::POOL),
    ] {
        let (world, server, threads) = faulting(received);
        let manager = world.domain();
        let keep = manager.place(Slot(20));
        world.give(server, ended, manager, Slot(20), 0);
        let lines = || world.machine.console().matches("stops at").count();
        let mut before = 0;
        while end(&world, keep, 1) == Step::More {
            assert!(lines() <= before + 1, "{before}, then {}", lines());
            before = lines();
        }
        assert_eq!(lines(), threads.len());
        for thread in threads {
            assert_eq!(thread.phase.get(), Phase::Ready);
            assert!(thread.stopped.get());
        }
    }
}

#[test]
fn a_slot_whose_frame_was_released_does_not_exist() {
    let world = World::new();
    let (manager, subject) = (world.domain(), world.domain());
    let domain = slots::DOMAIN;
    world.does(subject, calls::grow(domain, 130));
    world.give(subject, domain, manager, Slot(20), 0);
    while subject.domain.directory.first_index() == 0 {
        assert_eq!(end(&world, manager.place(Slot(20)), 1), Step::More);
    }
    assert_eq!(subject.domain.place(Slot(0)), Err(Error::NoSuchSlot));
    assert!(subject.domain.place(Slot(64)).is_ok());
}

#[test]
fn dropping_reply_rights_to_a_domain_being_destroyed_logs_nothing() {
    let (world, server, threads) = faulting(true);
    let domain = threads[0].domain;
    let crowd = TestDomain {
        pool: domain.pool(),
        domain,
        thread: threads[0],
    };
    let manager = world.domain();
    world.give(crowd, slots::DOMAIN, manager, Slot(20), 0);
    let keep = manager.place(Slot(20));
    assert_eq!(end(&world, keep, 1), Step::More);
    assert_eq!(domain.state(), DomainState::Destroying);
    for number in 0..threads.len() as u32 {
        world.does(server, calls::delete(Slot(30 + number)));
        check(&world.kernel);
    }
    let is_silent = || !world.machine.console().contains("stops at");
    assert!(is_silent());
    assert!(!threads.iter().any(|thread| thread.is_runnable()));
    assert_eq!(end(&world, keep, STEPS_MAX), Step::Done);
    assert!(is_silent());
}

#[test]
fn a_mapping_is_removed_with_the_capability_through_which_it_was_created() {
    let world = World::new();
    let (owner, other) = (world.domain(), world.domain());
    world.give(owner, slots::BUFFER, other, Slot(9), 0);
    world.does(other, calls::map(Slot(9), 0x8000_0000, 0, 1, Access::Read));
    assert!(other.domain.space.translate(0x8000_0000).is_some());
    world.does(owner, calls::revoke(slots::BUFFER));
    assert_eq!(other.domain.space.translate(0x8000_0000), None);
    check(&world.kernel);
    assert!(SlotStorage.slot(other.place(Slot(9))).is_empty());
}
