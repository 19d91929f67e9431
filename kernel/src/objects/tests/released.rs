//! A destroyed object drops its references to others before its frame is reused.

use abi::EndpointRights;
use abi::calls::{
    CapabilityRevoke, Destroy, DomainCreate, DomainInstall, DomainMap, EndpointCreate,
    InterruptBind, InterruptCreateMessage, MemoryCreate, MemoryPager, MemoryPopulate, PoolSplit,
    ThreadBind, ThreadCreate, ThreadFaults,
};
use abi::register::{Access, PageCount, PageIndex, Slot, UserAddress};
use capabilities::Storage;

use super::checker::check;
use super::driver::{FIRST, HARDWARE, NOTIFICATION, driver};
use crate::memory::{FRAME_BYTES, Ref, SlotStorage};
use crate::objects::{MemoryObject, Object};
use crate::testing::{TestDomain, World, slots};

/// An endpoint, and a Memory.
const ENDPOINT: Slot = Slot(12);
const MEMORY: Slot = Slot(13);
/// The pool of another domain.
const CHILD: Slot = Slot(14);
/// The Memory that gets every remaining frame.
const REST: Slot = Slot(15);

/// The pattern in its pages.
const PATTERN: u64 = 0x5a5a_5a5a_5a5a_5a5a;
const ONE_PAGE: PageCount = PageCount(1);
const NO_PAGE: PageIndex = PageIndex(0);

fn memory_in(actor: TestDomain, slot: Slot) -> Ref<MemoryObject> {
    let place = actor.domain.place(slot).expect("a slot");
    let held = SlotStorage.slot(place).capability();
    match held.map(|held| held.object) {
        Some(Object::Memory(memory)) => memory,
        other => panic!("{other:?} is not a Memory"),
    }
}

/// Allocates every frame that the domain's pool can still pay for to a Memory of patterns, the last released ones included.
fn use_the_rest(world: &World, actor: TestDomain) {
    /// The Memory itself, its directory and its table.
    const OVERHEAD: u64 = 3;
    let (pool, memory) = (slots::POOL, REST);
    let pages = PageCount(actor.pool.limit - actor.pool.used() - OVERHEAD);
    let into = memory;
    world.does(actor.thread, MemoryCreate { pool, pages, into });
    let populate = MemoryPopulate {
        memory,
        first_page: NO_PAGE,
        page_count: pages,
    };
    world.does(actor.thread, populate);
    assert_eq!(actor.pool.used(), actor.pool.limit);
    for_each_word(actor, |frame, offset| frame.write_word(offset, PATTERN));
}

fn for_each_word(actor: TestDomain, mut action: impl FnMut(crate::memory::Frame, u64)) {
    let memory = memory_in(actor, REST);
    for page in 0..memory.page_count {
        let frame = memory.frame(page).expect("populated");
        (0..FRAME_BYTES)
            .step_by(8)
            .for_each(|offset| action(frame, offset));
    }
}

fn bind_interrupt(world: &World, actor: TestDomain) {
    let (pool, hardware, into) = (slots::POOL, HARDWARE, FIRST);
    let create = InterruptCreateMessage {
        pool,
        hardware,
        into,
    };
    world.does(actor.thread, create);
    let bind = InterruptBind {
        interrupt: FIRST,
        notification: Some(NOTIFICATION),
        flags: 1,
    };
    world.does(actor.thread, bind);
}

fn create_endpoint(world: &World, actor: TestDomain) {
    let (pool, into) = (slots::POOL, ENDPOINT);
    world.does(actor.thread, EndpointCreate { pool, into });
}

fn create_memory(world: &World, actor: TestDomain, into: Slot) {
    let (pool, pages) = (slots::POOL, ONE_PAGE);
    world.does(actor.thread, MemoryCreate { pool, pages, into });
}

fn set_pager(world: &World, actor: TestDomain) {
    create_endpoint(world, actor);
    create_memory(world, actor, FIRST);
    let (memory, pager) = (FIRST, ENDPOINT);
    world.does(
        actor.thread,
        MemoryPager {
            memory,
            pager: Some(pager),
        },
    );
}

fn create_thread(world: &World, actor: TestDomain) {
    let (domain, into) = (slots::DOMAIN, FIRST);
    world.does(actor.thread, ThreadCreate { domain, into });
}

fn set_fault_endpoint(world: &World, actor: TestDomain) {
    create_endpoint(world, actor);
    create_thread(world, actor);
    let (thread, endpoint) = (FIRST, ENDPOINT);
    world.does(
        actor.thread,
        ThreadFaults {
            thread,
            endpoint: Some(endpoint),
        },
    );
}

fn bind_notification(world: &World, actor: TestDomain) {
    create_thread(world, actor);
    let (thread, notification) = (FIRST, NOTIFICATION);
    let bind = ThreadBind {
        thread,
        notification: Some(notification),
    };
    world.does(actor.thread, bind);
}

fn create_domain(world: &World, actor: TestDomain) {
    let (pool, pages, into) = (slots::POOL, PageCount(32), CHILD);
    world.does(actor.thread, PoolSplit { pool, pages, into });
    let (pool, into) = (CHILD, FIRST);
    world.does(actor.thread, DomainCreate { pool, into });
}

fn fill_table(world: &World, actor: TestDomain) {
    create_endpoint(world, actor);
    create_domain(world, actor);
    let install = DomainInstall {
        domain: FIRST,
        from: ENDPOINT,
        to: Slot(9),
        rights: EndpointRights::SEND.into(),
        badge: 0,
    };
    world.does(actor.thread, install);
}

fn map_memory(world: &World, actor: TestDomain) {
    create_memory(world, actor, MEMORY);
    create_domain(world, actor);
    let map = DomainMap {
        domain: FIRST,
        memory: MEMORY,
        address: UserAddress(0x8000_0000),
        first_page: NO_PAGE,
        page_count: ONE_PAGE,
        access: Access::ReadWrite,
    };
    world.does(actor.thread, map);
}

/// Objects in the slot `FIRST` that refer to another: name, construction, and the slot of the other object.
type Case = (&'static str, fn(&World, TestDomain), Slot);

const CASES: &[Case] = &[
    ("an interrupt", bind_interrupt, NOTIFICATION),
    ("a pager", set_pager, ENDPOINT),
    ("a fault endpoint", set_fault_endpoint, ENDPOINT),
    ("a bound notification", bind_notification, NOTIFICATION),
    ("a table", fill_table, ENDPOINT),
    ("a mapping", map_memory, MEMORY),
];

#[test]
fn a_revocation_after_its_holder_is_destroyed_leaves_reused_frames_alone() {
    for (name, hold, held) in CASES.iter().copied() {
        let (world, actor) = driver();
        hold(&world, actor);
        world.does(actor.thread, Destroy { object: FIRST });
        use_the_rest(&world, actor);
        world.does(actor.thread, CapabilityRevoke { slot: held });
        check(&world.kernel);
        for_each_word(actor, |frame, offset| {
            assert_eq!(frame.read_word(offset), PATTERN, "{name}");
        });
        // It has no descendants: nothing is left to revoke.
        world.does(actor.thread, Destroy { object: held });
        check(&world.kernel);
    }
}

#[test]
fn a_released_frame_keeps_nothing_of_its_last_use() {
    let (world, actor) = driver();
    create_memory(&world, actor, MEMORY);
    let (memory, first_page, page_count) = (MEMORY, NO_PAGE, ONE_PAGE);
    let populate = MemoryPopulate {
        memory,
        first_page,
        page_count,
    };
    world.does(actor.thread, populate);
    let frame = memory_in(actor, MEMORY).frame(0).expect("populated");
    frame.write_word(0, PATTERN);
    world.does(actor.thread, Destroy { object: MEMORY });
    assert_ne!(frame.read_word(0), PATTERN);
}
