//! The interrupt mask and causes. Their bits are the same on all models; an 8125 has them in wider registers at other offsets.

use nic::NarrowRegisters;

use crate::model::Model;
use crate::registers::*;

/// The causes for which the card interrupts. Except on an 8139, these include sent frames, since the card may miss a poll.
pub fn usual_causes(model: Model) -> u16 {
    let receiving = CAUSE_RECEIVED | CAUSE_RECEIVE_ERROR | CAUSE_NO_BUFFER | CAUSE_OVERFLOW;
    match model {
        Model::Rtl8139Plus => receiving | CAUSE_LINK,
        Model::Rtl8168 | Model::Rtl8125 => receiving | CAUSE_LINK | CAUSE_SENT,
    }
}

/// Lets the card interrupt for these causes only.
pub fn set_mask(registers: &impl NarrowRegisters, model: Model, causes: u16) {
    match model {
        Model::Rtl8125 => registers.write(MASK_8125, u32::from(causes)),
        Model::Rtl8139Plus | Model::Rtl8168 => registers.write_half(MASK, causes),
    }
}

/// Reads and clears the causes.
pub fn take_causes(registers: &impl NarrowRegisters, model: Model) -> u16 {
    match model {
        Model::Rtl8125 => {
            let causes = registers.read(CAUSES_8125);
            registers.write(CAUSES_8125, causes);
            causes as u16
        }
        Model::Rtl8139Plus | Model::Rtl8168 => {
            let causes = registers.read_half(CAUSES);
            registers.write_half(CAUSES, causes);
            causes
        }
    }
}
