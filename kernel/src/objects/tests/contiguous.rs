//! Contiguous Memories: their placement and cost, and allocation after any churn.

use abi::calls::{CapabilityInspect, MemoryCreateContiguous, PoolSplit};
use abi::register::{PageCount, Slot};
use abi::{Error, PAGE_BYTES, PoolRights};

use super::checker::check;
use crate::memory::OwnedFrame;
use crate::testing::{TestDomain, World, calls, slots};

const RUN: Slot = Slot(20);
const CHURN: Slot = Slot(21);

const ANYWHERE: MemoryCreateContiguous = MemoryCreateContiguous {
    pool: slots::POOL,
    pages: PageCount(64),
    into: RUN,
    alignment: PageCount(1),
    from: 0,
    below: u64::MAX,
};

fn populate(world: &World, actor: TestDomain, memory: Slot, pages: u64) -> Result<(), Error> {
    world.call(actor, calls::populate(memory, 0, pages))
}

fn all_frames(world: &World) -> Vec<OwnedFrame> {
    std::iter::from_fn(|| world.kernel.frames.allocate()).collect()
}

#[test]
fn pages_are_paid_for_at_creation_and_zeroed_when_they_are_populated() {
    let world = World::new();
    let actor = world.domain();
    // Every free frame holds data of an earlier use.
    let frames = all_frames(&world);
    for frame in &frames {
        frame.view().write_word(8, 7);
    }
    frames
        .into_iter()
        .for_each(|frame| world.kernel.frames.release(frame));
    for populated in [0, 1, 40, 64] {
        let (free, used) = (world.kernel.frames.free(), actor.pool.used());
        let address = world.does(actor, ANYWHERE);
        // The object, a directory and a leaf table.
        assert_eq!(actor.pool.used(), used + 64 + 3);
        assert_eq!(actor.memory(RUN).present.get(), 0);
        assert!(actor.memory(RUN).frame(0).is_none());
        check(&world.kernel);
        if populated > 0 {
            populate(&world, actor, RUN, populated).expect("it was paid for");
        }
        assert_eq!(actor.pool.used(), used + 64 + 3);
        assert_eq!(actor.memory(RUN).present.get(), populated);
        for page in 0..populated {
            let frame = actor.memory(RUN).frame(page).expect("it was populated");
            assert_eq!(frame.address().as_u64(), address + page * PAGE_BYTES);
            assert_eq!(frame.read_word(8), 0);
            frame.write_word(8, 7);
        }
        assert!(actor.memory(RUN).frame(populated).is_none());
        world.does(actor, calls::destroy(RUN));
        let after = (world.kernel.frames.free(), actor.pool.used());
        assert_eq!(after, (free, used));
    }
}

#[test]
fn a_step_of_populating_makes_a_bounded_number_of_pages_present() {
    let world = World::new();
    let actor = world.domain_of(600);
    let pages = PageCount(512);
    world.does(actor, MemoryCreateContiguous { pages, ..ANYWHERE });
    let populate = calls::populate(RUN, 0, 512);
    assert_eq!(world.steps_of(actor, populate), 512 / 16);
    assert_eq!(actor.memory(RUN).present.get(), 512);
    // Present pages stay.
    actor.memory(RUN).frame(3).expect("a page").write_word(0, 5);
    world.does(actor, populate);
    assert_eq!(actor.memory(RUN).frame(3).expect("a page").read_word(0), 5);
}

#[test]
fn pages_that_a_device_may_write_are_neither_discarded_nor_supplied() {
    let world = World::new();
    let actor = world.domain();
    world.does(actor, ANYWHERE);
    let refused = world.call(actor, calls::discard(RUN, 0, 1));
    assert_eq!(refused, Err(Error::WrongState));
    let supply = calls::supply(RUN, 0, 1, slots::BUFFER, 0);
    let refused = world.call(actor, supply);
    assert_eq!(refused, Err(Error::WrongState));
}

#[test]
fn a_contiguous_memory_being_destroyed_gets_no_other_frames() {
    let world = World::new();
    let actor = world.domain_of(600);
    let pages = PageCount(512);
    world.does(actor, MemoryCreateContiguous { pages, ..ANYWHERE });
    let other = world.thread_in(actor.domain, CHURN);
    world.begin_step(actor, calls::destroy(RUN));
    let mut refusals = 0;
    while world.is_at_call(actor) {
        let used = actor.pool.used();
        assert_eq!(
            world.call(other, calls::populate(RUN, 0, 1)),
            Err(Error::Gone)
        );
        assert_eq!(actor.pool.used(), used);
        refusals += 1;
        world.step(actor);
    }
    assert!(refusals > 0);
    check(&world.kernel);
}

#[test]
fn a_request_that_no_machine_can_satisfy_is_refused() {
    let world = World::new();
    let actor = world.domain_of(600);
    let (used, free) = (actor.pool.used(), world.kernel.frames.free());
    let with = |pages, alignment, from, below| MemoryCreateContiguous {
        pages: PageCount(pages),
        alignment: PageCount(alignment),
        from,
        below,
        ..ANYWHERE
    };
    for (request, error) in [
        (with(0, 1, 0, u64::MAX), Error::ArgumentRange),
        (with(513, 1, 0, u64::MAX), Error::ArgumentRange),
        (with(1, 0, 0, u64::MAX), Error::ArgumentRange),
        (with(1, 3, 0, u64::MAX), Error::ArgumentRange),
        (with(1, 1024, 0, u64::MAX), Error::ArgumentRange),
        (with(1, 1, u64::MAX, u64::MAX), Error::PoolEmpty),
        (with(1, 1, 0, 0), Error::PoolEmpty),
        (with(1, 1, 8 << 20, 8 << 20), Error::PoolEmpty),
        // The machine's first MiB is taken.
        (with(1, 1, 0, 1 << 20), Error::PoolEmpty),
    ] {
        assert_eq!(world.call(actor, request), Err(error), "{request:?}");
    }
    assert_eq!(
        (actor.pool.used(), world.kernel.frames.free()),
        (used, free)
    );
    let address = world.does(actor, with(3, 512, 4 << 20, 8 << 20));
    assert_eq!(address, 4 << 20);
}

#[test]
fn a_search_among_scattered_frames_continues_where_it_stopped() {
    let world = World::new();
    let actor = world.domain();
    // These include the frames reserved for pools; no domain allocates any before they are released.
    let (kept, scattered): (Vec<_>, Vec<_>) = all_frames(&world)
        .into_iter()
        .partition(|frame| frame.address().as_u64() / PAGE_BYTES % 2 == 1);
    scattered
        .into_iter()
        .for_each(|frame| world.kernel.frames.release(frame));
    let pages = PageCount(2);
    let request = MemoryCreateContiguous { pages, ..ANYWHERE };
    let steps = world.steps_of(actor, request);
    assert!(steps > 50, "{steps} steps");
    let outcome = world.outcome::<MemoryCreateContiguous>(actor);
    assert_eq!(outcome, Some(Err(Error::PoolEmpty)));
    kept.into_iter()
        .for_each(|frame| world.kernel.frames.release(frame));
    let steps = world.steps_of(actor, request);
    assert_eq!(steps, 1);
}

#[test]
fn a_restarted_driver_gets_its_run_of_frames_again_after_any_churn() {
    let world = World::new();
    let driver = world.domain();
    let other = world.domain_of(world.kernel.root_pool.limit - 1000);
    let pages = other.pool.limit - 200;
    world.does(other, calls::memory(pages, CHURN));
    for round in 0..4 {
        world.does(driver, ANYWHERE);
        populate(&world, driver, RUN, 64).expect("it was paid for");
        populate(&world, other, CHURN, pages).expect("the pool has that many");
        world.does(driver, calls::destroy(RUN));
        // Some frames are released, and different ones are taken.
        world.does(other, calls::discard(CHURN, round * 100, pages / 2));
        check(&world.kernel);
    }
    world.does(driver, ANYWHERE);
}

#[test]
fn a_child_pool_creates_contiguous_memory_only_if_its_parent_could() {
    let world = World::new();
    let actor = world.domain();
    let (plain, child, grandchild) = (Slot(30), Slot(31), Slot(32));
    let mint = calls::mint(slots::POOL, plain, PoolRights::CREATE, 0);
    world.does(actor, mint);
    for (pool, expected) in [
        (plain, PoolRights::all() - PoolRights::DMA),
        (slots::POOL, PoolRights::all()),
    ] {
        for (pool, pages, into) in [(pool, 20, child), (child, 10, grandchild)] {
            let pages = PageCount(pages);
            world.does(actor, PoolSplit { pool, pages, into });
            let (_, rights, _) = world.does(actor, CapabilityInspect { slot: into });
            assert_eq!(rights, u64::from(expected.bits()));
            let made = world.call(
                actor,
                MemoryCreateContiguous {
                    pool: into,
                    pages: PageCount(1),
                    ..ANYWHERE
                },
            );
            if expected.contains(PoolRights::DMA) {
                assert!(made.is_ok(), "{made:?}");
                world.does(actor, calls::destroy(RUN));
            } else {
                assert_eq!(made, Err(Error::MissingRight));
            }
        }
        world.does(actor, calls::destroy(child));
    }
}
