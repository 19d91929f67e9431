//! The legacy layout of descriptors, which all models have (\[SDM\] 3.2.3 and 3.3.3).
//!
//! ```text
//! receive   0 address: u64   8 length: u16   10 checksum: u16   12 status: u8   13 errors: u8   14 tag: u16
//! send      0 address: u64   8 length: u16   10 offset: u8   11 command: u8   12 status: u8   13 start: u8   14 tag: u16
//! ```

use nic::ring::Words;
use nic::{Completed, DmaAddress, Layout};

const STATUS: u32 = 32;
const ERRORS: u32 = 40;
const COMMAND: u32 = 24;

/// The card is done with the descriptor.
const DONE: u64 = 1 << STATUS;
/// The frame ends in this buffer.
const END: u64 = 1 << (STATUS + 1);
/// The errors of the frame itself: checksum, symbol, sequence, carrier extension, data. The other bits are errors of the
/// protocols in the frame.
const FRAME_ERRORS: u64 = 0b1001_0111 << ERRORS;

const COMMAND_END: u64 = 1 << COMMAND;
const COMMAND_ADD_CHECKSUM: u64 = 1 << (COMMAND + 1);
/// The card marks the descriptor when it is done.
const COMMAND_REPORT: u64 = 1 << (COMMAND + 3);

/// The layout.
#[derive(Debug)]
pub struct Legacy;

impl Layout for Legacy {
    const MARK: usize = 1;

    fn receive(buffer: DmaAddress) -> Words {
        [buffer.get(), 0]
    }

    fn received([_, word]: Words) -> Option<Completed> {
        (word & DONE != 0).then_some(Completed {
            bytes: usize::from(word as u16),
            is_intact: word & END != 0 && word & FRAME_ERRORS == 0,
        })
    }

    fn send(buffer: DmaAddress, bytes: usize) -> Words {
        let command = COMMAND_END | COMMAND_ADD_CHECKSUM | COMMAND_REPORT;
        [buffer.get(), bytes as u64 | command]
    }

    fn is_sent([_, word]: Words) -> bool {
        word & DONE != 0
    }
}

/// The family's shape, for tests.
#[cfg(test)]
pub const SHAPE: nic::intel::fake::Shape = {
    use nic::intel::fake::{Ending, Shape};

    Shape {
        offsets: crate::registers::OFFSETS,
        registers_bytes: crate::registers::REGISTERS_BYTES,
        phy: 1,
        ring_enable: None,
        received: |bytes, ending| {
            let status = match ending {
                Ending::Intact => END,
                Ending::Damaged => END | 1 << ERRORS,
                Ending::Missing => 0,
            };
            DONE | status | bytes as u64
        },
        sent: DONE,
        report: COMMAND_REPORT,
    }
};
