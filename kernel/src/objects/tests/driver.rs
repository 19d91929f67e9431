//! A domain that may drive devices, for the tests of hardware.

use abi::register::Slot;

use crate::testing::{TestDomain, World, calls};

pub const HARDWARE: Slot = Slot(8);
pub const NOTIFICATION: Slot = Slot(9);
/// The first of the slots for the tests.
pub const FIRST: Slot = Slot(10);
pub const SECOND: Slot = Slot(11);

/// A test domain with a capability to the Hardware and a notification.
pub fn driver() -> (World, TestDomain) {
    let world = World::new();
    let actor = world.domain();
    world.give_hardware(actor, HARDWARE);
    world.does(actor, calls::notification(NOTIFICATION));
    (world, actor)
}
