//! Destructions and revocations beside threads that create new capabilities and objects as fast as they can.

use abi::calls::{CapabilityMint, CapabilityRevoke, DomainMap, Send, ThreadWrite, Yield};
use abi::message::{DATA_OFFSET, SEND_OFFSET};
use abi::record::Held;
use abi::register::{Access, Slot};
use abi::thread_state::ThreadState;
use abi::{EndpointRights, Error, MemoryRights, MessageInfo, PAGE_BYTES};
use capabilities::{Place, Storage};

use super::checker::check;
use crate::arch::Cause;
use crate::capture::tests::scene::receive;
use crate::memory::{Ref, SlotStorage};
use crate::objects::Thread;
use crate::paging::translate;
use crate::testing::{TestDomain, World, calls, slots, stand_at};

/// The endpoint that is destroyed or revoked, in the owner's table.
const ENDPOINT: Slot = Slot(20);

/// The slots that the threads of the crowd fill.
const FIRST: u32 = 64;
const COUNT: u32 = 300;

/// Threads of the crowd.
const COPIERS: u32 = 4;

/// The maximum number of entries until a call completes.
const ENTRIES_MAX: usize = 20_000;

/// Ticks between two entries: 50 entries per slice.
const ENTRY_TICKS: u64 = 100_000;

/// An owner and a crowd of copiers of the same priority.
struct Race {
    world: World,
    owner: TestDomain,
    crowd: TestDomain,
    copiers: Vec<Ref<Thread>>,
}

impl Race {
    fn new() -> Race {
        let world = World::new();
        let (owner, crowd) = (world.domain(), world.domain_of(512));
        world.does(owner, calls::endpoint(ENDPOINT));
        world.does(crowd, calls::grow(slots::DOMAIN, FIRST + COUNT));
        for number in FIRST..FIRST + COUNT {
            world.give(owner, ENDPOINT, crowd, Slot(number), 0);
        }
        let copiers = (0..COPIERS).map(|number| world.thread_in(crowd.domain, Slot(20 + number)));
        let copiers = copiers.collect();
        // The first thread of the crowd does not copy.
        world.kernel.scheduler.remove(crowd.thread);
        crowd.thread.stopped.set(true);
        // The time budget is spent after one step.
        world.machine.set_ticks_step(10_000);
        Race {
            world,
            owner,
            crowd,
            copiers,
        }
    }

    fn place(&self, number: u32) -> Place {
        self.crowd.place(Slot(number))
    }

    fn find(&self, is_empty: bool) -> Option<Slot> {
        let mut numbers = FIRST..FIRST + COUNT;
        let found =
            numbers.find(|number| SlotStorage.slot(self.place(*number)).is_empty() == is_empty);
        found.map(Slot)
    }

    /// Copies a remaining capability into a free slot as a thread.
    fn copy(&self, thread: Ref<Thread>) {
        match (self.find(false), self.find(true)) {
            (Some(from), Some(to)) => self.world.begin_step(thread, calls::copy(from, to)),
            _ => self.world.begin_step(thread, Yield {}),
        }
    }

    /// Lets the scheduler choose the threads until the owner's call completes; returns whether it did, and whether all copiers
    /// ran meanwhile.
    fn run(&self) -> (bool, bool) {
        let (kernel, machine) = (&self.world.kernel, self.world.machine);
        let mut ran = vec![false; self.copiers.len()];
        for _ in 0..ENTRIES_MAX {
            machine.set_ticks(crate::arch::ticks() + ENTRY_TICKS);
            while machine
                .timer()
                .is_some_and(|due| due <= crate::arch::ticks())
            {
                machine.take_timer();
                kernel.enter(Cause::Timer);
            }
            let thread = kernel.scheduler.current().expect("somebody can run");
            if let Some(number) = self.copiers.iter().position(|copier| *copier == thread) {
                ran[number] = true;
                self.copy(thread);
            } else if self.world.is_at_call(self.owner) {
                self.world.step(self.owner);
            }
            if !self.world.is_at_call(self.owner) {
                check(kernel);
                return (true, ran.iter().all(|ran| *ran));
            }
        }
        (false, true)
    }
}

#[test]
fn a_revocation_completes_however_many_copy_at_the_same_priority() {
    let race = Race::new();
    let owner = race.owner.thread;
    race.world.kernel.scheduler.force(owner);
    stand_at(owner, calls::revoke(ENDPOINT));
    let (is_done, _) = race.run();
    assert!(is_done);
    assert_eq!(race.find(false), None);
    assert!(!owner.is_revoking.get() && !owner.is_overdue.get());
    // It has gone behind its equals.
    assert_ne!(race.world.kernel.scheduler.current(), Some(owner));
}

#[test]
fn a_destruction_completes_however_many_copy_and_its_equals_run_meanwhile() {
    let race = Race::new();
    let owner = race.owner.thread;
    race.world.kernel.scheduler.force(owner);
    stand_at(owner, calls::destroy(ENDPOINT));
    let (is_done, all_ran) = race.run();
    assert!(is_done && all_ran);
    assert_eq!(race.find(false), None);
}

#[test]
fn a_revocation_ends_when_its_slot_is_emptied() {
    let race = Race::new();
    let (world, owner) = (&race.world, race.owner.thread);
    world.begin_step(owner, calls::revoke(ENDPOINT));
    for _ in 0..COUNT {
        if owner.is_overdue.get() {
            break;
        }
        world.machine.set_ticks(crate::arch::ticks() + ENTRY_TICKS);
        world.kernel.enter(Cause::Timer);
        world.step(owner);
    }
    assert!(owner.is_overdue.get() && world.is_at_call(owner));
    let slot = race.owner.place(ENDPOINT);
    world.kernel.empty_slot(slot).expect("a capability");
    world.step(owner);
    let outcome = world.outcome::<CapabilityRevoke>(owner);
    assert_eq!(outcome, Some(Err(Error::EmptySlot)));
    assert!(!owner.is_revoking.get() && !owner.is_overdue.get());
    // It has gone behind its equals.
    assert_ne!(world.kernel.scheduler.current(), Some(owner));
}

#[test]
fn a_slice_is_renewed_only_for_revocation_steps_made_in_it() {
    let race = Race::new();
    let (kernel, owner) = (&race.world.kernel, race.owner.thread);
    race.world.begin_step(owner, calls::revoke(ENDPOINT));
    let mut renewed = 0;
    for _ in 0..ENTRIES_MAX {
        if kernel.scheduler.current() != Some(owner) {
            break;
        }
        // It computes instead.
        race.world
            .machine
            .set_ticks(crate::arch::ticks() + ENTRY_TICKS);
        kernel.enter(Cause::Timer);
        renewed += usize::from(owner.is_overdue.get());
    }
    assert_ne!(kernel.scheduler.current(), Some(owner));
    assert!(renewed > 0);
    assert!(!owner.is_revoking.get());
}

/// Mapping is cheap. The renewed slices of a thread that removes its mappings must cost its equals no more time than the mapping
/// took.
#[test]
fn removing_mappings_takes_no_longer_than_creating_them() {
    const MEMORY: Slot = Slot(21);
    const GIB: u64 = 1 << 30;
    const GIBS: u64 = 16;
    const COUNT: u64 = 8;
    let world = World::new();
    let actor = world.domain_of(512);
    let pages = GIBS * GIB / PAGE_BYTES;
    world.does(actor, calls::memory(pages, MEMORY));
    let map = |number: u64| {
        let address = (1 << 40) + number * GIBS * GIB;
        calls::map(MEMORY, address, 0, pages, Access::ReadWrite)
    };
    // After a page in each GiB was touched, page directories stay there.
    for gib in 0..GIBS {
        let first_page = gib * GIB / PAGE_BYTES;
        world.does(actor, calls::populate(MEMORY, first_page, 1));
    }
    for number in 0..COUNT {
        world.does(actor, map(number));
        for gib in 0..GIBS {
            let address = map(number).address.0 + gib * GIB;
            assert!(translate(&world.kernel, actor.domain, address).is_some());
        }
    }
    let slot = MEMORY;
    world.steps_of(actor, calls::revoke(slot));
    // The time budget is spent after one step.
    world.machine.set_ticks_step(10_000);
    let mut made = 0;
    for number in 0..COUNT {
        made += world.steps_of(actor, map(number));
    }
    let taken = world.steps_of(actor, calls::revoke(slot));
    assert!(taken <= made + 1, "{taken} steps after {made}");
    check(&world.kernel);
}

#[test]
fn an_object_being_destroyed_gets_no_new_capabilities() {
    const MEMORY: Slot = Slot(21);
    const INSIDE: Slot = Slot(22);
    const SPARE: Slot = Slot(30);
    let world = World::new();
    let (owner, other) = (world.domain(), world.domain());
    world.does(owner, calls::endpoint(ENDPOINT));
    world.does(owner, calls::memory(4, MEMORY));
    for (from, into) in [(ENDPOINT, ENDPOINT), (MEMORY, MEMORY), (ENDPOINT, INSIDE)] {
        world.give(owner, from, other, into, 0);
    }
    let thread = other.thread;
    // A receiver with room for a capability.
    let (endpoint, listener) = (Slot(23), owner.thread);
    world.does(listener, calls::endpoint(endpoint));
    world.give(owner, endpoint, other, endpoint, 0);
    world.machine.set_ticks_step(10_000);
    for object in [ENDPOINT, MEMORY] {
        let destroyer = world.thread_in(owner.domain, Slot(40 + object.0));
        world.give(owner, object, owner, SPARE, 0);
        world.begin_step(destroyer, calls::destroy(object));
        assert!(world.is_at_call(destroyer));
    }
    let gone = Err(Error::Gone);
    let (from, to) = (ENDPOINT, SPARE);
    assert_eq!(world.call(thread, calls::copy(from, to)), gone);
    let (rights, badge) = (EndpointRights::SEND, 0);
    let mint = calls::mint(from, to, rights, badge);
    assert_eq!(world.call(thread, mint), gone);
    let domain = slots::DOMAIN;
    assert_eq!(
        world.call(thread, calls::install(domain, from, to, rights, badge)),
        gone
    );
    assert_eq!(
        world.call(thread, calls::derive(domain, from, to, rights, badge)),
        gone
    );
    assert_eq!(
        world.call(thread, calls::faults(slots::THREAD, ENDPOINT)),
        gone
    );
    let hold = calls::hold(domain, from, slots::THREAD, Held::FaultEndpoint, badge);
    assert_eq!(world.call(thread, hold), gone);
    let map = DomainMap {
        domain,
        ..calls::map(MEMORY, 0x8000_0000, 0, 4, Access::Read)
    };
    assert_eq!(world.call(thread, map), gone);
    let rights = MemoryRights::READ.into();
    let mint = CapabilityMint {
        from: MEMORY,
        rights,
        ..mint
    };
    assert_eq!(world.call(thread, mint), gone);

    let buffer = world.buffer(owner);
    buffer.write_word(abi::message::RECEIVE_OFFSET, SPARE.0.into());
    let _ = world.kernel.empty_slot(owner.place(SPARE));
    world.begin(listener, receive(endpoint, Slot(31)));
    let buffer = world.buffer(other);
    buffer.write_word(SEND_OFFSET, INSIDE.0.into());
    let info = MessageInfo::try_new(0, 1).expect("short");
    let send = Send {
        endpoint,
        info,
        w0: 0,
        w1: 0,
        w2: 0,
        w3: 0,
    };
    // Gone would mean that there is no receiver.
    assert_eq!(world.call(thread, send), Err(Error::EmptySlot));
}

#[test]
fn a_memory_that_is_being_destroyed_gets_no_pages() {
    const MEMORY: Slot = Slot(21);
    let world = World::new();
    let owner = world.domain();
    let pages = 200;
    world.does(owner, calls::memory(pages, MEMORY));
    let populate = calls::populate(MEMORY, 0, pages);
    world.does(owner, populate);
    let supply = calls::supply(MEMORY, 0, 1, slots::BUFFER, 0);
    let destroyer = world.thread_in(owner.domain, Slot(40));
    world.machine.set_ticks_step(10_000);
    world.begin_step(destroyer, calls::destroy(MEMORY));
    let mut steps = 1;
    while world.is_at_call(destroyer) {
        let spent = owner.pool.used();
        assert_eq!(world.call(owner, populate), Err(Error::Gone));
        assert_eq!(world.call(owner, supply), Err(Error::Gone));
        assert_eq!(owner.pool.used(), spent);
        world.step(destroyer);
        steps += 1;
    }
    assert!(steps > 200 / 32, "{steps} steps");
    check(&world.kernel);
}

#[test]
fn a_thread_that_is_being_destroyed_is_not_started_again() {
    const VICTIM: Slot = Slot(21);
    let world = World::new();
    let owner = world.domain();
    let victim = world.thread_in(owner.domain, VICTIM);
    for number in 30..34 {
        world.give(owner, VICTIM, owner, Slot(number), 0);
    }
    let started = ThreadState {
        stopped: 0,
        ..ThreadState::EMPTY
    };
    let buffer = world.buffer(owner);
    buffer.write_bytes(DATA_OFFSET, &started.to_bytes());
    let destroyer = world.thread_in(owner.domain, Slot(40));
    world.machine.set_ticks_step(10_000);
    world.begin_step(destroyer, calls::destroy(VICTIM));
    while world.is_at_call(destroyer) {
        let thread = VICTIM;
        let start = world.call(owner, calls::start(thread));
        let write = world.call(owner, ThreadWrite { thread });
        assert_eq!((start, write), (Err(Error::Gone), Err(Error::Gone)));
        assert!(!victim.is_runnable());
        world.step(destroyer);
    }
    check(&world.kernel);
}
