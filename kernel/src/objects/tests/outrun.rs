//! Destructions and revocations beside threads that create new capabilities and objects as fast as they can.

use abi::calls::{CapabilityRevoke, Yield};
use abi::register::{Access, Slot};
use abi::{Error, PAGE_BYTES};
use capabilities::{Place, Storage};

use super::checker::check;
use crate::arch::Cause;
use crate::memory::{Ref, SlotStorage};
use crate::objects::Thread;
use crate::paging::translate;
use crate::testing::{TestDomain, World, calls, slots, stand_at};

mod destroyed;

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
            let thread = kernel.scheduler.current().expect("a thread can run");
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
fn a_revocation_completes_however_many_threads_copy_at_the_same_priority() {
    let race = Race::new();
    let owner = race.owner.thread;
    race.world.kernel.scheduler.force(owner);
    stand_at(owner, calls::revoke(ENDPOINT));
    let (is_done, _) = race.run();
    assert!(is_done);
    assert_eq!(race.find(false), None);
    assert!(!owner.is_revoking.get() && !owner.is_overdue.get());
    // It is at the tail of its ready queue.
    assert_ne!(race.world.kernel.scheduler.current(), Some(owner));
}

#[test]
fn a_destruction_completes_however_many_threads_copy_and_lets_its_equals_run() {
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
    // It is at the tail of its ready queue.
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
        // The owner computes instead of revoking.
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

/// Mapping is cheap. A thread that removes its mappings keeps the core past its slice; this must cost its equals no more
/// time than the mapping took.
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
    // Touching a page in each GiB creates page directories, which stay.
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
