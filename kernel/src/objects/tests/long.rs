//! Operations on many objects: each step handles a bounded number of them, and the next step continues.

use abi::calls::{DomainMap, DomainUnmap, PoolSplit, Receive, Send};
use abi::register::{Access, PageCount, Slot};
use abi::{Error, MessageInfo, POOL_DEPTH_MAX, THREADS_MAX};

use super::checker::check;
use crate::arch::Cause;
use crate::memory::Ref;
use crate::objects::Thread;
use crate::testing::{BUFFER_ADDRESS, TestDomain, World, calls, slots};

mod searches;

const SPARE: Slot = Slot(slots::FREE);
const MEMORY: Slot = Slot(slots::FREE + 1);
const ENDPOINT: Slot = Slot(slots::FREE + 2);
const NOTIFICATION: Slot = Slot(slots::FREE + 3);
const REPLY: Slot = Slot(slots::FREE + 4);

/// The address at which the large Memory is mapped, and its number of pages: 4 GiB.
const ADDRESS: u64 = 0x40_0000_0000;
const PAGES: u64 = 4 << 18;

/// A test domain whose pool has space for many objects.
fn domain_with_large_pool() -> (World, TestDomain) {
    let world = World::new();
    let actor = world.domain_of(4096);
    (world, actor)
}

/// Creates threads in a test domain, and deletes the capabilities to them.
fn make_threads(world: &World, actor: TestDomain, count: usize) -> Vec<Ref<Thread>> {
    let make = |_| {
        let thread = world.thread_in(actor.domain, SPARE);
        let place = actor.place(SPARE);
        world.kernel.empty_slot(place).expect("a capability");
        thread
    };
    (0..count).map(make).collect()
}

/// The present pages of the large Memory: the first page of the first GiB, and the last page of each other GiB. The link of
/// a last page takes longest to find.
const PRESENT: [u64; 4] = [0, PAGES / 2 - 1, PAGES / 4 * 3 - 1, PAGES - 1];

/// Creates the large Memory with the pages [`PRESENT`], maps it whole, and touches these pages.
fn map_large(world: &World, actor: TestDomain) {
    world.does(actor, calls::memory(PAGES, MEMORY));
    for page in PRESENT {
        world.does(actor, calls::populate(MEMORY, page, 1));
    }
    world.does(actor, map());
    for page in PRESENT {
        assert!(touch(world, actor, page), "page {page}");
    }
}

fn map() -> DomainMap {
    calls::map(MEMORY, ADDRESS, 0, PAGES, Access::ReadWrite)
}

/// Accesses a page of the large Memory, which links it if it is present; returns whether the access succeeds.
fn touch(world: &World, actor: TestDomain, page: u64) -> bool {
    let address = ADDRESS + page * abi::PAGE_BYTES;
    crate::paging::translate(&world.kernel, actor.domain, address).is_some()
}

/// Asserts that the large Memory is neither mapped nor linked.
fn assert_unmapped(world: &World, actor: TestDomain) {
    assert!(actor.domain.mapping_at(ADDRESS).is_none());
    for page in PRESENT {
        let address = ADDRESS + page * abi::PAGE_BYTES;
        assert!(!actor.domain.space.is_linked(address));
    }
    check(&world.kernel);
}

#[test]
fn a_large_memory_is_unmapped_in_steps() {
    let (world, actor) = domain_with_large_pool();
    map_large(&world, actor);
    world.begin_step(actor, calls::unmap(ADDRESS));
    assert!(world.is_at_call(actor));
    // The first page is unlinked, and is not linked again.
    assert!(!touch(&world, actor, 0));
    assert!(touch(&world, actor, PAGES - 1));
    let overlap = world.thread_in(actor.domain, SPARE);
    assert_eq!(world.call(overlap, map()), Err(Error::Overlap));
    // Another thread that makes the same call continues the work.
    let steps = world.steps_of(overlap, calls::unmap(ADDRESS));
    assert_eq!(world.outcome::<DomainUnmap>(overlap), Some(Ok(())));
    assert!((11..=13).contains(&steps), "{steps} steps");
    assert_unmapped(&world, actor);
    world.does(overlap, map());
    assert!(PRESENT.iter().all(|page| touch(&world, actor, *page)));
    // The first thread still stands at its call. The Memory has been mapped again, so the call unmaps it a second time.
    assert!(world.steps_of(actor, calls::unmap(ADDRESS)) > 6);
    assert_unmapped(&world, actor);
}

#[test]
fn long_calls_admit_interrupts_when_their_budget_is_spent() {
    let (world, actor) = domain_with_large_pool();
    let slot = slots::BUFFER;
    let copies = |world: &World| {
        for number in 0..12 {
            world.does(actor, calls::copy(slot, Slot(slots::FREE + 8 + number)));
        }
    };
    // The clock hardly advances, so one entry removes all copies.
    copies(&world);
    assert_eq!(world.steps_of(actor, calls::revoke(slot)), 1);
    // The clock advances so far that each entry removes one copy.
    copies(&world);
    world.machine.set_ticks_step(1_000_000);
    assert!(world.steps_of(actor, calls::revoke(slot)) > 12);
    check(&world.kernel);
}

#[test]
fn unmapping_a_memory_without_links_takes_one_step() {
    let (world, actor) = domain_with_large_pool();
    world.does(actor, calls::memory(abi::MEMORY_PAGES_MAX, MEMORY));
    let map = DomainMap {
        page_count: PageCount(abi::MEMORY_PAGES_MAX),
        ..map()
    };
    world.does(actor, map);
    assert_eq!(world.steps_of(actor, calls::unmap(ADDRESS)), 1);
    assert_unmapped(&world, actor);
}

#[test]
fn revoking_and_destroying_remove_large_mappings_in_steps() {
    for revoke in [true, false] {
        let (world, actor) = domain_with_large_pool();
        map_large(&world, actor);
        let used = actor.pool.used();
        if revoke {
            world.begin_step(actor, calls::revoke(MEMORY));
        } else {
            world.begin_step(actor, calls::destroy(MEMORY));
        }
        while world.is_at_call(actor) {
            check(&world.kernel);
            world.step(actor);
        }
        assert_eq!(actor.thread.context.rax.get(), 0);
        assert_unmapped(&world, actor);
        // Destroying returns the frames of the Memory, its pages, their tables and directories.
        let returned = if revoke { 0 } else { 1 + 3 * 4 };
        assert_eq!(used - actor.pool.used(), returned);
    }
}

#[test]
fn many_mappings_are_found_by_their_addresses() {
    let (world, actor) = domain_with_large_pool();
    let addresses: Vec<u64> = (0..400)
        .map(|number| ADDRESS + (number * 7 % 400) * 0x60_0000)
        .collect();
    let at = |address| calls::map(slots::BUFFER, address, 0, 1, Access::Read);
    for address in &addresses {
        world.does(actor, at(*address));
        assert_eq!(world.call(actor, at(*address)), Err(Error::Overlap));
    }
    let mapped: Vec<u64> = actor
        .domain
        .mappings()
        .map(|mapping| mapping.start())
        .collect();
    assert!(mapped.is_sorted() && mapped.len() == addresses.len() + 1);
    assert_eq!(mapped[0], BUFFER_ADDRESS);
    for address in addresses {
        let found = |address| actor.domain.mapping_at(address).map(|it| it.start());
        assert_eq!(found(address + 0xfff), Some(address));
        assert_eq!(found(address + 0x1000), None);
        world.does(actor, calls::unmap(address));
        assert_eq!(found(address), None);
    }
    assert!(actor.domain.mapping_at(u64::MAX).is_none());
    check(&world.kernel);
}

#[test]
fn sleepers_that_are_due_together_wake_in_several_entries() {
    let (world, actor) = domain_with_large_pool();
    world.does(actor, calls::notification(NOTIFICATION));
    let sleepers = make_threads(&world, actor, 150);
    world.machine.set_ticks(1_000);
    for sleeper in &sleepers {
        world.begin(*sleeper, calls::wait(NOTIFICATION, 50_000_000));
    }
    let due = world.kernel.scheduler.timers.earliest().expect("sleepers");
    world.machine.set_ticks(due);
    let awake = || {
        let ready = |thread: &&Ref<Thread>| thread.is_runnable();
        sleepers.iter().filter(ready).count()
    };
    for expected in (16..150).step_by(16).chain([150]) {
        assert!(awake() < expected);
        world.kernel.enter(Cause::Timer);
        assert_eq!(awake(), expected);
        check(&world.kernel);
    }
    assert_eq!(world.kernel.scheduler.timers.earliest(), None);
}

#[test]
fn senders_that_cannot_be_served_do_not_delay_a_receiver_for_long() {
    let (world, actor) = domain_with_large_pool();
    world.does(actor, calls::endpoint(ENDPOINT));
    let senders = make_threads(&world, actor, 100);
    // They have no message buffer for this many words.
    let send = Send::new(ENDPOINT, MessageInfo::words_only(9).expect("short"), [0; 4]);
    for sender in &senders {
        world.begin(*sender, send);
    }
    let receive = Receive::new(ENDPOINT, Some(REPLY));
    let steps = world.steps_of(actor, receive);
    assert_eq!(steps, 100 / 16 + 1);
    assert_eq!(world.outcome::<Receive>(actor), None, "it waits");
    for sender in senders {
        let refused = world.outcome::<Send>(sender);
        assert_eq!(refused, Some(Err(Error::BufferAbsent)));
    }
    check(&world.kernel);
}

#[test]
fn a_domain_has_a_maximum_number_of_threads() {
    let (world, actor) = domain_with_large_pool();
    make_threads(&world, actor, THREADS_MAX - 1);
    let another = calls::thread(slots::DOMAIN, SPARE);
    let refused = world.call(actor, another);
    assert_eq!(refused, Err(Error::TableFull));
    let newest = actor.domain.first_thread.get().expect("a thread");
    let place = actor.place(SPARE);
    capabilities::copy(&crate::memory::SlotStorage, newest.header.origin(), place)
        .expect("an empty slot");
    world.does(actor, calls::destroy(SPARE));
    world.does(actor, another);
    check(&world.kernel);
}

#[test]
fn pools_have_a_maximum_depth() {
    let (world, actor) = domain_with_large_pool();
    let mut pool = slots::POOL;
    for depth in 2..=u64::from(POOL_DEPTH_MAX) + 1 {
        let (pages, into) = (PageCount(100 - depth), Slot(slots::FREE + depth as u32));
        let made = world.call(actor, PoolSplit { pool, pages, into });
        if depth > u64::from(POOL_DEPTH_MAX) {
            assert_eq!(made, Err(Error::TableFull));
        } else {
            assert_eq!(made, Ok(()), "depth {depth}");
        }
        pool = into;
    }
    world.does(actor, calls::destroy(Slot(slots::FREE + 2)));
    check(&world.kernel);
}
