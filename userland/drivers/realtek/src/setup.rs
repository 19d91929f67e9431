//! Resets and starts a card, whatever state firmware or an earlier driver left it in.

use nic::ring::BUFFER_BYTES;
use nic::{DmaAddress, InitError, Link, NarrowRegisters};
use runtime::protocol::Mac;

use crate::interrupts;
use crate::model::Model;
use crate::registers::*;

/// The maximum number of waits for a reset, and the length of each.
const RESET_STEPS: u32 = 10_000;
const RESET_STEP_US: u64 = 10;
/// An 8139 begins to send a frame once it has read this much of it, in units of 32 bytes.
const THRESHOLD_8139: u8 = 6;
/// The largest frame of an 8168, in units of 128 bytes.
const FRAME_8168: u8 = 0x27;

/// Silences and resets the card.
///
/// # Errors
/// [`InitError::Reset`].
pub fn reset(registers: &impl NarrowRegisters, model: Model) -> Result<(), InitError> {
    interrupts::set_mask(registers, model, 0);
    registers.write_byte(COMMAND, COMMAND_RESET);
    let has_reset = (0..RESET_STEPS).any(|_| {
        registers.wait_us(RESET_STEP_US);
        registers.read_byte(COMMAND) & COMMAND_RESET == 0
    });
    if !has_reset {
        return Err(InitError::Reset);
    }
    interrupts::set_mask(registers, model, 0);
    interrupts::take_causes(registers, model);
    Ok(())
}

/// The card's own address, unless it is zero or a group address.
pub fn mac(registers: &impl NarrowRegisters) -> Option<Mac> {
    let mac: [u8; 6] = core::array::from_fn(|index| registers.read_byte(ADDRESS + index));
    let is_own = mac[0] & 1 == 0 && mac != [0; 6];
    is_own.then_some(Mac(mac))
}

/// Sets up the rings, and lets the card receive every frame, send, and interrupt.
///
/// The order is that of the manuals. An 8139 ignores the addresses of its rings until they are enabled, and every model ignores
/// the configuration of a direction that is not enabled.
pub fn start(
    registers: &impl NarrowRegisters,
    model: Model,
    receive: DmaAddress,
    send: DmaAddress,
) {
    registers.write_byte(LOCK, LOCK_OPEN);
    let rings = match model {
        Model::Rtl8139Plus => RINGS_SEND | RINGS_RECEIVE | RINGS_READ_MULTIPLE,
        Model::Rtl8168 | Model::Rtl8125 => {
            registers.read_half(RINGS) & !(RINGS_CHECKSUM | RINGS_TAG)
        }
    };
    registers.write_half(RINGS, rings);
    for (ring, address) in [(RECEIVE_RING, receive), (SEND_RING, send)] {
        // The card uses the address once its lower half is written.
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
        Model::Rtl8125 => {
            use_one_queue(registers);
            registers.write_half(RECEIVE_BYTES_MAX, BUFFER_BYTES as u16);
            registers.change(MISCELLANEOUS, MISCELLANEOUS_RECEIVE_GATED, 0);
        }
    }
    registers.write_byte(COMMAND, COMMAND_RECEIVE | COMMAND_SEND);
    registers.write(SEND_CONFIGURATION, SEND_USUAL);
    registers.write(MULTICAST, u32::MAX);
    registers.write(MULTICAST + 4, u32::MAX);
    let every_frame = RECEIVE_ALL | RECEIVE_OWN | RECEIVE_MULTICAST | RECEIVE_BROADCAST;
    let usual = match model {
        Model::Rtl8139Plus | Model::Rtl8168 => RECEIVE_USUAL,
        Model::Rtl8125 => RECEIVE_USUAL_8125,
    };
    registers.write(RECEIVE_CONFIGURATION, usual | every_frame);
    registers.write_byte(LOCK, LOCK_CLOSED);
    interrupts::set_mask(registers, model, interrupts::usual_causes(model));
}

/// Makes an 8125 receive and send on one queue, with the descriptor layout of the other models, and interrupt without delay.
fn use_one_queue(registers: &impl NarrowRegisters) {
    registers.write_byte(CAUSES_LAYOUT_8125, 0);
    for delay in DELAYS_8125.step_by(4) {
        registers.write(delay, 0);
    }
    registers.write(SPREAD_8125, 0);
    registers.write_half(QUEUES_8125, 0);
    let layout = INNER_LAYOUT << INNER_REGISTER_SHIFT;
    registers.write(INNER, layout);
    let value = registers.read(INNER) as u16 & !INNER_LAYOUT_NEW;
    registers.write(INNER, INNER_WRITE | layout | u32::from(value));
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
        Model::Rtl8125 => match registers.read_half(PHY) {
            phy if phy & u16::from(PHY_LINK_UP) == 0 => None,
            phy if phy & PHY_2500 != 0 => Some(2500),
            phy if phy & u16::from(PHY_10) != 0 => Some(10),
            phy if phy & u16::from(PHY_100) != 0 => Some(100),
            _ => Some(1000),
        },
    };
    speed.map_or(Link::Down, |megabits_per_second| Link::Up {
        megabits_per_second,
    })
}
