//! Destroying objects in every state, step by step, with events between the steps.

use abi::calls::EndpointCreate;
use abi::register::{Access, Slot};
use abi::{Error, POOL_DEPTH_MAX};
use capabilities::{Place, Storage};

use super::checker::{all_objects, check};
use crate::capture::tests::phases::CASES;
use crate::capture::tests::scene::{ENDPOINT, HELPER, INNER, NOTIFICATION, Scene, receive};
use crate::memory::{Ref, SlotStorage};
use crate::objects::{
    DomainState, Object, Phase, Pool, Step, Thread, create_first_domain, create_unpublished_pool,
    destroy_step, publish,
};
use crate::testing::{TestDomain, World, calls, slots};

/// More steps than any destruction here takes.
const STEPS_MAX: usize = 10_000;

/// Does up to this many steps, until it is done.
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

/// A manager with two capabilities to a pool, one derived from the other, whose second thread destroys it.
fn with_pool() -> (World, TestDomain, TestDomain) {
    let world = World::new();
    let (manager, mover) = (world.domain(), world.domain());
    let pool = Slot(20);
    world.does(manager, calls::split(100, pool));
    world.give(manager, pool, mover, pool, 0);
    world.does(mover, calls::domain(pool, Slot(21)));
    for number in 0..40 {
        let into = Slot(22 + number);
        world.does(mover, EndpointCreate { pool, into });
    }
    (world, manager, mover)
}

/// The child of a manager's pool, if it still exists.
fn child_of(manager: TestDomain) -> Option<Ref<Pool>> {
    match manager.pool.last() {
        Some(Object::Pool(pool)) => Some(pool),
        _ => None,
    }
}

#[test]
fn a_half_destroyed_pool_is_destroyed_by_another_holder_or_from_its_parent() {
    for steps in 1.. {
        let (world, manager, mover) = with_pool();
        let spent = manager.pool.used();
        let done = end(&world, mover.place(Slot(20)), steps) == Step::Done;
        // The destroyer's table is destroyed, and with it the invoked capability.
        for slot in 20..62 {
            let _ = world.kernel.empty_slot(mover.place(Slot(slot)));
        }
        let (pool, object) = (slots::POOL, Slot(20));
        if let Some(child) = child_of(manager) {
            let rest = match SlotStorage.slot(manager.place(object)).is_empty() {
                false => world.call(manager, calls::destroy(object)),
                // The manager's capability was deleted first, when the pool was empty: it has the parent.
                true => {
                    assert_eq!(child.used(), 1, "after {steps} steps");
                    let child = child.header.id();
                    world.call(manager, calls::destroy_child(pool, child))
                }
            };
            assert_eq!(rest, Ok(()), "after {steps} steps");
        }
        assert_eq!(manager.pool.used(), spent - 100, "after {steps} steps");
        check(&world.kernel);
        if done {
            break;
        }
    }
}

/// A pool in the manager's slot 20, followed by a chain of copies, each derived from the one before.
fn chain_of_pool(length: u32) -> (World, TestDomain) {
    let world = World::new();
    let manager = world.domain();
    world.does(manager, calls::split(9, Slot(20)));
    let slots = 20 + length;
    world.does(manager, calls::grow(slots::DOMAIN, slots));
    for number in 21..slots {
        world.does(manager, calls::copy(Slot(number - 1), Slot(number)));
    }
    (world, manager)
}

#[test]
fn a_step_deletes_one_capability_to_a_pool_however_long_their_chain_is() {
    const LENGTH: u32 = 200;
    for invoked in [20, 100, 20 + LENGTH - 1] {
        let (world, manager) = chain_of_pool(LENGTH);
        let spent = manager.pool.used();
        let is_left = |number: &u32| !SlotStorage.slot(manager.place(Slot(*number))).is_empty();
        let left = || (20..20 + LENGTH).filter(is_left).count();
        let keep = manager.place(Slot(invoked));
        for expected in (1..LENGTH as usize).rev() {
            assert_eq!(end(&world, keep, 1), Step::More);
            assert_eq!(left(), expected, "through {invoked}");
            assert!(is_left(&invoked));
        }
        assert_eq!(end(&world, keep, 1), Step::Done);
        assert_eq!(left(), 0);
        assert_eq!(spent - manager.pool.used(), 9);
    }
}

#[test]
fn a_child_pool_without_capabilities_is_destroyed_from_its_parent() {
    let (world, manager, mover) = with_pool();
    let spent = manager.pool.used();
    let child = manager.pool.last().expect("the child").id();
    for actor in [manager, mover] {
        let empty = world.kernel.empty_slot(actor.place(Slot(20)));
        empty.expect("a capability");
    }
    let pool = slots::POOL;
    let other = mover.pool.last().expect("something").id();
    let refused = world.call(manager, calls::destroy_child(pool, other));
    assert_eq!(refused, Err(Error::NotThere));
    let first = manager.pool.first().expect("the domain").id();
    let refused = world.call(manager, calls::destroy_child(pool, first));
    assert_eq!(refused, Err(Error::WrongKind));
    let destroy = calls::destroy_child(pool, child);
    assert!(world.steps_of(manager, destroy) > 1);
    assert_eq!(manager.pool.used(), spent - 100);
    check(&world.kernel);
    assert_eq!(world.call(manager, destroy), Err(Error::NotThere));
}

#[test]
fn a_child_pool_is_not_destroyed_without_the_right_or_from_inside() {
    let world = World::new();
    let actor = world.domain();
    let child = actor.pool.header.id();
    let to = Slot(20);
    let mint = calls::mint(slots::POOL, to, abi::PoolRights::CREATE, 0);
    world.does(actor, mint);
    let refused = world.call(actor, calls::destroy_child(to, child));
    assert_eq!(refused, Err(Error::MissingRight));
    let parent = Object::Pool(world.kernel.root_pool);
    crate::objects::publish(parent, actor.place(Slot(21)));
    let refused = world.call(actor, calls::destroy_child(Slot(21), child));
    assert_eq!(refused, Err(Error::Oneself));
}

/// Creates one object of every kind.
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

/// Threads whose fault messages a server has received, or that wait at its endpoint.
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

/// Pools nested to the maximum depth, the outermost in the manager's slot 20. In each is a domain with a thread whose trap
/// message nobody has received.
fn nest_of_traps() -> (World, TestDomain, Vec<Ref<Thread>>) {
    let world = World::new();
    let manager = world.domain_of(1024);
    world.does(manager, calls::grow(slots::DOMAIN, 130));
    let into = Slot(19);
    world.does(manager, calls::endpoint(into));
    let endpoint = manager.place(into);
    let mut parent = manager.pool;
    let mut threads = Vec::new();
    while parent.depth < POOL_DEPTH_MAX {
        let pages = u64::from(POOL_DEPTH_MAX - parent.depth) * 8;
        let pool = create_unpublished_pool(&world.kernel, parent, pages).expect("room");
        let number = threads.len() as u32;
        publish(Object::Pool(pool), manager.place(Slot(20 + 2 * number)));
        let domain = create_first_domain(&world.kernel, pool).expect("room");
        publish(Object::Domain(domain), manager.place(Slot(21 + 2 * number)));
        let thread = world.thread_in(domain, slots::THREAD);
        capabilities::copy(&SlotStorage, endpoint, thread.fault_endpoint()).expect("an empty slot");
        world.raise(thread, 3, 0, 0);
        threads.push(thread);
        parent = pool;
    }
    (world, manager, threads)
}

#[test]
fn a_step_stops_one_thread_and_writes_one_line_however_deeply_pools_are_nested() {
    let (world, manager, threads) = nest_of_traps();
    let keep = manager.place(Slot(20));
    let lines = || world.machine.console().matches("stops at").count();
    let held = |thread: &&Ref<Thread>| thread.held.get();
    for expected in 1..=threads.len() {
        assert_eq!(end(&world, keep, 1), Step::More);
        assert_eq!(lines(), expected);
        assert_eq!(threads.iter().filter(held).count(), expected);
    }
    assert_eq!(end(&world, keep, STEPS_MAX), Step::Done);
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
fn answers_to_a_domain_being_destroyed_are_dropped_silently() {
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
fn a_mapping_is_removed_with_the_capability_it_was_created_through() {
    let world = World::new();
    let (owner, other) = (world.domain(), world.domain());
    world.give(owner, slots::BUFFER, other, Slot(9), 0);
    world.does(other, calls::map(Slot(9), 0x8000_0000, 0, 1, Access::Read));
    assert!(other.domain.space.translate(0x8000_0000).is_some());
    world.does(owner, calls::revoke(slots::BUFFER));
    assert_eq!(other.domain.space.translate(0x8000_0000), None);
    check(&world.kernel);
    assert!(SlotStorage.slot(other.place(Slot(9))).is_empty());
    assert!(SlotStorage.slot(other.place(Slot(9))).is_empty());
}
