//! From any state that firmware or an earlier driver left to a card that receives and sends.

use nic::ring::BUFFER_BYTES;
use nic::{DmaAddress, InitError, Link, NarrowRegisters};
use runtime::protocol::Mac;

use crate::model::Model;
use crate::registers::*;

/// The steps of waiting for a reset, and their length.
const RESET_STEPS: u32 = 10_000;
const RESET_STEP_US: u64 = 10;
/// An 8139 sends a frame of which it has this much, in units of 32 bytes.
const THRESHOLD_8139: u8 = 6;
/// The largest frame of an 8168, in units of 128 bytes.
const FRAME_8168: u8 = 0x27;

/// The causes for which the card interrupts: on an 8168 sent frames too, since it may miss a poll.
pub fn usual_causes(model: Model) -> u16 {
    let receiving = CAUSE_RECEIVED | CAUSE_RECEIVE_ERROR | CAUSE_NO_BUFFER | CAUSE_OVERFLOW;
    match model {
        Model::Rtl8139Plus => receiving | CAUSE_LINK,
        Model::Rtl8168 => receiving | CAUSE_LINK | CAUSE_SENT,
    }
}

/// Silences and resets the card.
///
/// # Errors
/// [`InitError::Reset`].
pub fn reset(registers: &impl NarrowRegisters) -> Result<(), InitError> {
    registers.write_half(MASK, 0);
    registers.write_byte(COMMAND, COMMAND_RESET);
    let has_reset = (0..RESET_STEPS).any(|_| {
        registers.wait_us(RESET_STEP_US);
        registers.read_byte(COMMAND) & COMMAND_RESET == 0
    });
    if !has_reset {
        return Err(InitError::Reset);
    }
    registers.write_half(MASK, 0);
    registers.write_half(CAUSES, u16::MAX);
    Ok(())
}

/// The card's own address, if it is one of a single card.
pub fn mac(registers: &impl NarrowRegisters) -> Option<Mac> {
    let mac: [u8; 6] = core::array::from_fn(|index| registers.read_byte(ADDRESS + index));
    let is_own = mac[0] & 1 == 0 && mac != [0; 6];
    is_own.then_some(Mac(mac))
}

/// Sets up the rings, and lets the card receive every frame, send, and interrupt.
///
/// The order is that of the manuals: an 8139 ignores the addresses of rings before it is told to have any, and each model the
/// configuration of a way that is not enabled.
pub fn start(
    registers: &impl NarrowRegisters,
    model: Model,
    receive: DmaAddress,
    send: DmaAddress,
) {
    registers.write_byte(LOCK, LOCK_OPEN);
    let rings = match model {
        Model::Rtl8139Plus => RINGS_SEND | RINGS_RECEIVE | RINGS_READ_MULTIPLE,
        Model::Rtl8168 => registers.read_half(RINGS) & !(RINGS_CHECKSUM | RINGS_TAG),
    };
    registers.write_half(RINGS, rings);
    for (ring, address) in [(RECEIVE_RING, receive), (SEND_RING, send)] {
        // The lower half completes the address.
        registers.write(ring + 4, (address.get() >> 32) as u32);
        registers.write(ring, address.get() as u32);
    }
    match model {
        Model::Rtl8139Plus => registers.write_byte(SEND_THRESHOLD, THRESHOLD_8139),
        Model::Rtl8168 => {
            registers.write_byte(SEND_THRESHOLD, FRAME_8168);
            registers.write_half(RECEIVE_BYTES_MAX, BUFFER_BYTES as u16);
            registers.change(MISCELLANEOUS, MISCELLANEOUS_RECEIVE_GATED, 0);
        }
    }
    registers.write_byte(COMMAND, COMMAND_RECEIVE | COMMAND_SEND);
    registers.write(SEND_CONFIGURATION, SEND_USUAL);
    registers.write(MULTICAST, u32::MAX);
    registers.write(MULTICAST + 4, u32::MAX);
    let every_frame = RECEIVE_ALL | RECEIVE_OWN | RECEIVE_MULTICAST | RECEIVE_BROADCAST;
    registers.write(RECEIVE_CONFIGURATION, RECEIVE_USUAL | every_frame);
    registers.write_byte(LOCK, LOCK_CLOSED);
    registers.write_half(MASK, usual_causes(model));
}

/// The state of the link.
pub fn link(registers: &impl NarrowRegisters, model: Model) -> Link {
    let speed = match model {
        Model::Rtl8139Plus => match registers.read_byte(MEDIA) {
            media if media & MEDIA_LINK_DOWN != 0 => None,
            media if media & MEDIA_10 != 0 => Some(10),
            _ => Some(100),
        },
        Model::Rtl8168 => match registers.read_byte(PHY) {
            phy if phy & PHY_LINK_UP == 0 => None,
            phy if phy & PHY_10 != 0 => Some(10),
            phy if phy & PHY_100 != 0 => Some(100),
            _ => Some(1000),
        },
    };
    speed.map_or(Link::Down, |megabits_per_second| Link::Up {
        megabits_per_second,
    })
}
