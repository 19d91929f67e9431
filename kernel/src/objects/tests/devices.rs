//! Memories of a device's registers.

use abi::Error;
use abi::calls::{
    Destroy, DeviceMemoryCreate, DomainMap, MemoryCreate, MemoryDiscard, MemoryPopulate,
    MemorySupply, PoolSplit,
};
use abi::register::{Access, PageCount, PageIndex, Slot, UserAddress};

use super::checker::check;
use super::driver::{FIRST, HARDWARE, SECOND, driver};
use crate::arch::PhysAddr;
use crate::arch::fake::UserAccess;
use crate::memory::{Entry, Ref};
use crate::objects::{MemoryObject, Object};
use crate::testing::{TestDomain, slots};

const MEMORY: Slot = Slot(12);

/// The address of the mapping of its Memory.
const ADDRESS: u64 = 0x5000_0000;

/// The address of a device: beyond all RAM of the fake machine.
const BUS_ADDRESS: u64 = 0xfe00_0000;

/// Pages of a device that one step inserts.
const PAGES_PER_STEP: u64 = 128;

fn registers(pages: u64) -> DeviceMemoryCreate {
    DeviceMemoryCreate {
        pool: slots::POOL,
        hardware: HARDWARE,
        bus_address: BUS_ADDRESS,
        pages: PageCount(pages),
        into: MEMORY,
        cache: 0,
        made: PageCount(0),
    }
}

fn memory(actor: TestDomain) -> Ref<MemoryObject> {
    let place = actor.domain.place(MEMORY).expect("a slot");
    let held = capabilities::Storage::slot(&crate::memory::SlotStorage, place).capability();
    match held.map(|held| held.object) {
        Some(Object::Memory(memory)) => memory,
        other => panic!("not a Memory but {other:?}"),
    }
}

#[test]
fn a_large_device_memory_is_created_in_steps() {
    let (world, actor) = driver();
    let pages = 3 * 512 + 1;
    let steps = world.steps_of(actor.thread, registers(pages));
    assert_eq!(steps as u64, pages.div_ceil(PAGES_PER_STEP));
    let made = world.outcome::<DeviceMemoryCreate>(actor.thread);
    assert_eq!(made, Some(Ok(())));
    let memory = memory(actor);
    assert_eq!(memory.present.get(), pages);
    let map = DomainMap {
        domain: slots::DOMAIN,
        memory: MEMORY,
        address: UserAddress(ADDRESS),
        first_page: PageIndex(0),
        page_count: PageCount(pages),
        access: Access::ReadWrite,
    };
    world.does(actor.thread, map);
    for offset in [0, 511, 512, pages - 1].map(|page| page * 4096) {
        let reached = world.access(actor.thread, ADDRESS + offset, UserAccess::Store);
        assert_eq!(reached, Some(PhysAddr::new(BUS_ADDRESS + offset)));
    }
    check(&world.kernel);
}

#[test]
fn a_step_continues_only_what_an_earlier_one_created() {
    let (world, actor) = driver();
    world.begin_step(actor.thread, registers(1025));
    // The slot may have been reused meanwhile, or the registers changed.
    let [before, behind] = [PAGES_PER_STEP - 1, PAGES_PER_STEP + 1];
    for (pages, made) in [
        (1025, 0),
        (1025, before),
        (1025, behind),
        (1024, PAGES_PER_STEP),
    ] {
        let call = DeviceMemoryCreate {
            made: PageCount(made),
            ..registers(pages)
        };
        let refused = world.call(actor.thread, call);
        assert_eq!(refused, Err(Error::OccupiedSlot), "{pages} {made}");
    }
    let beyond = DeviceMemoryCreate {
        made: PageCount(1025),
        ..registers(1025)
    };
    let refused = world.call(actor.thread, beyond);
    assert_eq!(refused, Err(Error::ArgumentRange));
    let rest = DeviceMemoryCreate {
        made: PageCount(PAGES_PER_STEP),
        ..registers(1025)
    };
    world.does(actor.thread, rest);
    assert_eq!(memory(actor).present.get(), 1025);
    world.does(actor.thread, Destroy { object: MEMORY });
    check(&world.kernel);
}

#[test]
fn a_pool_that_cannot_pay_for_the_tables_creates_no_memory() {
    let (world, actor) = driver();
    let pool = Slot(13);
    let split = PoolSplit {
        pool: slots::POOL,
        pages: PageCount(5),
        into: pool,
    };
    world.does(actor.thread, split);
    // Of its five pages the pool is one; the Memory takes one, and tables for 1,025 pages four.
    let call = |pages| DeviceMemoryCreate {
        pool,
        ..registers(pages)
    };
    let refused = world.call(actor.thread, call(1025));
    assert_eq!(refused, Err(Error::PoolEmpty));
    world.does(actor.thread, call(512));
}

#[test]
fn a_page_is_uncached_or_write_combining() {
    for (cache, flags) in [
        (0, Entry::UNCACHED | Entry::WRITE_THROUGH),
        (1, Entry::WRITE_THROUGH),
    ] {
        let (world, actor) = driver();
        let call = DeviceMemoryCreate {
            cache,
            ..registers(2)
        };
        world.does(actor.thread, call);
        let leaf = memory(actor).leaf(1).expect("it has tables");
        let caching = Entry::UNCACHED | Entry::WRITE_THROUGH;
        assert_eq!(leaf.flags(1) & caching, flags);
    }
    let (world, actor) = driver();
    let call = DeviceMemoryCreate {
        cache: 2,
        ..registers(2)
    };
    assert_eq!(world.call(actor.thread, call), Err(Error::ArgumentRange));
}

#[test]
fn no_page_is_beyond_what_the_processor_can_address() {
    let (world, actor) = driver();
    let end = 1 << crate::arch::physical_address_bits();
    let at = |bus_address| DeviceMemoryCreate {
        bus_address,
        ..registers(1)
    };
    for beyond in [end, end - 4096 + 1, 1 << 52, u64::MAX - 4095] {
        let refused = world.call(actor.thread, at(beyond));
        assert_eq!(refused, Err(Error::ArgumentRange), "{beyond:#x}");
    }
    world.does(actor.thread, at(end - 4096));
    let ram = world.call(
        actor.thread,
        DeviceMemoryCreate {
            into: FIRST,
            ..at(0x10_0000)
        },
    );
    assert_eq!(ram, Err(Error::NotDevice));
}

#[test]
fn a_device_memory_being_destroyed_is_not_continued() {
    let (world, actor) = driver();
    let pages = 4 * 512;
    world.does(actor.thread, registers(pages));
    let other = world.thread_in(actor.domain, SECOND);
    world.begin_step(actor.thread, Destroy { object: MEMORY });
    while world.is_at_call(actor.thread) {
        let present = memory(actor).present.get();
        let call = DeviceMemoryCreate {
            made: PageCount(present),
            ..registers(pages)
        };
        let refused = world.call(other, call);
        assert_eq!(refused, Err(Error::OccupiedSlot), "{present} pages left");
        assert_eq!(memory(actor).present.get(), present);
        world.step(actor.thread);
    }
    check(&world.kernel);
}

#[test]
fn a_devices_pages_are_not_ram() {
    let (world, actor) = driver();
    let pages = 2 * PAGES_PER_STEP;
    let (pool, into) = (slots::POOL, FIRST);
    let ordinary = MemoryCreate {
        pool,
        pages: PageCount(pages),
        into,
    };
    world.does(actor.thread, ordinary);
    let other = world.thread_in(actor.domain, SECOND);
    // Half of the pages exist, and another thread tries to insert one of the rest.
    world.begin_step(actor.thread, registers(pages));
    assert!(world.is_at_call(actor.thread));
    let (first_page, page_count) = (PageIndex(pages - 1), PageCount(1));
    let populate = MemoryPopulate {
        memory: MEMORY,
        first_page,
        page_count,
    };
    assert_eq!(world.call(other, populate), Err(Error::WrongState));
    let discard = MemoryDiscard {
        memory: MEMORY,
        first_page: PageIndex(0),
        page_count,
    };
    assert_eq!(world.call(other, discard), Err(Error::WrongState));
    for (memory, giver) in [(MEMORY, FIRST), (FIRST, MEMORY)] {
        let supply = MemorySupply {
            memory,
            first_page,
            page_count,
            giver,
            giver_page: PageIndex(0),
        };
        assert_eq!(world.call(other, supply), Err(Error::WrongState));
    }
    world.step(actor.thread);
    let made = world.outcome::<DeviceMemoryCreate>(actor.thread);
    assert_eq!(made, Some(Ok(())));
    assert_eq!(memory(actor).present.get(), pages);
}

#[test]
fn a_device_memory_is_no_larger_than_one_step_can_create_tables_for() {
    let (world, actor) = driver();
    for beyond in [0, 8193, 1 << 20] {
        let refused = world.call(actor.thread, registers(beyond));
        assert_eq!(refused, Err(Error::ArgumentRange), "{beyond} pages");
    }
    world.does(actor.thread, registers(8192));
}
