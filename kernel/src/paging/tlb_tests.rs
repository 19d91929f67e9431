//! User code must not reach removed pages through the processor's TLB.
//!
//! The fake machine's TLB keeps entries until it is flushed. It panics when a frame is released while an entry refers to it
//! (see `arch::fake`).

use abi::PAGE_BYTES;
use abi::calls::{DomainPages, DomainReadPages, MemoryCreate, PageSet};
use abi::message::DATA_OFFSET;
use abi::register::{Access, PageCount, PageIndex, Slot};

use crate::arch::fake::UserAccess;
use crate::memory::Entry;
use crate::testing::{TestDomain, World, calls, slots};

const MEMORY: Slot = Slot(slots::FREE);
const COPY: Slot = Slot(slots::FREE + 1);
/// Pages of the Memory: more than one leaf table.
const PAGES: u64 = 700;
const ADDRESS: u64 = 0x8000_0000;

/// A test domain with a Memory whose first 16 pages are present.
fn scene() -> (World, TestDomain) {
    let world = World::new();
    let actor = world.domain();
    world.does(actor, calls::memory(PAGES, MEMORY));
    world.does(actor, calls::populate(MEMORY, 0, 16));
    (world, actor)
}

fn map(world: &World, actor: TestDomain, access: Access) {
    world.does(actor, calls::map(MEMORY, ADDRESS, 0, PAGES, access));
}

#[test]
fn a_discarded_page_is_out_of_reach() {
    let (world, actor) = scene();
    map(&world, actor, Access::ReadWrite);
    for page in 0..16 {
        let address = ADDRESS + page * PAGE_BYTES;
        assert_eq!(world.store(actor, address, page), Some(()));
    }
    world.does(actor, calls::discard(MEMORY, 3, 5));
    assert_eq!(world.load(actor, ADDRESS + 8 * PAGE_BYTES), Some(8));
    assert_eq!(world.load(actor, ADDRESS + 3 * PAGE_BYTES), None);
    assert!(actor.thread.stopped.get());
}

#[test]
fn a_removed_mapping_is_out_of_reach() {
    let unmap = calls::unmap(ADDRESS);
    type TakeAway<'a> = &'a dyn Fn(&World, TestDomain);
    let take_away: [TakeAway; 3] = [
        &|world, actor| world.does(actor, unmap),
        &|world, actor| {
            world.give(actor, MEMORY, actor, COPY, 0);
            world.does(actor, calls::revoke(MEMORY));
        },
        &|world, actor| world.does(actor, calls::destroy(MEMORY)),
    ];
    for take in take_away {
        let (world, actor) = scene();
        map(&world, actor, Access::ReadWrite);
        assert_eq!(world.store(actor, ADDRESS, 7), Some(()));
        assert_eq!(world.load(actor, ADDRESS), Some(7));
        take(&world, actor);
        assert_eq!(world.load(actor, ADDRESS), None);
    }
}

fn begin_log(world: &World, actor: TestDomain) -> u64 {
    let memory = actor.memory(MEMORY).header.id();
    world.does(actor, calls::begin_log(slots::DOMAIN, memory))
}

/// The dirty pages among the first 64. Reading them marks them clean.
fn take_dirty(world: &World, actor: TestDomain, log: u64) -> u64 {
    let read = DomainPages {
        domain: slots::DOMAIN,
        memory: actor.memory(MEMORY).header.id(),
        log,
        first_page: PageIndex(0),
        page_count: PageCount(PAGES),
        which: PageSet::Dirty,
    };
    world.does(actor, read);
    world.buffer(actor).read_word(DATA_OFFSET)
}

#[test]
fn a_page_that_is_written_after_a_dirty_pass_is_dirty_in_the_next() {
    let (world, actor) = scene();
    map(&world, actor, Access::ReadWrite);
    let log = begin_log(&world, actor);
    let pass = || take_dirty(&world, actor, log);
    let write = |page: u64| world.store(actor, ADDRESS + page * PAGE_BYTES, 1);
    (0..16).for_each(|page| assert_eq!(write(page), Some(())));
    assert_eq!(pass(), 0xffff);
    // The processor sets the bit again only if its TLB entry was flushed.
    assert_eq!(write(5), Some(()));
    assert_eq!(pass(), 1 << 5);
    assert_eq!(world.load(actor, ADDRESS), Some(1));
    assert_eq!(pass(), 0);
}

#[test]
fn a_page_that_was_written_through_a_mapping_that_is_gone_is_dirty() {
    let (world, actor) = scene();
    let log = begin_log(&world, actor);
    assert_eq!(take_dirty(&world, actor, log), 0xffff);
    map(&world, actor, Access::ReadWrite);
    assert_eq!(world.store(actor, ADDRESS + 3 * PAGE_BYTES, 1), Some(()));
    world.does(actor, calls::unmap(ADDRESS));
    assert_eq!(take_dirty(&world, actor, log), 1 << 3);
    assert_eq!(take_dirty(&world, actor, log), 0);
}

#[test]
fn a_page_that_is_written_through_the_last_of_many_mappings_is_dirty() {
    for mappings in [1, 2, 16, 17, 40] {
        let (world, actor) = scene();
        let address = |number: u64| ADDRESS + number * 0x40_0000;
        for number in 0..mappings {
            let at = calls::map(MEMORY, address(number), 0, PAGES, Access::ReadWrite);
            world.does(actor, at);
        }
        let log = begin_log(&world, actor);
        take_dirty(&world, actor, log);
        for number in [0, mappings - 1] {
            assert_eq!(world.store(actor, address(number), 1), Some(()));
            assert_eq!(take_dirty(&world, actor, log), 1, "{number} of {mappings}");
        }
    }
}

#[test]
fn a_page_that_another_core_marks_dirty_through_a_cached_link_is_in_the_same_pass() {
    let (world, actor) = scene();
    map(&world, actor, Access::ReadWrite);
    let log = begin_log(&world, actor);
    take_dirty(&world, actor, log);
    assert_eq!(world.store(actor, ADDRESS, 1), Some(()));
    // The other core has cached the link, so it does not mark it again.
    let leaf = actor.memory(MEMORY).leaf(5).expect("a table");
    let dirty = leaf.entry(5) | Entry::DIRTY.bits();
    world.machine.store_before_flush(leaf.address_of(5), dirty);
    assert_eq!(take_dirty(&world, actor, log), 1 | 1 << 5);
}

#[test]
fn a_page_that_is_written_after_it_was_copied_is_dirty_in_the_next_pass() {
    let (world, actor) = scene();
    map(&world, actor, Access::ReadWrite);
    let log = begin_log(&world, actor);
    world.does(actor, calls::memory(16, COPY));
    world.does(actor, calls::populate(COPY, 0, 16));
    let write = |page: u64, value| world.store(actor, ADDRESS + page * PAGE_BYTES, value);
    (0..8).for_each(|page| assert_eq!(write(page, 1), Some(())));
    let read = DomainReadPages {
        domain: slots::DOMAIN,
        memory: actor.memory(MEMORY).header.id(),
        log,
        first_page: PageIndex(0),
        wanted: 0b111,
        into: COPY,
        into_page: PageIndex(0),
    };
    assert_eq!(world.does(actor, read), (0, 0b111, 0));
    assert_eq!(write(1, 2), Some(()));
    assert_eq!(take_dirty(&world, actor, log), 0xffff & !0b101);
    assert_eq!(world.does(actor, read), (0, 0b111, 0));
    assert_eq!(take_dirty(&world, actor, log), 0);
}

#[test]
fn the_tables_allow_what_the_mapping_allows_and_no_more() {
    use UserAccess::{Fetch, Load, Store};
    for (access, allowed, forbidden) in [
        (Access::Read, vec![Load], vec![Store, Fetch]),
        (Access::ReadWrite, vec![Load, Store], vec![Fetch]),
        (Access::ReadExecute, vec![Load, Fetch], vec![Store]),
    ] {
        for (kinds, may) in [(allowed, true), (forbidden, false)] {
            for kind in kinds {
                let (world, actor) = scene();
                map(&world, actor, access);
                let reached = world.access(actor, ADDRESS, kind);
                assert_eq!(reached.is_some(), may, "{access:?} {kind:?}");
            }
        }
    }
}

#[test]
fn the_kernel_half_is_inaccessible_to_user_code() {
    let (world, actor) = scene();
    for address in [0xffff_8000_0000_0000, 0xffff_ffff_8000_0000] {
        world.kernel.scheduler.force(actor.thread);
        let reached = world.machine.access(address, UserAccess::Load);
        assert!(reached.is_err());
    }
}

#[test]
fn destroying_a_pool_whose_memory_is_mapped_leaves_no_translation() {
    const POOL: Slot = Slot(slots::FREE + 2);
    let world = World::new();
    let actor = world.domain();
    let free = world.kernel.frames.free();
    world.does(actor, calls::split(30, POOL));
    let create = MemoryCreate {
        pool: POOL,
        pages: PageCount(PAGES),
        into: MEMORY,
    };
    world.does(actor, create);
    world.does(actor, calls::populate(MEMORY, 500, 20));
    map(&world, actor, Access::ReadWrite);
    let address = |page: u64| ADDRESS + page * PAGE_BYTES;
    (500..520).for_each(|page| assert_eq!(world.store(actor, address(page), 7), Some(())));
    world.does(actor, calls::destroy(POOL));
    assert_eq!(world.load(actor, address(505)), None);
    // The domain keeps the tables above the links, and the mapping record.
    assert!(world.kernel.frames.free() > free - 5);
}

#[test]
#[should_panic(expected = "while the TLB leads to it")]
fn a_frame_that_the_tlb_leads_to_cannot_be_released() {
    let (world, actor) = scene();
    map(&world, actor, Access::ReadWrite);
    assert_eq!(world.store(actor, ADDRESS, 7), Some(()));
    let frame = actor.memory(MEMORY).frame(0).expect("a page");
    crate::arch::frame_released(frame.address());
}
