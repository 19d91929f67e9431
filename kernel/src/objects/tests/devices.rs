//! Devices: lines that several interrupts share, and Memories of registers.

use abi::Error;
use abi::calls::{
    Destroy, DeviceMemoryCreate, DomainMap, InterruptAcknowledge, InterruptBind,
    InterruptCreateLine, InterruptCreateMessage, NotificationCreate, PoolSplit, Wait,
};
use abi::register::{Access, PageCount, Slot, UserAddress};

use super::checker::check;
use crate::arch::fake::{Event, UserAccess};
use crate::arch::{Cause, Line, PhysAddr, Polarity, Trigger};
use crate::memory::{Entry, Ref};
use crate::objects::{self, Hardware, MemoryObject, Object, SHARERS_MAX};
use crate::testing::{Citizen, World, slots};

const HARDWARE: Slot = Slot(8);
const NOTIFICATION: Slot = Slot(9);
const FIRST: Slot = Slot(10);
const SECOND: Slot = Slot(11);
const MEMORY: Slot = Slot(12);

const ISA: u8 = 0;
const PCI: u8 = 1;
/// A line of PCI's, and one of ISA's.
const GSI: u32 = 17;
const IRQ: u32 = 4;

/// Where its Memory is mapped.
const ADDRESS: u64 = 0x5000_0000;

/// Where a device is: beyond all RAM of the fake machine.
const BUS_ADDRESS: u64 = 0xfe00_0000;

/// A citizen with the Hardware and a notification.
fn driver() -> (World, Citizen) {
    let world = World::new();
    let citizen = world.citizen();
    let place = citizen.domain.place(HARDWARE).expect("a slot");
    objects::create(
        &world.kernel,
        world.kernel.root_pool,
        place,
        Object::Hardware,
        |header, _| Hardware { header },
    )
    .expect("the hardware");
    let notification = NotificationCreate {
        pool: slots::POOL,
        into: NOTIFICATION,
    };
    world.does(citizen.thread, notification);
    (world, citizen)
}

fn line(line: u32, bus: u8, into: Slot) -> InterruptCreateLine {
    InterruptCreateLine {
        pool: slots::POOL,
        hardware: HARDWARE,
        line,
        bus,
        into,
    }
}

/// Makes an interrupt of the shared line that raises these flags.
fn share(world: &World, citizen: Citizen, into: Slot, flags: u64) {
    world.does(citizen.thread, line(GSI, PCI, into));
    let bind = InterruptBind {
        interrupt: into,
        notification: NOTIFICATION,
        flags,
    };
    world.does(citizen.thread, bind);
}

fn acknowledge(world: &World, citizen: Citizen, interrupt: Slot) -> Vec<Event> {
    world.machine.take_events();
    world.does(citizen.thread, InterruptAcknowledge { interrupt });
    world.machine.take_events()
}

/// The vector that a line was last routed to.
fn route(world: &World) -> Option<(Line, u8)> {
    let events = world.machine.take_events();
    events.into_iter().rev().find_map(|event| match event {
        Event::RouteLine { line, vector } => Some((line, vector)),
        _ => None,
    })
}

/// The line interrupts; returns the flags that are raised then.
fn interrupt(world: &World, citizen: Citizen, vector: u8) -> Result<u64, Error> {
    world.kernel.enter(Cause::Interrupt { vector });
    let wait = Wait {
        notification: NOTIFICATION,
        deadline: 0,
    };
    world.call(citizen.thread, wait)
}

fn unmasked(events: &[Event]) -> bool {
    events.contains(&Event::UnmaskLine(GSI))
}

#[test]
fn a_line_signals_as_its_bus_does_unless_the_firmware_says_otherwise() {
    let (world, citizen) = driver();
    let expected = |gsi, trigger, polarity| Line {
        gsi,
        trigger,
        polarity,
    };
    for (number, bus, line_of) in [
        (IRQ, ISA, expected(IRQ, Trigger::Edge, Polarity::High)),
        (0, ISA, expected(2, Trigger::Edge, Polarity::High)),
        (9, ISA, expected(9, Trigger::Level, Polarity::High)),
        (9, PCI, expected(9, Trigger::Level, Polarity::High)),
        (GSI, PCI, expected(GSI, Trigger::Level, Polarity::Low)),
    ] {
        world.does(citizen.thread, line(number, bus, FIRST));
        assert_eq!(route(&world).map(|(line, _)| line), Some(line_of));
        world.does(citizen.thread, Destroy { object: FIRST });
    }
    for (call, error) in [
        (line(16, ISA, FIRST), Error::ArgumentRange),
        (line(GSI, 2, FIRST), Error::ArgumentRange),
        (line(24, PCI, FIRST), Error::NotDevice),
    ] {
        assert_eq!(world.call(citizen.thread, call), Err(error));
    }
}

#[test]
fn all_that_share_a_line_hear_of_it_and_the_last_to_acknowledge_opens_it() {
    let (world, citizen) = driver();
    share(&world, citizen, FIRST, 1);
    let (_, vector) = route(&world).expect("the line is routed");
    share(&world, citizen, SECOND, 2);
    assert_eq!(route(&world), None, "it is routed once");
    assert!(unmasked(&acknowledge(&world, citizen, FIRST)));
    assert!(unmasked(&acknowledge(&world, citizen, SECOND)));

    assert_eq!(interrupt(&world, citizen, vector), Ok(3));
    assert!(!unmasked(&acknowledge(&world, citizen, SECOND)));
    assert!(unmasked(&acknowledge(&world, citizen, FIRST)));
    assert_eq!(interrupt(&world, citizen, vector), Ok(3));
    check(&world.kernel);
}

#[test]
fn an_interrupt_whose_driver_has_not_begun_silences_nobody() {
    let (world, citizen) = driver();
    share(&world, citizen, FIRST, 1);
    let (_, vector) = route(&world).expect("the line is routed");
    share(&world, citizen, SECOND, 2);
    assert!(unmasked(&acknowledge(&world, citizen, FIRST)));
    assert_eq!(interrupt(&world, citizen, vector), Ok(1));
    assert!(unmasked(&acknowledge(&world, citizen, FIRST)));
}

#[test]
fn the_end_of_one_opens_the_line_for_the_others_and_the_end_of_all_closes_it() {
    let (world, citizen) = driver();
    share(&world, citizen, FIRST, 1);
    let (_, vector) = route(&world).expect("the line is routed");
    share(&world, citizen, SECOND, 2);
    acknowledge(&world, citizen, FIRST);
    acknowledge(&world, citizen, SECOND);
    assert_eq!(interrupt(&world, citizen, vector), Ok(3));
    acknowledge(&world, citizen, SECOND);

    world.machine.take_events();
    world.does(citizen.thread, Destroy { object: FIRST });
    assert!(unmasked(&world.machine.take_events()));
    assert_eq!(interrupt(&world, citizen, vector), Ok(2));
    world.does(citizen.thread, Destroy { object: SECOND });
    let events = world.machine.take_events();
    assert!(events.contains(&Event::MaskLine(GSI)) && !unmasked(&events));
    assert_eq!(interrupt(&world, citizen, vector), Err(Error::TimedOut));
    check(&world.kernel);
}

#[test]
fn the_end_of_one_that_nobody_waits_for_leaves_a_line_masked_that_another_holds() {
    let (world, citizen) = driver();
    share(&world, citizen, FIRST, 1);
    let (_, vector) = route(&world).expect("the line is routed");
    share(&world, citizen, SECOND, 2);
    acknowledge(&world, citizen, FIRST);
    acknowledge(&world, citizen, SECOND);
    assert_eq!(interrupt(&world, citizen, vector), Ok(3));
    world.machine.take_events();
    world.does(citizen.thread, Destroy { object: FIRST });
    assert!(!unmasked(&world.machine.take_events()));
    assert!(unmasked(&acknowledge(&world, citizen, SECOND)));
}

#[test]
fn an_edge_is_not_shared_nor_a_line_by_more_than_there_is_room_for() {
    let (world, citizen) = driver();
    world.does(citizen.thread, line(IRQ, ISA, FIRST));
    let again = line(IRQ, ISA, SECOND);
    assert_eq!(world.call(citizen.thread, again), Err(Error::InUse));
    // As a PCI device's it would be another trigger.
    let other = line(IRQ, PCI, SECOND);
    assert_eq!(world.call(citizen.thread, other), Err(Error::InUse));

    let first_free = 20;
    for number in 0..SHARERS_MAX as u32 {
        world.does(citizen.thread, line(GSI, PCI, Slot(first_free + number)));
    }
    let more = line(GSI, PCI, SECOND);
    assert_eq!(world.call(citizen.thread, more), Err(Error::InUse));
}

#[test]
fn a_message_is_nobody_elses() {
    let (world, citizen) = driver();
    for into in [FIRST, SECOND] {
        let message = InterruptCreateMessage {
            pool: slots::POOL,
            hardware: HARDWARE,
            into,
        };
        let (_, vector) = world.does(citizen.thread, message);
        let bind = InterruptBind {
            interrupt: into,
            notification: NOTIFICATION,
            flags: u64::from(into.0),
        };
        world.does(citizen.thread, bind);
        // It need not be acknowledged, not even the first time.
        for _ in 0..2 {
            let raised = interrupt(&world, citizen, vector as u8);
            assert_eq!(raised, Ok(u64::from(into.0)));
        }
    }
}

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

fn memory(citizen: Citizen) -> Ref<MemoryObject> {
    let place = citizen.domain.place(MEMORY).expect("a slot");
    let held = capabilities::Storage::slot(&crate::memory::SlotStorage, place).capability();
    match held.map(|held| held.object) {
        Some(Object::Memory(memory)) => memory,
        other => panic!("no Memory but {other:?}"),
    }
}

#[test]
fn a_large_memory_of_a_device_is_made_in_steps() {
    let (world, citizen) = driver();
    let pages = 3 * 512 + 1;
    assert_eq!(world.steps_of(citizen.thread, registers(pages)), 7);
    let made = world.outcome::<DeviceMemoryCreate>(citizen.thread);
    assert_eq!(made, Some(Ok(())));
    let memory = memory(citizen);
    assert_eq!(memory.present.get(), pages);
    let map = DomainMap {
        domain: slots::DOMAIN,
        memory: MEMORY,
        address: UserAddress(ADDRESS),
        first_page: PageCount(0),
        page_count: PageCount(pages),
        access: Access::ReadWrite,
    };
    world.does(citizen.thread, map);
    for offset in [0, 511, 512, pages - 1].map(|page| page * 4096) {
        let reached = world.access(citizen.thread, ADDRESS + offset, UserAccess::Store);
        assert_eq!(reached, Some(PhysAddr::new(BUS_ADDRESS + offset)));
    }
    check(&world.kernel);
}

#[test]
fn a_step_goes_on_with_nothing_but_what_an_earlier_one_made() {
    let (world, citizen) = driver();
    world.begin_step(citizen.thread, registers(1025));
    // The slot may have been given another use meanwhile, or the registers say something else.
    for (pages, made) in [(1025, 0), (1025, 255), (1025, 257), (1024, 256)] {
        let call = DeviceMemoryCreate {
            made: PageCount(made),
            ..registers(pages)
        };
        let refused = world.call(citizen.thread, call);
        assert_eq!(refused, Err(Error::OccupiedSlot), "{pages} {made}");
    }
    let beyond = DeviceMemoryCreate {
        made: PageCount(1025),
        ..registers(1025)
    };
    let refused = world.call(citizen.thread, beyond);
    assert_eq!(refused, Err(Error::ArgumentRange));
    let rest = DeviceMemoryCreate {
        made: PageCount(256),
        ..registers(1025)
    };
    world.does(citizen.thread, rest);
    assert_eq!(memory(citizen).present.get(), 1025);
    world.does(citizen.thread, Destroy { object: MEMORY });
    check(&world.kernel);
}

#[test]
fn a_pool_that_cannot_pay_for_the_tables_makes_no_memory() {
    let (world, citizen) = driver();
    let pool = Slot(13);
    let split = PoolSplit {
        pool: slots::POOL,
        pages: PageCount(5),
        into: pool,
    };
    world.does(citizen.thread, split);
    // Of its five pages the pool is one; the Memory takes one, and tables for 1,025 pages four.
    let call = |pages| DeviceMemoryCreate {
        pool,
        ..registers(pages)
    };
    let refused = world.call(citizen.thread, call(1025));
    assert_eq!(refused, Err(Error::PoolEmpty));
    world.does(citizen.thread, call(512));
}

#[test]
fn a_page_is_uncached_or_gathers_writes() {
    for (cache, flags) in [
        (0, Entry::UNCACHED | Entry::WRITE_THROUGH),
        (1, Entry::WRITE_THROUGH),
    ] {
        let (world, citizen) = driver();
        let call = DeviceMemoryCreate {
            cache,
            ..registers(2)
        };
        world.does(citizen.thread, call);
        let leaf = memory(citizen).leaf(1).expect("it has tables");
        let caching = Entry::UNCACHED | Entry::WRITE_THROUGH;
        assert_eq!(leaf.flags(1) & caching, flags);
    }
    let (world, citizen) = driver();
    let call = DeviceMemoryCreate {
        cache: 2,
        ..registers(2)
    };
    assert_eq!(world.call(citizen.thread, call), Err(Error::ArgumentRange));
}

#[test]
fn no_page_is_beyond_what_the_processor_can_address() {
    let (world, citizen) = driver();
    let end = 1 << crate::arch::physical_address_bits();
    let at = |bus_address| DeviceMemoryCreate {
        bus_address,
        ..registers(1)
    };
    for beyond in [end, end - 4096 + 1, 1 << 52, u64::MAX - 4095] {
        let refused = world.call(citizen.thread, at(beyond));
        assert_eq!(refused, Err(Error::ArgumentRange), "{beyond:#x}");
    }
    world.does(citizen.thread, at(end - 4096));
    let ram = world.call(
        citizen.thread,
        DeviceMemoryCreate {
            into: FIRST,
            ..at(0x10_0000)
        },
    );
    assert_eq!(ram, Err(Error::NotDevice));
}

#[test]
fn a_memory_of_a_device_that_is_being_destroyed_is_not_made_further() {
    let (world, citizen) = driver();
    let pages = 4 * 512;
    world.does(citizen.thread, registers(pages));
    let other = world.thread_in(citizen.domain, SECOND);
    world.begin_step(citizen.thread, Destroy { object: MEMORY });
    while world.is_at_call(citizen.thread) {
        let present = memory(citizen).present.get();
        let call = DeviceMemoryCreate {
            made: PageCount(present),
            ..registers(pages)
        };
        let refused = world.call(other, call);
        assert_eq!(refused, Err(Error::OccupiedSlot), "{present} pages left");
        assert_eq!(memory(citizen).present.get(), present);
        world.step(citizen.thread);
    }
    check(&world.kernel);
}
