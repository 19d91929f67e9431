//! The advanced layout of descriptors, with one buffer each (\[82576\] 7.1.5 and 7.2.2.3, \[igc\] `igc_base.h`).
//!
//! ```text
//! receive, lent       0 address: u64   8 header address: u64, unused
//!          completed  0 kind, hash     8 status: 20 bits, errors: 12 bits   12 length: u16   14 tag: u16
//! send, lent          0 address: u64   8 length: u16   10 kind: u8   11 command: u8   12 status: 4 bits   13 .. 18 bits payload
//!       completed     0 reserved       12 status: 4 bits
//! ```

use nic::ring::Words;
use nic::{Completed, DmaAddress, Layout};

const RECEIVED_DONE: u64 = 1 << 0;
/// The frame ends in this buffer.
const RECEIVED_END: u64 = 1 << 1;
/// The frame itself is damaged. The other bits are errors of the protocols in the frame.
const RECEIVED_ERROR: u64 = 1 << 31;
const RECEIVED_BYTES: u32 = 32;

const SEND_DATA: u64 = 0b11 << 20;
const SEND_END: u64 = 1 << 24;
const SEND_ADD_CHECKSUM: u64 = 1 << 25;
/// The card marks the descriptor when it is done.
const SEND_REPORT: u64 = 1 << 27;
const SEND_ADVANCED: u64 = 1 << 29;
const SEND_DONE: u64 = 1 << 32;
const SEND_PAYLOAD: u32 = 46;

/// The layout.
#[derive(Debug)]
pub struct Advanced;

impl Layout for Advanced {
    const MARK: usize = 1;

    fn receive(buffer: DmaAddress) -> Words {
        [buffer.get(), 0]
    }

    fn received([_, word]: Words) -> Option<Completed> {
        (word & RECEIVED_DONE != 0).then_some(Completed {
            bytes: usize::from((word >> RECEIVED_BYTES) as u16),
            is_intact: word & RECEIVED_END != 0 && word & RECEIVED_ERROR == 0,
        })
    }

    fn send(buffer: DmaAddress, bytes: usize) -> Words {
        let command = SEND_DATA | SEND_END | SEND_ADD_CHECKSUM | SEND_REPORT | SEND_ADVANCED;
        let bytes = bytes as u64;
        [buffer.get(), bytes | command | bytes << SEND_PAYLOAD]
    }

    fn is_sent([_, word]: Words) -> bool {
        word & SEND_DONE != 0
    }
}

/// The shape of a model, for tests.
#[cfg(test)]
pub fn shape(model: crate::model::Model) -> nic::intel::fake::Shape {
    use nic::intel::fake::{Ending, Shape};

    Shape {
        offsets: model.offsets(),
        registers_bytes: crate::registers::REGISTERS_BYTES,
        phy: model.phy(),
        ring_enable: Some(crate::registers::RING_CONTROL_ENABLE),
        received: |bytes, ending| {
            let status = match ending {
                Ending::Intact => RECEIVED_END,
                Ending::Damaged => RECEIVED_END | RECEIVED_ERROR,
                Ending::Missing => 0,
            };
            RECEIVED_DONE | status | (bytes as u64) << RECEIVED_BYTES
        },
        sent: SEND_DONE,
        report: SEND_DATA | SEND_END | SEND_REPORT | SEND_ADVANCED,
    }
}
