//! Resets and starts a card, whatever state firmware or an earlier driver left it in.

use nic::{DmaAddress, InitError, Link, Registers};
use runtime::protocol::Mac;

use crate::registers::*;

/// Makes the card execute a command, and returns the result.
fn command(control: &impl Registers, command: u32) -> u32 {
    control.write(COMMAND, command);
    control.read(COMMAND)
}

/// Stops and resets the card, and selects version 1. Afterwards the card accesses no memory.
///
/// # Errors
/// [`InitError::Version`].
pub fn reset(control: &impl Registers) -> Result<(), InitError> {
    command(control, COMMAND_QUIESCE);
    command(control, COMMAND_RESET);
    for version in [NIC_VERSION, INTERFACE_VERSION] {
        if control.read(version) & VERSION_1 == 0 {
            return Err(InitError::Version);
        }
        control.write(version, VERSION_1);
    }
    Ok(())
}

/// The card's own address.
pub fn mac(control: &impl Registers) -> Option<Mac> {
    let low = command(control, COMMAND_ADDRESS_LOW).to_le_bytes();
    let [fifth, sixth, ..] = command(control, COMMAND_ADDRESS_HIGH).to_le_bytes();
    let mac = [low[0], low[1], low[2], low[3], fifth, sixth];
    (mac != [0; 6] && mac[0] & 1 == 0).then_some(Mac(mac))
}

/// Lets the card read its configuration from the shared memory, receive, send, and interrupt.
///
/// # Errors
/// [`InitError::Rings`] if it does not accept the configuration.
pub fn activate(
    rings: &impl Registers,
    control: &impl Registers,
    shared: DmaAddress,
) -> Result<(), InitError> {
    control.write(SHARED_LOW, shared.get() as u32);
    control.write(SHARED_HIGH, (shared.get() >> 32) as u32);
    if command(control, COMMAND_ACTIVATE) != 0 {
        return Err(InitError::Rings);
    }
    rings.write(MASK, MASK_OPEN);
    Ok(())
}

/// The state of the link.
pub fn link(control: &impl Registers) -> Link {
    let link = command(control, COMMAND_LINK);
    if link & LINK_UP == 0 {
        return Link::Down;
    }
    Link::Up {
        megabits_per_second: link >> LINK_SPEED_SHIFT,
    }
}
