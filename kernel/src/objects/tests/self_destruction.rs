//! A thread cannot destroy what it is part of: itself, its domain, or any pool around it.

use abi::Error;
use abi::calls::PoolSplit;
use abi::register::{PageCount, Slot};

use super::checker::{all_objects, check};
use crate::objects::{self, Object};
use crate::testing::{TestDomain, World, calls, slots};

const CHILD: Slot = Slot(20);
const GRANDCHILD: Slot = Slot(21);
const INNER: Slot = Slot(22);
const ROOT: Slot = Slot(23);

#[test]
fn a_thread_cannot_destroy_itself_its_domain_or_its_pool() {
    let world = World::new();
    let actor = world.domain();
    for object in [slots::POOL, slots::DOMAIN, slots::THREAD] {
        let ended = world.call(actor, calls::destroy(object));
        assert_eq!(ended, Err(Error::Oneself));
    }
    let free = world.kernel.frames.free();
    world.does(actor, calls::split(9, Slot(9)));
    world.does(actor, calls::destroy(Slot(9)));
    assert_eq!(world.kernel.frames.free(), free);
}

/// A test domain whose pool is two levels below the pool of another domain. It has capabilities to that pool, to the pools
/// in between, and to the root pool.
fn inner_domain(world: &World) -> TestDomain {
    let outer = world.domain();
    for (pool, pages, into) in [(slots::POOL, 100, CHILD), (CHILD, 60, GRANDCHILD)] {
        let pages = PageCount(pages);
        world.does(outer, PoolSplit { pool, pages, into });
    }
    world.does(outer, calls::domain(GRANDCHILD, INNER));
    let Object::Domain(domain) = outer.object(INNER) else {
        panic!("not a domain");
    };
    let inner = TestDomain {
        pool: domain.pool(),
        domain,
        thread: world.thread_in(domain, slots::THREAD),
    };
    for slot in [slots::POOL, CHILD, GRANDCHILD] {
        world.give(outer, slot, inner, slot, 0);
    }
    let root = inner.place(ROOT);
    objects::publish(Object::Pool(world.kernel.root_pool), root);
    inner
}

#[test]
fn a_thread_cannot_destroy_any_pool_around_it() {
    let world = World::new();
    let inner = inner_domain(&world);
    let all = all_objects(&world.kernel);
    for object in [slots::POOL, CHILD, GRANDCHILD] {
        let ended = world.call(inner, calls::destroy(object));
        assert_eq!(ended, Err(Error::Oneself), "{object:?}");
    }
    for (pool, of) in [
        (ROOT, slots::POOL),
        (slots::POOL, CHILD),
        (CHILD, GRANDCHILD),
    ] {
        let child = inner.object(of).id();
        let ended = world.call(inner, calls::destroy_child(pool, child));
        assert_eq!(ended, Err(Error::Oneself), "{of:?}");
    }
    assert_eq!(all_objects(&world.kernel), all);
    check(&world.kernel);
}
