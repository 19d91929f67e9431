//! Calls with invalid arguments, long calls, and calls on the caller itself.

use abi::calls::{
    Arguments, CapabilityCopy, CapabilityInspect, CapabilityMint, DomainCreate, DomainMap,
    DomainThaw, EndpointCreate, MemoryCreate, MemoryPopulate, NotificationCreate, Null, PoolSplit,
    Signal, ThreadPrepare, ThreadRead, ThreadStop, Wait, Yield,
};
use abi::register::{Access, PageCount, PageIndex, Slot, UserAddress};
use abi::{Error, Number, REGISTER_COUNT, Rights};
use capabilities::{Capability, Storage};

use crate::arch::fake::UserAccess;
use crate::arch::{PhysAddr, PhysRange};
use crate::memory::{ForeignRun, SlotStorage};
use crate::objects::{self, Attribute, Object, Phase};
use crate::testing::{BUFFER_ADDRESS, CALL_SITE, Citizen, World, slots};

mod identities;

const OBJECT: Slot = Slot(slots::FREE);
const COPY: Slot = Slot(slots::FREE + 1);
/// The largest register.
const LAST: u64 = u64::MAX;

fn citizen() -> (World, Citizen) {
    let world = World::new();
    let citizen = world.citizen();
    (world, citizen)
}

/// Makes a call with arbitrary registers; returns its status if it is complete.
fn status(world: &World, citizen: Citizen, number: u64, registers: abi::Registers) -> Option<u64> {
    let thread = citizen.thread;
    thread.context.rip.set(CALL_SITE);
    thread.context.rax.set(number);
    for (index, register) in registers.into_iter().enumerate() {
        thread.set_argument(index, register);
    }
    world.step(thread);
    let done = thread.phase.get() == Phase::Ready && thread.context.rip.get() != CALL_SITE;
    done.then(|| thread.context.rax.get())
}

#[test]
fn an_unknown_number_is_an_error_and_changes_nothing() {
    let (world, citizen) = citizen();
    for number in [9, 15, 300, 9999, 1 << 16, LAST] {
        let unknown = status(&world, citizen, number, [7; REGISTER_COUNT]);
        assert_eq!(unknown, Some(Error::UnknownCall as u64), "{number}");
        assert_eq!(citizen.thread.arguments(), [7; REGISTER_COUNT]);
    }
}

#[test]
fn every_call_refuses_a_slot_beyond_the_table() {
    let (world, citizen) = citizen();
    let without = [Number::Null, Number::Yield];
    for number in Number::ALL
        .iter()
        .filter(|number| !without.contains(number))
    {
        for slot in [64, u64::from(u32::MAX), u64::from(u32::MAX) + 1, LAST] {
            let mut registers = [0; REGISTER_COUNT];
            registers[0] = slot;
            let refused = status(&world, citizen, *number as u64, registers);
            assert!(
                refused.is_some_and(|status| status != 0),
                "{number:?} {slot:#x}"
            );
        }
    }
}

#[test]
fn every_call_refuses_another_kind_and_an_empty_slot() {
    let (world, citizen) = citizen();
    for slot in [
        slots::POOL,
        slots::DOMAIN,
        slots::THREAD,
        slots::BUFFER,
        OBJECT,
    ] {
        let wait = Wait {
            notification: slot,
            deadline: 0,
        };
        let expected = match slot {
            OBJECT => Error::EmptySlot,
            _ => Error::WrongKind,
        };
        assert_eq!(world.call(citizen.thread, wait), Err(expected));
    }
}

/// Raises flags through `COPY`, a capability with the badge 6; returns the result and the flags raised.
fn raised(flags: u64) -> (Result<(), Error>, u64) {
    let (world, citizen) = citizen();
    let (pool, into) = (slots::POOL, OBJECT);
    world.does(citizen.thread, NotificationCreate { pool, into });
    let (from, to, badge) = (OBJECT, COPY, 6);
    let rights = abi::NotificationRights::SIGNAL.into();
    let mint = CapabilityMint {
        from,
        to,
        rights,
        badge,
    };
    world.does(citizen.thread, mint);
    let notification = COPY;
    let signalled = world.call(
        citizen.thread,
        Signal {
            notification,
            flags,
        },
    );
    let Object::Notification(notification) = held(citizen, OBJECT).object else {
        panic!("not a notification");
    };
    (signalled, notification.flags.get())
}

fn held(citizen: Citizen, slot: Slot) -> Capability<Object> {
    let place = citizen.domain.place(slot).expect("a slot");
    SlotStorage.slot(place).capability().expect("a capability")
}

#[test]
fn flags_outside_a_capabilitys_badge_raise_none() {
    for flags in [0, 2, 4, 6] {
        assert_eq!(raised(flags), (Ok(()), flags));
    }
    for flags in [1, 3, 7, 1 << 63, u64::MAX] {
        assert_eq!(raised(flags), (Err(Error::MissingRight), 0), "{flags:#x}");
    }
}

#[test]
fn rights_that_were_not_granted_are_missing() {
    let (world, citizen) = citizen();
    let (pool, into) = (slots::POOL, OBJECT);
    world.does(citizen.thread, NotificationCreate { pool, into });
    let (from, to, badge) = (OBJECT, COPY, 0);
    let rights = abi::NotificationRights::SIGNAL.into();
    world.does(
        citizen.thread,
        CapabilityMint {
            from,
            to,
            rights,
            badge,
        },
    );
    let wait = Wait {
        notification: COPY,
        deadline: 0,
    };
    assert_eq!(world.call(citizen.thread, wait), Err(Error::MissingRight));
    let object = COPY;
    let destroy = abi::calls::Destroy { object };
    assert_eq!(
        world.call(citizen.thread, destroy),
        Err(Error::MissingRight)
    );
    let (from, to, rights) = (COPY, Slot(20), Rights(0xffff));
    let more = CapabilityMint {
        from,
        to,
        rights,
        badge,
    };
    assert_eq!(world.call(citizen.thread, more), Err(Error::MissingRight));
}

#[test]
fn a_slot_in_use_is_not_overwritten() {
    let (world, citizen) = citizen();
    let (pool, into) = (slots::POOL, slots::THREAD);
    let used = citizen.pool.used();
    let create = EndpointCreate { pool, into };
    assert_eq!(world.call(citizen.thread, create), Err(Error::OccupiedSlot));
    let (from, to) = (slots::POOL, slots::THREAD);
    let copy = CapabilityCopy { from, to };
    assert_eq!(world.call(citizen.thread, copy), Err(Error::OccupiedSlot));
    assert_eq!(citizen.pool.used(), used);
    let (kind, ..) = world.does(citizen.thread, CapabilityInspect { slot: to });
    assert_eq!(kind, abi::ObjectKind::Thread as u64);
}

#[test]
fn a_pool_has_one_domain() {
    let (world, citizen) = citizen();
    let into = OBJECT;
    let again = |pool| DomainCreate { pool, into };
    let used = citizen.pool.used();
    let refused = world.call(citizen.thread, again(slots::POOL));
    assert_eq!((refused, citizen.pool.used()), (Err(Error::InUse), used));
    let (pool, pages, into) = (slots::POOL, PageCount(32), COPY);
    world.does(citizen.thread, PoolSplit { pool, pages, into });
    world.does(citizen.thread, again(COPY));
    let into = Slot(slots::FREE + 2);
    let second = DomainCreate { pool: COPY, into };
    assert_eq!(world.call(citizen.thread, second), Err(Error::InUse));
}

#[test]
fn a_long_call_keeps_its_progress_in_its_arguments() {
    let (world, citizen) = citizen();
    let (pool, pages, into) = (slots::POOL, PageCount(100), OBJECT);
    world.does(citizen.thread, MemoryCreate { pool, pages, into });
    let (first_page, page_count) = (PageIndex(0), pages);
    let populate = MemoryPopulate {
        memory: OBJECT,
        first_page,
        page_count,
    };
    let number = MemoryPopulate::NUMBER as u64;
    assert_eq!(status(&world, citizen, number, populate.encode()), None);
    let [memory, first, count, ..] = citizen.thread.arguments();
    assert_eq!(memory, u64::from(OBJECT.0));
    assert!(first > 0 && first + count == 100, "{first} and {count}");
    // Another thread with the same registers continues where this one is.
    let other = world.thread_in(citizen.domain, COPY);
    world.begin(
        other,
        MemoryPopulate::decode(&citizen.thread.arguments()).expect("its own"),
    );
    assert_eq!(world.outcome::<MemoryPopulate>(other), Some(Ok(())));
}

#[test]
fn a_thread_that_stops_itself_sees_success() {
    let (world, citizen) = citizen();
    let thread = slots::THREAD;
    let stop = ThreadStop { thread };
    assert_eq!(
        status(&world, citizen, ThreadStop::NUMBER as u64, stop.encode()),
        Some(0)
    );
    assert!(citizen.thread.stopped.get() && world.kernel.scheduler.current().is_none());
}

#[test]
fn a_running_thread_is_neither_read_nor_prepared() {
    let (world, citizen) = citizen();
    let thread = slots::THREAD;
    let read = ThreadRead { thread };
    assert_eq!(world.call(citizen.thread, read), Err(Error::WrongState));
    let prepare = ThreadPrepare {
        thread,
        instruction: UserAddress(0x40_0000),
        stack: UserAddress(0),
        argument: 0,
        message_buffer: UserAddress(0),
    };
    assert_eq!(world.call(citizen.thread, prepare), Err(Error::WrongState));
    let domain = slots::DOMAIN;
    let thaw = DomainThaw { domain, token: 0 };
    assert_eq!(world.call(citizen.thread, thaw), Err(Error::WrongState));
}

const DEVICE_ADDRESS: u64 = 0xa000_0000;

/// Maps a page of a device, for reading and writing.
fn map_device(world: &World, citizen: Citizen, address: u64) {
    const DEVICE: Slot = Slot(slots::FREE + 9);
    let start = PhysAddr::new(0xfeb0_0000);
    let page = PhysRange::new(start, start + abi::PAGE_BYTES);
    let run = ForeignRun::of_device(page, &world.kernel.ram).expect("there is no RAM");
    let place = citizen.domain.place(DEVICE).expect("a slot");
    let (kernel, pool) = (&world.kernel, citizen.pool);
    objects::create_memory_of(kernel, pool, run, Attribute::Device, place).expect("room");
    let map = DomainMap {
        domain: slots::DOMAIN,
        memory: DEVICE,
        address: UserAddress(address),
        first_page: PageIndex(0),
        page_count: PageCount(1),
        access: Access::ReadWrite,
    };
    world.does(citizen.thread, map);
    let reached = world.access(citizen.thread, address, UserAccess::Store);
    assert_eq!(reached, Some(start));
}

const READ_ONLY_ADDRESS: u64 = 0xb000_0000;

/// Maps the page of the message buffer again, read-only.
fn map_read_only(world: &World, citizen: Citizen, address: u64) {
    let map = DomainMap {
        domain: slots::DOMAIN,
        memory: slots::BUFFER,
        address: UserAddress(address),
        first_page: PageIndex(0),
        page_count: PageCount(1),
        access: Access::Read,
    };
    world.does(citizen.thread, map);
    let reached = world.access(citizen.thread, address, UserAccess::Load);
    assert_eq!(reached, Some(world.buffer(citizen).address()));
}

#[test]
fn a_message_buffer_is_neither_a_devices_page_nor_read_only() {
    let (world, citizen) = citizen();
    let thread = world.thread_in(citizen.domain, OBJECT);
    thread.stopped.set(true);
    world.kernel.scheduler.remove(thread);
    let read = ThreadRead { thread: OBJECT };
    world.does(citizen.thread, read);
    map_device(&world, citizen, DEVICE_ADDRESS);
    map_read_only(&world, citizen, READ_ONLY_ADDRESS);
    for buffer in [
        0,
        DEVICE_ADDRESS,
        READ_ONLY_ADDRESS,
        0x9000_0000,
        BUFFER_ADDRESS + abi::PAGE_BYTES,
    ] {
        citizen.thread.message_buffer.set(buffer);
        assert_eq!(world.call(citizen.thread, read), Err(Error::BufferAbsent));
    }
}

#[test]
fn calls_that_do_nothing_leave_every_argument_alone() {
    let (world, citizen) = citizen();
    for number in [Null::NUMBER, Yield::NUMBER] {
        let done = status(&world, citizen, number as u64, [5; REGISTER_COUNT]);
        assert_eq!(done, Some(0));
        assert_eq!(citizen.thread.arguments(), [5; REGISTER_COUNT]);
    }
}
