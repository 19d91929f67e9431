//! Populating, supplying, discarding and mapping.

use abi::register::{Access, ObjectId, Slot};
use abi::{Error, MAP_STEP_BYTES, MEMORY_PAGES_MAX, PAGE_BYTES, USER_END};
use capabilities::{GENERATION_MAX, Storage};

use crate::memory::{Frame, Ref, SlotStorage};
use crate::objects::{MemoryObject, Phase};
use crate::testing::{TestDomain, World, calls, slots};

mod page_sets;

const MEMORY: Slot = Slot(slots::FREE);
const OTHER: Slot = Slot(slots::FREE + 1);
const ENDPOINT: Slot = Slot(slots::FREE + 2);
/// Pages of the Memory: more than one leaf table.
const PAGES: u64 = 700;
const ADDRESS: u64 = 0x8000_0000;

struct Scene {
    world: World,
    actor: TestDomain,
}

impl Scene {
    fn new() -> Scene {
        let world = World::new();
        let actor = world.domain();
        for into in [MEMORY, OTHER] {
            world.does(actor, calls::memory(PAGES, into));
        }
        world.does(actor, calls::endpoint(ENDPOINT));
        Scene { world, actor }
    }

    fn memory(&self, slot: Slot) -> Ref<MemoryObject> {
        self.actor.memory(slot)
    }

    fn frame(&self, slot: Slot, page: u64) -> Frame {
        self.memory(slot).frame(page).expect("a page")
    }

    fn populate(&self, first: u64, count: u64) -> Result<(), Error> {
        self.world
            .call(self.actor, calls::populate(MEMORY, first, count))
    }

    fn discard(&self, first: u64, count: u64) -> Result<(), Error> {
        self.world
            .call(self.actor, calls::discard(MEMORY, first, count))
    }

    /// Supplies the other Memory from the first.
    fn supply(&self, first: u64, count: u64, from: u64) -> Result<(), Error> {
        let supply = calls::supply(OTHER, first, count, MEMORY, from);
        self.world.call(self.actor, supply)
    }

    fn map(&self, address: u64, first: u64, count: u64) -> Result<(), Error> {
        self.map_as(address, first, count, Access::ReadWrite)
    }

    fn map_as(&self, address: u64, first: u64, count: u64, access: Access) -> Result<(), Error> {
        let map = calls::map(MEMORY, address, first, count, access);
        self.world.call(self.actor, map)
    }

    fn id(&self) -> ObjectId {
        self.memory(MEMORY).header.id()
    }

    fn fault(&self, address: u64, error: u64) {
        self.world.raise(self.actor, 14, error, address);
    }
}

#[test]
fn populating_inserts_zeroed_pages_and_keeps_present_ones() {
    let scene = Scene::new();
    scene.populate(500, 20).expect("room");
    scene.frame(MEMORY, 505).write_word(8, 7);
    scene.populate(490, 40).expect("room");
    assert_eq!(scene.memory(MEMORY).present.get(), 40);
    assert_eq!(scene.frame(MEMORY, 505).read_word(8), 7);
}

#[test]
fn a_released_page_is_zeroed_when_it_is_inserted_again() {
    let scene = Scene::new();
    // All that the pool can pay for, so that every page inserted again was used before.
    let left = scene.world.kernel.frames.free();
    let count = scene.actor.pool.limit - scene.actor.pool.used() - 4;
    assert!(count < PAGES && count < left);
    for _ in 0..2 {
        scene.populate(0, count).expect("room");
        for page in 0..count {
            let frame = scene.frame(MEMORY, page);
            assert!(frame.is_zero(), "page {page}");
            frame.write_word(0, 7);
            frame.write_word(2048, 7);
        }
        scene.discard(0, count).expect("all of it");
    }
}

#[test]
fn a_refused_mapping_costs_nothing() {
    let scene = Scene::new();
    let (actor, first) = (scene.actor, ENDPOINT.0 + 1);
    let last = first + u32::from(GENERATION_MAX);
    let memory = SlotStorage.slot(actor.place(MEMORY)).capability();
    let memory = memory.expect("a capability");
    capabilities::copy(&SlotStorage, actor.place(MEMORY), actor.place(Slot(first))).expect("room");
    for slot in first..last {
        let [from, to] = [slot, slot + 1].map(|slot| actor.place(Slot(slot)));
        capabilities::derive(&SlotStorage, from, to, memory).expect("few generations");
    }
    let mut addresses = (ADDRESS..).step_by(8 * MAP_STEP_BYTES as usize);
    while actor.domain.free_mapping().is_some() {
        let address = addresses.next().expect("an address");
        scene.map(address, 0, PAGES).expect("room");
    }
    let used = actor.pool.used();
    let map = calls::map(Slot(last), 0x4000_0000_0000, 0, PAGES, Access::Read);
    assert_eq!(scene.world.call(actor, map), Err(Error::TableFull));
    assert_eq!(actor.pool.used(), used);
}

#[test]
fn a_step_that_examines_many_pages_inserts_fewer() {
    let scene = Scene::new();
    let steps_of = |first, count| {
        scene
            .world
            .steps_of(scene.actor, calls::populate(MEMORY, first, count))
    };
    assert_eq!(steps_of(0, 16), 1);
    assert_eq!(steps_of(0, 200), 12);
    assert_eq!(steps_of(0, 200), 1);
    assert_eq!(steps_of(0, 216), 2);
    assert_eq!(scene.memory(MEMORY).present.get(), 216);
}

#[test]
fn supplying_copies_and_overwrites() {
    let scene = Scene::new();
    scene.populate(0, 40).expect("room");
    (0..40).for_each(|page| scene.frame(MEMORY, page).write_word(0, page + 100));
    scene.supply(500, 40, 0).expect("all are there");
    assert!((0..40).all(|page| scene.frame(OTHER, 500 + page).read_word(0) == page + 100));
    scene.frame(MEMORY, 0).write_word(0, 1);
    assert_eq!(scene.frame(OTHER, 500).read_word(0), 100);
    scene.supply(500, 1, 0).expect("it is there");
    assert_eq!(scene.frame(OTHER, 500).read_word(0), 1);
    assert_eq!(scene.supply(0, 2, 39), Err(Error::PageAbsent));
}

#[test]
fn discarding_returns_what_populating_took() {
    let scene = Scene::new();
    scene.populate(0, PAGES.min(150)).expect("room");
    let (free, used) = (scene.world.kernel.frames.free(), scene.actor.pool.used());
    scene.discard(0, PAGES).expect("all of it");
    assert_eq!(scene.memory(MEMORY).present.get(), 0);
    assert_eq!(scene.world.kernel.frames.free(), free + 150);
    assert_eq!(scene.actor.pool.used(), used - 150);
    scene.discard(0, PAGES).expect("absent pages are fine");
    scene.populate(0, 150).expect("room again");
    assert_eq!(scene.world.kernel.frames.free(), free);
}

#[test]
fn ranges_outside_of_a_memory_are_refused() {
    let scene = Scene::new();
    for (first, count) in [
        (PAGES, 1),
        (0, PAGES + 1),
        (PAGES - 1, 2),
        (1 << 34, 1 << 34),
    ] {
        assert_eq!(scene.populate(first, count), Err(Error::ArgumentRange));
        assert_eq!(scene.discard(first, count), Err(Error::ArgumentRange));
        assert_eq!(scene.supply(first, count, 0), Err(Error::ArgumentRange));
        assert_eq!(scene.supply(0, count, first), Err(Error::ArgumentRange));
    }
}

#[test]
fn a_pool_that_runs_out_in_the_middle_keeps_the_inserted_pages() {
    let scene = Scene::new();
    let left = scene.actor.pool.limit - scene.actor.pool.used();
    assert_eq!(scene.populate(0, left), Err(Error::PoolEmpty));
    // A directory and a leaf table were paid for too.
    assert_eq!(scene.memory(MEMORY).present.get(), left - 2);
    assert_eq!(scene.actor.pool.used(), scene.actor.pool.limit);
    scene.discard(0, left).expect("pages");
    scene.populate(0, left - 2).expect("as many as there are");
}

#[test]
fn invalid_mappings_are_refused() {
    let scene = Scene::new();
    for (address, first, count, error) in [
        (ADDRESS + PAGE_BYTES, 0, PAGES, Error::Misaligned),
        (ADDRESS, 1, PAGES - 1, Error::Misaligned),
        (ADDRESS, 0, 3, Error::Misaligned),
        (ADDRESS, 0, 1024, Error::ArgumentRange),
        (ADDRESS, 512, PAGES, Error::Misaligned),
        (ADDRESS, 0, 0, Error::ArgumentRange),
        (0, 0, PAGES, Error::ArgumentRange),
        (USER_END - MAP_STEP_BYTES, 0, PAGES, Error::ArgumentRange),
        (USER_END, 0, PAGES, Error::ArgumentRange),
    ] {
        assert_eq!(
            scene.map(address, first, count),
            Err(error),
            "{address:#x} {first} {count}"
        );
    }
    scene.map(ADDRESS, 0, PAGES).expect("free");
    // 700 pages take two steps.
    for address in [ADDRESS - MAP_STEP_BYTES, ADDRESS, ADDRESS + MAP_STEP_BYTES] {
        assert_eq!(scene.map(address, 0, PAGES), Err(Error::Overlap));
    }
    scene
        .map(ADDRESS - 2 * MAP_STEP_BYTES, 0, PAGES)
        .expect("beside");
    scene
        .map(ADDRESS + 2 * MAP_STEP_BYTES, 512, PAGES - 512)
        .expect("beside");
}

#[test]
fn a_mapping_shows_pages_inserted_later_and_is_removed_whole() {
    let scene = Scene::new();
    scene.map(ADDRESS, 0, PAGES).expect("free");
    scene.populate(600, 1).expect("room");
    let address = ADDRESS + 600 * PAGE_BYTES;
    scene.fault(address, 6);
    assert_eq!(scene.actor.thread.phase.get(), Phase::Ready);
    let there = scene.actor.domain.space.translate(address);
    assert_eq!(
        there.map(|there| there.frame),
        Some(scene.frame(MEMORY, 600))
    );
    let unmap = |address| scene.world.call(scene.actor, calls::unmap(address));
    assert_eq!(unmap(ADDRESS + MAP_STEP_BYTES), Err(Error::NotThere));
    assert_eq!(unmap(ADDRESS), Ok(()));
    assert_eq!(scene.actor.domain.space.translate(address), None);
    assert_eq!(unmap(ADDRESS), Err(Error::NotThere));
}

#[test]
fn an_access_that_the_mapping_forbids_is_a_fault_even_if_the_page_is_present() {
    const WRITE: u64 = 7;
    const FETCH: u64 = 0x15;
    for (access, error) in [
        (Access::Read, WRITE),
        (Access::Read, FETCH),
        (Access::ReadWrite, FETCH),
    ] {
        let scene = Scene::new();
        scene.populate(0, 1).expect("room");
        scene.map_as(ADDRESS, 0, PAGES, access).expect("free");
        scene.fault(ADDRESS, error);
        assert!(scene.actor.thread.stopped.get(), "{access:?} {error:#x}");
    }
}

#[test]
fn an_absent_page_becomes_a_message_to_its_pager() {
    let scene = Scene::new();
    let pager = ENDPOINT;
    scene.world.does(scene.actor, calls::pager(MEMORY, pager));
    scene.map(ADDRESS, 0, PAGES).expect("free");
    scene.fault(ADDRESS + 5 * PAGE_BYTES, 6);
    let Phase::SendingFault { fault, .. } = scene.actor.thread.phase.get() else {
        panic!("it is in {:?}", scene.actor.thread.phase.get());
    };
    assert_eq!(
        fault.words,
        [abi::fault::FaultKind::AbsentPage as u64, 5, 6]
    );
}

#[test]
fn a_memory_has_no_more_pages_than_its_tables_reach() {
    let scene = Scene::new();
    let create = |pages| calls::memory(pages, Slot(slots::FREE + 3));
    for pages in [0, MEMORY_PAGES_MAX + 1, 1 << 34, u64::MAX] {
        let refused = scene.world.call(scene.actor, create(pages));
        assert_eq!(refused, Err(Error::ArgumentRange), "{pages} pages");
    }
    let largest = create(MEMORY_PAGES_MAX);
    scene.world.does(scene.actor, largest);
}
