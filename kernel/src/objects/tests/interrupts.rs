//! Interrupts of devices: shared lines, and message-signalled interrupts.

use abi::Error;
use abi::calls::{InterruptAcknowledge, InterruptCreateLine, InterruptCreateMessage};
use abi::register::Slot;

use super::checker::check;
use super::driver::{FIRST, HARDWARE, NOTIFICATION, SECOND, driver};
use crate::arch::fake::Event;
use crate::arch::{Line, Polarity, Trigger};
use crate::objects::SHARERS_MAX;
use crate::testing::{TestDomain, World, calls, slots};

mod repeated;
mod retired;

const ISA: u8 = 0;
const PCI: u8 = 1;
/// A PCI line, and an ISA line.
const GSI: u32 = 17;
const IRQ: u32 = 4;

fn line(line: u32, bus: u8, into: Slot) -> InterruptCreateLine {
    InterruptCreateLine {
        pool: slots::POOL,
        hardware: HARDWARE,
        line,
        bus,
        into,
    }
}

/// The flags that the two interrupts of the shared line raise.
const FIRST_FLAG: u64 = 1;
const SECOND_FLAG: u64 = 2;
/// The flag within the badge of a capability.
const BADGED_FLAG: u64 = 4;

/// Creates an interrupt of the shared line that raises these flags.
fn share(world: &World, actor: TestDomain, into: Slot, flags: u64) {
    world.does(actor, line(GSI, PCI, into));
    world.does(actor, calls::bind_interrupt(into, NOTIFICATION, flags));
}

fn acknowledge(world: &World, actor: TestDomain, interrupt: Slot) -> Vec<Event> {
    world.machine.take_events();
    world.does(actor, InterruptAcknowledge { interrupt });
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

/// Delivers the vector's interrupt; returns the notification's raised flags.
fn interrupt(world: &World, actor: TestDomain, vector: u8) -> Result<u64, Error> {
    world.interrupt(vector);
    world.call(actor, calls::wait(NOTIFICATION, 0))
}

fn unmasked(events: &[Event]) -> bool {
    events.contains(&Event::UnmaskLine(GSI))
}

/// A driver with two interrupts of the shared line, and the vector of the line.
fn shared() -> (World, TestDomain, u8) {
    let (world, actor) = driver();
    share(&world, actor, FIRST, FIRST_FLAG);
    let (_, vector) = route(&world).expect("the line is routed");
    share(&world, actor, SECOND, SECOND_FLAG);
    assert_eq!(route(&world), None, "it is routed once");
    (world, actor, vector)
}

/// As [`shared`], after both were armed and the line has interrupted.
fn interrupted() -> (World, TestDomain, u8) {
    let (world, actor, vector) = shared();
    assert!(unmasked(&acknowledge(&world, actor, FIRST)));
    assert!(unmasked(&acknowledge(&world, actor, SECOND)));
    assert_eq!(
        interrupt(&world, actor, vector),
        Ok(FIRST_FLAG | SECOND_FLAG)
    );
    (world, actor, vector)
}

#[test]
fn a_line_has_the_trigger_of_its_bus_unless_the_firmware_overrides_it() {
    let (world, actor) = driver();
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
        world.does(actor, line(number, bus, FIRST));
        assert_eq!(route(&world).map(|(line, _)| line), Some(line_of));
        world.does(actor, calls::destroy(FIRST));
    }
    for (call, error) in [
        (line(16, ISA, FIRST), Error::ArgumentRange),
        (line(GSI, 2, FIRST), Error::ArgumentRange),
        (line(24, PCI, FIRST), Error::NotDevice),
    ] {
        assert_eq!(world.call(actor, call), Err(error));
    }
}

#[test]
fn an_interrupt_raises_flags_within_the_badge_of_its_capability() {
    const BADGED: Slot = Slot(40);
    let (world, actor, vector) = shared();
    world.give(actor, NOTIFICATION, actor, BADGED, BADGED_FLAG);
    let bind = |flags| calls::bind_interrupt(FIRST, BADGED, flags);
    for flags in [FIRST_FLAG, FIRST_FLAG | BADGED_FLAG, u64::MAX] {
        let refused = world.call(actor, bind(flags));
        assert_eq!(refused, Err(Error::MissingRight), "{flags:#x}");
    }
    for interrupt in [FIRST, SECOND] {
        acknowledge(&world, actor, interrupt);
    }
    assert_eq!(
        interrupt(&world, actor, vector),
        Ok(FIRST_FLAG | SECOND_FLAG),
        "it is unchanged"
    );
    world.does(actor, bind(BADGED_FLAG));
    for interrupt in [FIRST, SECOND] {
        acknowledge(&world, actor, interrupt);
    }
    assert_eq!(
        interrupt(&world, actor, vector),
        Ok(SECOND_FLAG | BADGED_FLAG)
    );
    check(&world.kernel);
}

#[test]
fn all_sharers_of_a_line_are_signalled_and_the_last_acknowledgement_unmasks_it() {
    let (world, actor, vector) = interrupted();
    assert!(!unmasked(&acknowledge(&world, actor, SECOND)));
    assert!(unmasked(&acknowledge(&world, actor, FIRST)));
    assert_eq!(
        interrupt(&world, actor, vector),
        Ok(FIRST_FLAG | SECOND_FLAG)
    );
    check(&world.kernel);
}

#[test]
fn a_disarmed_interrupt_does_not_block_the_others() {
    let (world, actor, vector) = shared();
    assert!(unmasked(&acknowledge(&world, actor, FIRST)));
    assert_eq!(interrupt(&world, actor, vector), Ok(FIRST_FLAG));
    assert!(unmasked(&acknowledge(&world, actor, FIRST)));
}

#[test]
fn destroying_a_sharer_unmasks_the_line_for_the_others_and_destroying_all_masks_it() {
    let (world, actor, vector) = interrupted();
    acknowledge(&world, actor, SECOND);

    world.machine.take_events();
    world.does(actor, calls::destroy(FIRST));
    assert!(unmasked(&world.machine.take_events()));
    assert_eq!(interrupt(&world, actor, vector), Ok(SECOND_FLAG));
    world.does(actor, calls::destroy(SECOND));
    let events = world.machine.take_events();
    assert!(events.contains(&Event::MaskLine(GSI)) && !unmasked(&events));
    assert_eq!(interrupt(&world, actor, vector), Err(Error::TimedOut));
    check(&world.kernel);
}

#[test]
fn destroying_a_sharer_leaves_the_line_masked_while_another_is_in_service() {
    let (world, actor, _) = interrupted();
    world.machine.take_events();
    world.does(actor, calls::destroy(FIRST));
    assert!(!unmasked(&world.machine.take_events()));
    assert!(unmasked(&acknowledge(&world, actor, SECOND)));
}

#[test]
fn edge_lines_are_exclusive_and_a_level_line_has_a_maximum_of_sharers() {
    let (world, actor) = driver();
    world.does(actor, line(IRQ, ISA, FIRST));
    let again = line(IRQ, ISA, SECOND);
    assert_eq!(world.call(actor, again), Err(Error::InUse));
    // A PCI device has another trigger.
    let other = line(IRQ, PCI, SECOND);
    assert_eq!(world.call(actor, other), Err(Error::InUse));

    let first_free = 20;
    for number in 0..SHARERS_MAX as u32 {
        world.does(actor, line(GSI, PCI, Slot(first_free + number)));
    }
    let more = line(GSI, PCI, SECOND);
    assert_eq!(world.call(actor, more), Err(Error::InUse));
}

/// Creates a message-signalled interrupt; returns its vector.
fn message(world: &World, actor: TestDomain, into: Slot) -> u8 {
    let message = InterruptCreateMessage {
        pool: slots::POOL,
        hardware: HARDWARE,
        into,
    };
    let (_, vector) = world.does(actor, message);
    vector as u8
}

#[test]
fn a_message_signalled_interrupt_is_not_shared() {
    let (world, actor) = driver();
    for into in [FIRST, SECOND] {
        let vector = message(&world, actor, into);
        let flags = u64::from(into.0);
        world.does(actor, calls::bind_interrupt(into, NOTIFICATION, flags));
        // It needs no acknowledgement for the first time.
        assert_eq!(interrupt(&world, actor, vector), Ok(flags));
    }
}

#[test]
fn an_unbound_interrupt_that_arrives_is_delivered_when_it_is_bound() {
    let (world, actor) = driver();
    let vector = message(&world, actor, FIRST);
    assert_eq!(interrupt(&world, actor, vector), Err(Error::TimedOut));
    let bind = calls::bind_interrupt(FIRST, NOTIFICATION, FIRST_FLAG);
    world.does(actor, bind);
    let poll = calls::wait(NOTIFICATION, 0);
    assert_eq!(world.call(actor, poll), Ok(FIRST_FLAG));
    world.does(actor, bind);
    assert_eq!(world.call(actor, poll), Err(Error::TimedOut));
}
