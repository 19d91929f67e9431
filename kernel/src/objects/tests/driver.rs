//! A domain that may drive devices: what the tests of hardware look at.

use abi::calls::NotificationCreate;
use abi::register::Slot;

use crate::testing::{Citizen, World, slots};

/// The Hardware.
pub const HARDWARE: Slot = Slot(8);
/// A notification.
pub const NOTIFICATION: Slot = Slot(9);
/// Slots that the tests fill.
pub const FIRST: Slot = Slot(10);
/// See [`FIRST`].
pub const SECOND: Slot = Slot(11);

/// A citizen with the Hardware and a notification.
pub fn driver() -> (World, Citizen) {
    let world = World::new();
    let citizen = world.citizen();
    world.give_hardware(citizen, HARDWARE);
    let notification = NotificationCreate {
        pool: slots::POOL,
        into: NOTIFICATION,
    };
    world.does(citizen.thread, notification);
    (world, citizen)
}
