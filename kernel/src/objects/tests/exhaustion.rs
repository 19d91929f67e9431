//! A pool that runs out at every allocation: each refusal is [`Error::PoolEmpty`], and everything is returned.

use abi::calls::{
    DomainGrow, DomainMap, EndpointCreate, MemoryCreate, MemoryCreateContiguous,
    NotificationCreate, PoolSplit,
};
use abi::register::{Access, PageCount, Slot};
use abi::{Arguments, Error};

use super::checker::{all_objects, check};
use crate::memory::SLOTS_PER_FRAME;
use crate::testing::{TestDomain, World, calls, slots};

const POOL: Slot = Slot(20);
const DOMAIN: Slot = Slot(21);
const MEMORY: Slot = Slot(22);

/// Makes a call; a refusal must not change the number of objects.
fn make<A: Arguments>(world: &World, actor: TestDomain, call: A) -> Result<(), Error> {
    let before = all_objects(&world.kernel).len();
    let made = world.call(actor, call).map(|_| ());
    check(&world.kernel);
    if made.is_err() {
        assert_eq!(all_objects(&world.kernel).len(), before);
    }
    made
}

/// Creates an object of every kind that needs no Hardware, and fills them, from a pool of `pages`.
fn create_all(world: &World, actor: TestDomain, pages: u64) -> Result<(), Error> {
    let (pool, domain, memory) = (POOL, DOMAIN, MEMORY);
    make(world, actor, calls::split(pages, POOL))?;
    make(world, actor, calls::domain(pool, DOMAIN))?;
    make(world, actor, calls::thread(domain, Slot(23)))?;
    make(world, actor, calls::grow(domain, 130))?;
    let pages = PageCount(600);
    let into = MEMORY;
    make(world, actor, MemoryCreate { pool, pages, into })?;
    let populate = calls::populate(memory, 510, 20);
    make(world, actor, populate)?;
    let map = DomainMap {
        domain,
        ..calls::map(memory, 0x4000_0000, 0, 600, Access::ReadWrite)
    };
    make(world, actor, map)?;
    make(world, actor, calls::supply(memory, 3, 1, slots::BUFFER, 0))?;
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
    make(world, actor, calls::populate(Slot(26), 0, 5))?;
    let (pages, into) = (PageCount(2), Slot(27));
    make(world, actor, PoolSplit { pool, pages, into })
}

#[test]
fn every_refusal_is_pool_empty_and_creates_no_object() {
    let world = World::new();
    let actor = world.domain();
    let (free, used) = (world.kernel.frames.free(), actor.pool.used());
    for pages in 0.. {
        let outcome = create_all(&world, actor, pages);
        match world.call(actor, calls::destroy(POOL)) {
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
    let left = actor.pool.limit - actor.pool.used();
    for pages in [left + 1, 1 << 30] {
        assert_eq!(
            world.call(actor, calls::split(pages, POOL)),
            Err(Error::PoolEmpty)
        );
    }
    world.does(actor, calls::split(left, POOL));
    assert_eq!(actor.pool.used(), actor.pool.limit);
    check(&world.kernel);
}

/// The remaining pages of a domain's pool.
fn left(actor: TestDomain) -> u32 {
    (actor.pool.limit - actor.pool.used()) as u32
}

fn grow(slots: u32) -> DomainGrow {
    calls::grow(slots::DOMAIN, slots)
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
        assert_eq!(world.call(actor, grow(slots)), Err(error));
        let after = (actor.pool.used(), actor.domain.table.frame_count());
        assert_eq!(after, before, "{slots} slots");
        check(&world.kernel);
    }
    world.does(actor, grow(all));
    assert_eq!(left(actor), 0);
    assert_eq!(actor.domain.table.frame_count() * SLOTS_PER_FRAME, all);
    // The table has that many slots already, so nothing is charged.
    world.does(actor, grow(all));
}

#[test]
fn an_unfinished_growth_is_paid_for() {
    let world = World::new();
    let actor = world.domain_of(60);
    let other = world.thread_in(actor.domain, Slot(9));
    let slots = 30 * SLOTS_PER_FRAME;
    world.begin_step(actor, grow(slots));
    assert!(world.is_at_call(actor));
    check(&world.kernel);
    let into = Slot(10);
    while left(actor) > 0 {
        world.does(other, calls::endpoint(into));
        let place = actor.place(into);
        world.kernel.empty_slot(place).expect("a capability");
    }
    while world.is_at_call(actor) {
        world.step(actor);
        check(&world.kernel);
    }
    let grown = world.outcome::<DomainGrow>(actor);
    assert_eq!(grown, Some(Ok(())));
    assert_eq!(actor.domain.table.frame_count(), 30);
}

#[test]
fn the_charge_of_an_interrupted_growth_is_refunded() {
    let world = World::new();
    let manager = world.domain();
    let free = world.kernel.frames.free();
    let actor = world.domain_of(60);
    world.give(actor, slots::POOL, manager, Slot(20), 0);
    world.begin_step(actor, grow(30 * SLOTS_PER_FRAME));
    assert!(actor.domain.paid_slot_frames() > 0);
    world.does(manager, calls::destroy(Slot(20)));
    assert_eq!(world.kernel.frames.free(), free);
    check(&world.kernel);
}
