//! A pool that runs out at every allocation: each refusal is [`Error::PoolEmpty`], and everything is returned.

use abi::calls::{
    Destroy, DomainCreate, DomainGrow, DomainMap, EndpointCreate, MemoryCreate,
    MemoryCreateContiguous, MemoryPopulate, MemorySupply, NotificationCreate, PoolSplit,
    ThreadCreate,
};
use abi::register::{Access, PageCount, PageIndex, Slot, UserAddress};
use abi::{Arguments, Error};

use super::checker::{all_objects, check};
use crate::memory::SLOTS_PER_FRAME;
use crate::testing::{TestDomain, World, slots};

const POOL: Slot = Slot(20);
const DOMAIN: Slot = Slot(21);
const MEMORY: Slot = Slot(22);

/// Makes a call; a refusal must not change the number of objects.
fn make<A: Arguments>(world: &World, actor: TestDomain, call: A) -> Result<(), Error> {
    let before = all_objects(&world.kernel).len();
    let made = world.call(actor.thread, call).map(|_| ());
    check(&world.kernel);
    if made.is_err() {
        assert_eq!(all_objects(&world.kernel).len(), before);
    }
    made
}

/// Creates one object of every kind from a pool of `pages`.
fn script(world: &World, actor: TestDomain, pages: u64) -> Result<(), Error> {
    let (pool, domain, memory) = (POOL, DOMAIN, MEMORY);
    let pages = PageCount(pages);
    let split = PoolSplit {
        pool: slots::POOL,
        pages,
        into: POOL,
    };
    make(world, actor, split)?;
    make(world, actor, DomainCreate { pool, into: DOMAIN })?;
    let into = Slot(23);
    make(world, actor, ThreadCreate { domain, into })?;
    make(world, actor, DomainGrow { domain, slots: 130 })?;
    let pages = PageCount(600);
    let into = MEMORY;
    make(world, actor, MemoryCreate { pool, pages, into })?;
    let (first_page, page_count) = (PageIndex(510), PageCount(20));
    let populate = MemoryPopulate {
        memory,
        first_page,
        page_count,
    };
    make(world, actor, populate)?;
    let map = DomainMap {
        domain,
        memory,
        address: UserAddress(0x4000_0000),
        first_page: PageIndex(0),
        page_count: pages,
        access: Access::ReadWrite,
    };
    make(world, actor, map)?;
    let supply = MemorySupply {
        memory,
        first_page: PageIndex(3),
        page_count: PageCount(1),
        giver: slots::BUFFER,
        giver_page: PageIndex(0),
    };
    make(world, actor, supply)?;
    let into = Slot(24);
    make(world, actor, EndpointCreate { pool, into })?;
    let into = Slot(25);
    make(world, actor, NotificationCreate { pool, into })?;
    let contiguous = MemoryCreateContiguous {
        pool,
        pages: PageCount(5),
        into: Slot(26),
        alignment: PageCount(2),
        from: 0,
        below: 1 << 32,
    };
    make(world, actor, contiguous)?;
    let populate = MemoryPopulate {
        memory: Slot(26),
        first_page: PageIndex(0),
        page_count: PageCount(5),
    };
    make(world, actor, populate)?;
    let (pages, into) = (PageCount(2), Slot(27));
    make(world, actor, PoolSplit { pool, pages, into })
}

#[test]
fn every_refusal_is_the_pools_and_leaves_no_objects() {
    let world = World::new();
    let actor = world.domain();
    let (free, used) = (world.kernel.frames.free(), actor.pool.used());
    for pages in 0.. {
        let outcome = script(&world, actor, pages);
        match world.call(actor.thread, Destroy { object: POOL }) {
            Ok(()) => {}
            Err(error) => assert_eq!((pages, error), (0, Error::EmptySlot)),
        }
        check(&world.kernel);
        assert_eq!(
            (world.kernel.frames.free(), actor.pool.used()),
            (free, used)
        );
        if outcome.is_ok() {
            assert!(pages > 40, "it takes more than {pages} pages");
            return;
        }
        assert_eq!(outcome, Err(Error::PoolEmpty), "{pages} pages");
        assert!(pages < 100, "it takes fewer than {pages} pages");
    }
}

#[test]
fn a_pool_cannot_reserve_more_than_it_has() {
    let world = World::new();
    let actor = world.domain();
    let (pool, into) = (slots::POOL, POOL);
    let left = actor.pool.limit - actor.pool.used();
    for pages in [left + 1, 1 << 30] {
        let split = PoolSplit {
            pool,
            pages: PageCount(pages),
            into,
        };
        assert_eq!(world.call(actor.thread, split), Err(Error::PoolEmpty));
    }
    let pages = PageCount(left);
    world.does(actor.thread, PoolSplit { pool, pages, into });
    assert_eq!(actor.pool.used(), actor.pool.limit);
    check(&world.kernel);
}

/// The remaining pages of a domain's pool.
fn left(actor: TestDomain) -> u32 {
    (actor.pool.limit - actor.pool.used()) as u32
}

fn grow(slots: u32) -> DomainGrow {
    let domain = slots::DOMAIN;
    DomainGrow { domain, slots }
}

#[test]
fn a_table_grows_completely_or_not_at_all() {
    let world = World::new();
    let actor = world.domain_of(60);
    let all = (left(actor) + 1) * SLOTS_PER_FRAME;
    for (slots, error) in [
        (all + 1, Error::PoolEmpty),
        (abi::SLOTS_MAX, Error::PoolEmpty),
        (abi::SLOTS_MAX + 1, Error::TableFull),
        (u32::MAX, Error::TableFull),
    ] {
        let before = (actor.pool.used(), actor.domain.table.frame_count());
        assert_eq!(world.call(actor.thread, grow(slots)), Err(error));
        let after = (actor.pool.used(), actor.domain.table.frame_count());
        assert_eq!(after, before, "{slots} slots");
        check(&world.kernel);
    }
    world.does(actor.thread, grow(all));
    assert_eq!(left(actor), 0);
    assert_eq!(actor.domain.table.frame_count() * SLOTS_PER_FRAME, all);
    // It has that many already, so nothing is charged.
    world.does(actor.thread, grow(all));
}

#[test]
fn an_unfinished_growth_is_paid_for() {
    let world = World::new();
    let actor = world.domain_of(60);
    let other = world.thread_in(actor.domain, Slot(9));
    let slots = 30 * SLOTS_PER_FRAME;
    world.begin_step(actor.thread, grow(slots));
    assert!(world.is_at_call(actor.thread));
    check(&world.kernel);
    let (pool, into) = (slots::POOL, Slot(10));
    while left(actor) > 0 {
        world.does(other, EndpointCreate { pool, into });
        let place = actor.domain.place(into).expect("a slot");
        world.kernel.empty_slot(place).expect("a capability");
    }
    while world.is_at_call(actor.thread) {
        world.step(actor.thread);
        check(&world.kernel);
    }
    let grown = world.outcome::<DomainGrow>(actor.thread);
    assert_eq!(grown, Some(Ok(())));
    assert_eq!(actor.domain.table.frame_count(), 30);
}

#[test]
fn the_charge_of_an_interrupted_growth_is_refunded() {
    let world = World::new();
    let keeper = world.domain();
    let free = world.kernel.frames.free();
    let actor = world.domain_of(60);
    world.give(actor, slots::POOL, keeper, Slot(20), 0);
    world.begin_step(actor.thread, grow(30 * SLOTS_PER_FRAME));
    assert!(actor.domain.paid_slot_frames() > 0);
    world.does(keeper.thread, Destroy { object: Slot(20) });
    assert_eq!(world.kernel.frames.free(), free);
    check(&world.kernel);
}
