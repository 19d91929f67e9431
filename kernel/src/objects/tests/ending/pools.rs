//! Destroying pools: by any holder, from the parent, and nested.

use abi::calls::EndpointCreate;
use abi::register::Slot;
use abi::{Error, POOL_DEPTH_MAX};
use capabilities::Storage;

use super::{STEPS_MAX, end};
use crate::memory::{Ref, SlotStorage};
use crate::objects::tests::checker::check;
use crate::objects::{
    Object, Pool, Step, Thread, create_first_domain, create_unpublished_pool, publish,
};
use crate::testing::{TestDomain, World, calls, slots};

/// A manager and a mover. The manager has a pool with a domain and 40 endpoints in it. The mover's capability to that pool
/// is derived from the manager's capability.
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
        // As if the destroyer's table were destroyed, and with it the invoked capability.
        for slot in 20..62 {
            let _ = world.kernel.empty_slot(mover.place(Slot(slot)));
        }
        let (pool, object) = (slots::POOL, Slot(20));
        if let Some(child) = child_of(manager) {
            let rest = if SlotStorage.slot(manager.place(object)).is_empty() {
                // The pool was empty, and the manager's capability to it was deleted first. The manager has the parent.
                assert_eq!(child.used(), 1, "after {steps} steps");
                let child = child.header.id();
                world.call(manager, calls::destroy_child(pool, child))
            } else {
                world.call(manager, calls::destroy(object))
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
    publish(parent, actor.place(Slot(21)));
    let refused = world.call(actor, calls::destroy_child(Slot(21), child));
    assert_eq!(refused, Err(Error::Oneself));
}

/// Pools nested to the maximum depth, the outermost in the manager's slot 20. In each is a domain with a thread whose trap
/// message has not been received.
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
