//! Memories of a device's registers.

use abi::Error;
use abi::calls::DeviceMemoryCreate;
use abi::register::{Access, PageCount, Slot};

use super::checker::check;
use super::driver::{FIRST, HARDWARE, SECOND, driver};
use crate::arch::PhysAddr;
use crate::arch::fake::UserAccess;
use crate::memory::Entry;
use crate::testing::{calls, slots};

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

#[test]
fn a_large_device_memory_is_created_in_steps() {
    let (world, actor) = driver();
    let pages = 3 * 512 + 1;
    let steps = world.steps_of(actor, registers(pages));
    assert_eq!(steps as u64, pages.div_ceil(PAGES_PER_STEP));
    let made = world.outcome::<DeviceMemoryCreate>(actor);
    assert_eq!(made, Some(Ok(())));
    let memory = actor.memory(MEMORY);
    assert_eq!(memory.present.get(), pages);
    let map = calls::map(MEMORY, ADDRESS, 0, pages, Access::ReadWrite);
    world.does(actor, map);
    for offset in [0, 511, 512, pages - 1].map(|page| page * 4096) {
        let reached = world.access(actor, ADDRESS + offset, UserAccess::Store);
        assert_eq!(reached, Some(PhysAddr::new(BUS_ADDRESS + offset)));
    }
    check(&world.kernel);
}

#[test]
fn a_step_continues_only_what_an_earlier_one_created() {
    let (world, actor) = driver();
    world.begin_step(actor, registers(1025));
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
        let refused = world.call(actor, call);
        assert_eq!(refused, Err(Error::OccupiedSlot), "{pages} {made}");
    }
    let beyond = DeviceMemoryCreate {
        made: PageCount(1025),
        ..registers(1025)
    };
    let refused = world.call(actor, beyond);
    assert_eq!(refused, Err(Error::ArgumentRange));
    let rest = DeviceMemoryCreate {
        made: PageCount(PAGES_PER_STEP),
        ..registers(1025)
    };
    world.does(actor, rest);
    assert_eq!(actor.memory(MEMORY).present.get(), 1025);
    world.does(actor, calls::destroy(MEMORY));
    check(&world.kernel);
}

#[test]
fn a_pool_that_cannot_pay_for_the_tables_creates_no_memory() {
    let (world, actor) = driver();
    let pool = Slot(13);
    world.does(actor, calls::split(5, pool));
    // One of its five pages is the pool itself; a Memory takes one, and the tables for 1,025 pages take four.
    let call = |pages| DeviceMemoryCreate {
        pool,
        ..registers(pages)
    };
    let refused = world.call(actor, call(1025));
    assert_eq!(refused, Err(Error::PoolEmpty));
    world.does(actor, call(512));
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
        world.does(actor, call);
        let leaf = actor.memory(MEMORY).leaf(1).expect("it has tables");
        let caching = Entry::UNCACHED | Entry::WRITE_THROUGH;
        assert_eq!(leaf.flags(1) & caching, flags);
    }
    let (world, actor) = driver();
    let call = DeviceMemoryCreate {
        cache: 2,
        ..registers(2)
    };
    assert_eq!(world.call(actor, call), Err(Error::ArgumentRange));
}

#[test]
fn pages_that_the_processor_cannot_address_are_refused() {
    let (world, actor) = driver();
    let end = 1 << crate::arch::physical_address_bits();
    let at = |bus_address| DeviceMemoryCreate {
        bus_address,
        ..registers(1)
    };
    for beyond in [end, end - 4096 + 1, 1 << 52, u64::MAX - 4095] {
        let refused = world.call(actor, at(beyond));
        assert_eq!(refused, Err(Error::ArgumentRange), "{beyond:#x}");
    }
    world.does(actor, at(end - 4096));
    let ram = world.call(
        actor,
        DeviceMemoryCreate {
            into: FIRST,
            ..at(0x10_0000)
        },
    );
    assert_eq!(ram, Err(Error::NotDevice));
}

#[test]
fn the_creation_of_a_device_memory_being_destroyed_is_not_continued() {
    let (world, actor) = driver();
    let pages = 4 * 512;
    world.does(actor, registers(pages));
    let other = world.thread_in(actor.domain, SECOND);
    world.begin_step(actor, calls::destroy(MEMORY));
    while world.is_at_call(actor) {
        let present = actor.memory(MEMORY).present.get();
        let call = DeviceMemoryCreate {
            made: PageCount(present),
            ..registers(pages)
        };
        let refused = world.call(other, call);
        assert_eq!(refused, Err(Error::OccupiedSlot), "{present} pages left");
        assert_eq!(actor.memory(MEMORY).present.get(), present);
        world.step(actor);
    }
    check(&world.kernel);
}

#[test]
fn calls_for_pages_of_ram_refuse_a_device_memory() {
    let (world, actor) = driver();
    let pages = 2 * PAGES_PER_STEP;
    world.does(actor, calls::memory(pages, FIRST));
    let other = world.thread_in(actor.domain, SECOND);
    // Half of the pages exist, and another thread tries to insert one of the rest.
    world.begin_step(actor, registers(pages));
    assert!(world.is_at_call(actor));
    assert_eq!(
        world.call(other, calls::populate(MEMORY, pages - 1, 1)),
        Err(Error::WrongState)
    );
    assert_eq!(
        world.call(other, calls::discard(MEMORY, 0, 1)),
        Err(Error::WrongState)
    );
    for (memory, source) in [(MEMORY, FIRST), (FIRST, MEMORY)] {
        let supply = calls::supply(memory, pages - 1, 1, source, 0);
        assert_eq!(world.call(other, supply), Err(Error::WrongState));
    }
    world.step(actor);
    let made = world.outcome::<DeviceMemoryCreate>(actor);
    assert_eq!(made, Some(Ok(())));
    assert_eq!(actor.memory(MEMORY).present.get(), pages);
}

#[test]
fn a_device_memory_has_a_maximum_size() {
    let (world, actor) = driver();
    for beyond in [0, 8193, 1 << 20] {
        let refused = world.call(actor, registers(beyond));
        assert_eq!(refused, Err(Error::ArgumentRange), "{beyond} pages");
    }
    world.does(actor, registers(8192));
}
