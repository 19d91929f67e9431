//! A destroyed object drops its references to others before its frame is reused.

use abi::EndpointRights;
use abi::calls::{DomainMap, InterruptCreateMessage};
use abi::register::{Access, Slot};

use super::checker::check;
use super::driver::{FIRST, HARDWARE, NOTIFICATION, driver};
use crate::memory::FRAME_BYTES;
use crate::testing::{TestDomain, World, calls, slots};

/// An endpoint, and a Memory.
const ENDPOINT: Slot = Slot(12);
const MEMORY: Slot = Slot(13);
/// The pool of another domain.
const CHILD: Slot = Slot(14);
/// The Memory that gets every remaining frame.
const REST: Slot = Slot(15);

/// The pattern in the pages of [`REST`].
const PATTERN: u64 = 0x5a5a_5a5a_5a5a_5a5a;

/// Fills a Memory with the pattern. Its pages are all frames that the domain's pool can still pay for, so they include the frames
/// released last.
fn use_the_rest(world: &World, actor: TestDomain) {
    /// The Memory itself, its directory and its table.
    const OVERHEAD: u64 = 3;
    let pages = actor.pool.limit - actor.pool.used() - OVERHEAD;
    world.does(actor, calls::memory(pages, REST));
    world.does(actor, calls::populate(REST, 0, pages));
    assert_eq!(actor.pool.used(), actor.pool.limit);
    for_each_word(actor, |frame, offset| frame.write_word(offset, PATTERN));
}

fn for_each_word(actor: TestDomain, mut action: impl FnMut(crate::memory::Frame, u64)) {
    let memory = actor.memory(REST);
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
    world.does(actor, create);
    world.does(actor, calls::bind_interrupt(FIRST, NOTIFICATION, 1));
}

fn create_endpoint(world: &World, actor: TestDomain) {
    world.does(actor, calls::endpoint(ENDPOINT));
}

fn create_memory(world: &World, actor: TestDomain, into: Slot) {
    world.does(actor, calls::memory(1, into));
}

fn set_pager(world: &World, actor: TestDomain) {
    create_endpoint(world, actor);
    create_memory(world, actor, FIRST);
    world.does(actor, calls::pager(FIRST, ENDPOINT));
}

fn create_thread(world: &World, actor: TestDomain) {
    world.does(actor, calls::thread(slots::DOMAIN, FIRST));
}

fn set_fault_endpoint(world: &World, actor: TestDomain) {
    create_endpoint(world, actor);
    create_thread(world, actor);
    world.does(actor, calls::faults(FIRST, ENDPOINT));
}

fn bind_notification(world: &World, actor: TestDomain) {
    create_thread(world, actor);
    world.does(actor, calls::bind(FIRST, NOTIFICATION));
}

fn create_domain(world: &World, actor: TestDomain) {
    world.does(actor, calls::split(32, CHILD));
    world.does(actor, calls::domain(CHILD, FIRST));
}

fn fill_table(world: &World, actor: TestDomain) {
    create_endpoint(world, actor);
    create_domain(world, actor);
    let install = calls::install(FIRST, ENDPOINT, Slot(9), EndpointRights::SEND, 0);
    world.does(actor, install);
}

fn map_memory(world: &World, actor: TestDomain) {
    create_memory(world, actor, MEMORY);
    create_domain(world, actor);
    let map = DomainMap {
        domain: FIRST,
        ..calls::map(MEMORY, 0x8000_0000, 0, 1, Access::ReadWrite)
    };
    world.does(actor, map);
}

/// Objects in the slot `FIRST` that refer to another object: name, construction, and the slot of the other object.
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
        world.does(actor, calls::destroy(FIRST));
        use_the_rest(&world, actor);
        world.does(actor, calls::revoke(held));
        check(&world.kernel);
        for_each_word(actor, |frame, offset| {
            assert_eq!(frame.read_word(offset), PATTERN, "{name}");
        });
        // It has no descendants: nothing is left to revoke.
        world.does(actor, calls::destroy(held));
        check(&world.kernel);
    }
}

#[test]
fn a_released_frame_keeps_nothing_of_its_last_use() {
    let (world, actor) = driver();
    create_memory(&world, actor, MEMORY);
    world.does(actor, calls::populate(MEMORY, 0, 1));
    let frame = actor.memory(MEMORY).frame(0).expect("populated");
    frame.write_word(0, PATTERN);
    world.does(actor, calls::destroy(MEMORY));
    assert_ne!(frame.read_word(0), PATTERN);
}
