//! The assignment of free slots to the capabilities of the next received message.

use abi::message::CAPABILITIES_MAX;
use abi::register::Slot;
use abi::{Error, MessageBuffer};

use crate::{buffer, slots};

/// Assigns free slots for up to this many capabilities of the next received message.
pub(crate) fn arm(count: usize) -> Result<(), Error> {
    for index in 0..count.min(CAPABILITIES_MAX) {
        let armed = buffer::with(|buffer| buffer.receive[index]).ok_or(Error::BufferAbsent)?;
        if armed == Slot::NONE.0 {
            let slot = slots::take()?;
            buffer::with(|buffer| buffer.receive[index] = slot.0);
        }
    }
    Ok(())
}

/// As [`arm`], in another thread's buffer.
pub(crate) fn arm_in(buffer: &mut MessageBuffer, count: usize) -> Result<(), Error> {
    for receive in buffer.receive.iter_mut().take(count) {
        if *receive == Slot::NONE.0 {
            *receive = slots::take()?.0;
        }
    }
    Ok(())
}

/// Frees the assigned slots that no capability was received into.
pub(crate) fn disarm() {
    for index in 0..CAPABILITIES_MAX {
        let slot =
            buffer::with(|buffer| core::mem::replace(&mut buffer.receive[index], Slot::NONE.0));
        if let Some(slot) = slot
            && slot != Slot::NONE.0
        {
            slots::give_back(Slot(slot));
        }
    }
}
