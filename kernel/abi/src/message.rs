//! The messages of `call`, `send`, `receive` and `reply`.
//!
//! A message is up to [`WORDS_MAX`] words and [`CAPABILITIES_MAX`] capabilities. The first [`REGISTER_WORDS`] words travel
//! in registers (RDX R10 R8 R9). The other words, and the capabilities' slots, travel in the thread's [`MessageBuffer`]: one
//! page of the domain's memory that the kernel reads and writes.

use crate::Error;

/// Words that travel in registers.
pub const REGISTER_WORDS: usize = 4;

/// The largest number of words in a message.
pub const WORDS_MAX: usize = 64;

/// The largest number of capabilities in a message.
pub const CAPABILITIES_MAX: usize = 4;

/// Bytes of a [`MessageBuffer`] for data other than messages: thread states and records.
pub const DATA_BYTES: usize = 2048;

/// A message's shape: the numbers of words and capabilities, and for a receiver also the kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(transparent)]
pub struct MessageInfo(u64);

const CAPABILITIES_SHIFT: u64 = 8;
const NOTIFIED: u64 = 1 << 63;
const FAULT: u64 = 1 << 62;

impl MessageInfo {
    /// An empty message.
    pub const EMPTY: MessageInfo = MessageInfo(0);

    /// The shape of a message of this many words and no capabilities.
    ///
    /// # Errors
    /// [`Error::MessageSize`] beyond [`WORDS_MAX`].
    pub const fn words_only(words: usize) -> Result<MessageInfo, Error> {
        MessageInfo::try_new(words, 0)
    }

    /// The shape of a message of this many words and capabilities.
    ///
    /// # Errors
    /// [`Error::MessageSize`] beyond [`WORDS_MAX`] or [`CAPABILITIES_MAX`].
    pub const fn try_new(words: usize, capabilities: usize) -> Result<MessageInfo, Error> {
        if words > WORDS_MAX || capabilities > CAPABILITIES_MAX {
            return Err(Error::MessageSize);
        }
        Ok(MessageInfo(
            words as u64 | (capabilities as u64) << CAPABILITIES_SHIFT,
        ))
    }

    /// Checks a register that a sender filled.
    ///
    /// # Errors
    /// [`Error::MessageSize`] if the counts are too large or another bit is set.
    pub fn try_from_bits(bits: u64) -> Result<MessageInfo, Error> {
        let info = MessageInfo(bits);
        if info.words() > WORDS_MAX || info.capabilities() > CAPABILITIES_MAX || bits >> 16 != 0 {
            return Err(Error::MessageSize);
        }
        Ok(info)
    }

    /// The shape that a receiver finds in its register, written by the kernel.
    pub const fn from_kernel(bits: u64) -> MessageInfo {
        MessageInfo(bits)
    }

    /// The shape that a receiver gets when its bound notification was signalled. There is no message, and the flags replace
    /// the badge.
    pub const fn notified() -> MessageInfo {
        MessageInfo(NOTIFIED)
    }

    /// This shape, with the bit that marks the kernel's message about a fault.
    pub const fn as_fault(self) -> MessageInfo {
        MessageInfo(self.0 | FAULT)
    }

    /// The value in the register.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The number of words.
    pub const fn words(self) -> usize {
        (self.0 & 0xff) as usize
    }

    /// The number of capabilities.
    pub const fn capabilities(self) -> usize {
        (self.0 >> CAPABILITIES_SHIFT & 0xff) as usize
    }

    /// Whether the receiver's bound notification was signalled. Then there is no message, and the badge register holds the flags.
    pub const fn is_notification(self) -> bool {
        self.0 & NOTIFIED != 0
    }

    /// Whether the kernel sent it about a fault (see [`crate::fault`]).
    pub const fn is_fault(self) -> bool {
        self.0 & FAULT != 0
    }
}

/// A thread's message buffer: one page, aligned to a page, in a Memory of its domain.
#[derive(Clone, Debug)]
#[repr(C, align(4096))]
pub struct MessageBuffer {
    /// The words; the first [`REGISTER_WORDS`] are unused, since they travel in registers.
    pub words: [u64; WORDS_MAX],
    /// Slots of the capabilities to send, each of which is copied.
    pub send: [u32; CAPABILITIES_MAX],
    /// Free slots for received capabilities. After a capability has arrived in one, the thread must write the number of another
    /// free slot here before it receives again.
    pub receive: [u32; CAPABILITIES_MAX],
    /// Unused.
    pub reserved: [u64; 188],
    /// Thread states and records of the calls that use it.
    pub data: [u8; DATA_BYTES],
}

/// The offset of [`MessageBuffer::send`].
pub const SEND_OFFSET: u64 = 512;
/// The offset of [`MessageBuffer::receive`].
pub const RECEIVE_OFFSET: u64 = 528;
/// The offset of [`MessageBuffer::data`].
pub const DATA_OFFSET: u64 = 2048;

const _: () = {
    assert!(size_of::<MessageBuffer>() == 4096);
    assert!(core::mem::offset_of!(MessageBuffer, send) as u64 == SEND_OFFSET);
    assert!(core::mem::offset_of!(MessageBuffer, receive) as u64 == RECEIVE_OFFSET);
    assert!(core::mem::offset_of!(MessageBuffer, data) as u64 == DATA_OFFSET);
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_message_that_is_too_long() {
        assert_eq!(
            MessageInfo::words_only(WORDS_MAX + 1),
            Err(Error::MessageSize)
        );
        assert_eq!(MessageInfo::try_from_bits(0x0501), Err(Error::MessageSize));
    }

    #[test]
    fn a_sender_cannot_claim_to_be_the_kernel() {
        let fault = MessageInfo::EMPTY.as_fault().bits();
        assert_eq!(MessageInfo::try_from_bits(fault), Err(Error::MessageSize));
    }
}
