//! Calls with invalid arguments, long calls, and calls on the caller itself.

use abi::calls::{
    Arguments, CapabilityInspect, MemoryPopulate, Null, ThreadPrepare, ThreadRead, ThreadStop,
    Yield,
};
use abi::register::{Access, Slot, UserAddress};
use abi::{Error, Number, REGISTER_COUNT, Rights};
use capabilities::{Capability, Storage};

use crate::arch::fake::UserAccess;
use crate::arch::{PhysAddr, PhysRange};
use crate::memory::{ForeignRun, SlotStorage};
use crate::objects::{self, Attribute, Object, Phase};
use crate::testing::{BUFFER_ADDRESS, CALL_SITE, TestDomain, World, calls, slots};

mod identities;

const OBJECT: Slot = Slot(slots::FREE);
const COPY: Slot = Slot(slots::FREE + 1);
/// The largest value of a register.
const LAST: u64 = u64::MAX;

fn world_and_domain() -> (World, TestDomain) {
    let world = World::new();
    let actor = world.domain();
    (world, actor)
}

/// Makes a call with arbitrary registers; returns its status if it is complete.
fn status(world: &World, actor: TestDomain, number: u64, registers: abi::Registers) -> Option<u64> {
    let thread = actor.thread;
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
    let (world, actor) = world_and_domain();
    for number in [10, 15, 300, 9999, 1 << 16, LAST] {
        let unknown = status(&world, actor, number, [7; REGISTER_COUNT]);
        assert_eq!(unknown, Some(Error::UnknownCall as u64), "{number}");
        assert_eq!(actor.thread.arguments(), [7; REGISTER_COUNT]);
    }
}

#[test]
fn every_call_refuses_a_slot_beyond_the_table() {
    let (world, actor) = world_and_domain();
    let without = [Number::Null, Number::Yield];
    for number in Number::ALL
        .iter()
        .filter(|number| !without.contains(number))
    {
        for slot in [64, u64::from(u32::MAX), u64::from(u32::MAX) + 1, LAST] {
            let mut registers = [0; REGISTER_COUNT];
            registers[0] = slot;
            let refused = status(&world, actor, *number as u64, registers);
            assert!(
                refused.is_some_and(|status| status != 0),
                "{number:?} {slot:#x}"
            );
        }
    }
}

#[test]
fn a_slot_of_another_kind_or_an_empty_one_is_refused() {
    let (world, actor) = world_and_domain();
    for slot in [
        slots::POOL,
        slots::DOMAIN,
        slots::THREAD,
        slots::BUFFER,
        OBJECT,
    ] {
        let wait = calls::wait(slot, 0);
        let expected = match slot {
            OBJECT => Error::EmptySlot,
            _ => Error::WrongKind,
        };
        assert_eq!(world.call(actor, wait), Err(expected));
    }
}

/// Raises flags through `COPY`, a capability with the badge 6; returns the result and the flags raised.
fn raised(flags: u64) -> (Result<(), Error>, u64) {
    let (world, actor) = world_and_domain();
    world.does(actor, calls::notification(OBJECT));
    let mint = calls::mint(OBJECT, COPY, abi::NotificationRights::SIGNAL, 6);
    world.does(actor, mint);
    let notification = COPY;
    let signalled = world.call(actor, calls::signal(notification, flags));
    let Object::Notification(notification) = held(actor, OBJECT).object else {
        panic!("not a notification");
    };
    (signalled, notification.flags.get())
}

fn held(actor: TestDomain, slot: Slot) -> Capability<Object> {
    let place = actor.place(slot);
    SlotStorage.slot(place).capability().expect("a capability")
}

#[test]
fn a_signal_with_flags_outside_the_badge_raises_none() {
    for flags in [0, 2, 4, 6] {
        assert_eq!(raised(flags), (Ok(()), flags));
    }
    for flags in [1, 3, 7, 1 << 63, u64::MAX] {
        assert_eq!(raised(flags), (Err(Error::MissingRight), 0), "{flags:#x}");
    }
}

#[test]
fn rights_that_were_not_granted_are_missing() {
    let (world, actor) = world_and_domain();
    world.does(actor, calls::notification(OBJECT));
    let badge = 0;
    world.does(
        actor,
        calls::mint(OBJECT, COPY, abi::NotificationRights::SIGNAL, badge),
    );
    assert_eq!(
        world.call(actor, calls::wait(COPY, 0)),
        Err(Error::MissingRight)
    );
    assert_eq!(
        world.call(actor, calls::destroy(COPY)),
        Err(Error::MissingRight)
    );
    assert_eq!(
        world.call(actor, calls::mint(COPY, Slot(20), Rights(0xffff), badge)),
        Err(Error::MissingRight)
    );
}

#[test]
fn a_slot_in_use_is_not_overwritten() {
    let (world, actor) = world_and_domain();
    let used = actor.pool.used();
    assert_eq!(
        world.call(actor, calls::endpoint(slots::THREAD)),
        Err(Error::OccupiedSlot)
    );
    let to = slots::THREAD;
    assert_eq!(
        world.call(actor, calls::copy(slots::POOL, to)),
        Err(Error::OccupiedSlot)
    );
    assert_eq!(actor.pool.used(), used);
    let (kind, ..) = world.does(actor, CapabilityInspect { slot: to });
    assert_eq!(kind, abi::ObjectKind::Thread as u64);
}

#[test]
fn a_pool_has_one_domain() {
    let (world, actor) = world_and_domain();
    let again = |pool| calls::domain(pool, OBJECT);
    let used = actor.pool.used();
    let refused = world.call(actor, again(slots::POOL));
    assert_eq!((refused, actor.pool.used()), (Err(Error::InUse), used));
    world.does(actor, calls::split(32, COPY));
    world.does(actor, again(COPY));
    assert_eq!(
        world.call(actor, calls::domain(COPY, Slot(slots::FREE + 2))),
        Err(Error::InUse)
    );
}

#[test]
fn a_long_call_keeps_its_progress_in_its_arguments() {
    let (world, actor) = world_and_domain();
    let pages = 100;
    world.does(actor, calls::memory(pages, OBJECT));
    let populate = calls::populate(OBJECT, 0, pages);
    let number = MemoryPopulate::NUMBER as u64;
    assert_eq!(status(&world, actor, number, populate.encode()), None);
    let [memory, first, count, ..] = actor.thread.arguments();
    assert_eq!(memory, u64::from(OBJECT.0));
    assert!(first > 0 && first + count == 100, "{first} and {count}");
    // Another thread with the same registers continues the call where this one has left it.
    let other = world.thread_in(actor.domain, COPY);
    world.begin(
        other,
        MemoryPopulate::decode(&actor.thread.arguments()).expect("its own"),
    );
    assert_eq!(world.outcome::<MemoryPopulate>(other), Some(Ok(())));
}

#[test]
fn a_thread_that_stops_itself_sees_success() {
    let (world, actor) = world_and_domain();
    let stop = calls::stop(slots::THREAD);
    assert_eq!(
        status(&world, actor, ThreadStop::NUMBER as u64, stop.encode()),
        Some(0)
    );
    assert!(actor.thread.stopped.get() && world.kernel.scheduler.current().is_none());
}

#[test]
fn a_running_thread_is_neither_read_nor_prepared() {
    let (world, actor) = world_and_domain();
    let thread = slots::THREAD;
    let read = ThreadRead { thread };
    assert_eq!(world.call(actor, read), Err(Error::WrongState));
    let prepare = ThreadPrepare {
        thread,
        instruction: UserAddress(0x40_0000),
        stack: UserAddress(0),
        argument: 0,
        message_buffer: UserAddress(0),
    };
    assert_eq!(world.call(actor, prepare), Err(Error::WrongState));
    assert_eq!(
        world.call(actor, calls::thaw(slots::DOMAIN, 0)),
        Err(Error::WrongState)
    );
}

const DEVICE_ADDRESS: u64 = 0xa000_0000;

/// Maps a page of a device, for reading and writing.
fn map_device(world: &World, actor: TestDomain, address: u64) {
    const DEVICE: Slot = Slot(slots::FREE + 9);
    let start = PhysAddr::new(0xfeb0_0000);
    let page = PhysRange::new(start, start + abi::PAGE_BYTES);
    let run = ForeignRun::of_device(page, &world.kernel.ram).expect("there is no RAM");
    let place = actor.place(DEVICE);
    let (kernel, pool) = (&world.kernel, actor.pool);
    objects::create_memory_of(kernel, pool, run, Attribute::Device, place).expect("room");
    world.does(actor, calls::map(DEVICE, address, 0, 1, Access::ReadWrite));
    let reached = world.access(actor, address, UserAccess::Store);
    assert_eq!(reached, Some(start));
}

const READ_ONLY_ADDRESS: u64 = 0xb000_0000;

/// Maps the page of the message buffer again, read-only.
fn map_read_only(world: &World, actor: TestDomain, address: u64) {
    let map = calls::map(slots::BUFFER, address, 0, 1, Access::Read);
    world.does(actor, map);
    let reached = world.access(actor, address, UserAccess::Load);
    assert_eq!(reached, Some(world.buffer(actor).address()));
}

#[test]
fn a_message_buffer_is_neither_a_devices_page_nor_read_only() {
    let (world, actor) = world_and_domain();
    let thread = world.thread_in(actor.domain, OBJECT);
    thread.stopped.set(true);
    world.kernel.scheduler.remove(thread);
    let read = ThreadRead { thread: OBJECT };
    world.does(actor, read);
    map_device(&world, actor, DEVICE_ADDRESS);
    map_read_only(&world, actor, READ_ONLY_ADDRESS);
    for buffer in [
        0,
        DEVICE_ADDRESS,
        READ_ONLY_ADDRESS,
        0x9000_0000,
        BUFFER_ADDRESS + abi::PAGE_BYTES,
    ] {
        actor.thread.message_buffer.set(buffer);
        assert_eq!(world.call(actor, read), Err(Error::BufferAbsent));
    }
}

#[test]
fn calls_that_do_nothing_leave_every_argument_alone() {
    let (world, actor) = world_and_domain();
    for number in [Null::NUMBER, Yield::NUMBER] {
        let done = status(&world, actor, number as u64, [5; REGISTER_COUNT]);
        assert_eq!(done, Some(0));
        assert_eq!(actor.thread.arguments(), [5; REGISTER_COUNT]);
    }
}
