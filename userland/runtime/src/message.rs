//! Messages: up to 64 words and four capabilities.
//!
//! A [`Message`] is a value, written by chaining and read with a [`Reader`]. The first words are passed in
//! registers, the others in the thread's message buffer; only [`Message::post`],
//! [`Incoming::collect`] and [`Incoming::collect_from`] depend on that. Sending a message that is too long is an error.

mod assignment;
mod reader;

use abi::calls::Received;
use abi::message::{CAPABILITIES_MAX, REGISTER_WORDS, WORDS_MAX};
use abi::register::Slot;
use abi::{Error, MessageBuffer, MessageInfo};

use crate::buffer;
use crate::capability::{Any, Cap, Kind};

pub(crate) use assignment::{arm, arm_in, disarm};
pub use reader::Reader;

/// A message of words and capabilities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    words: heapless::Vec<u64, WORDS_MAX>,
    capabilities: heapless::Vec<Slot, CAPABILITIES_MAX>,
    too_long: bool,
}

/// A received message or reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// The badge of the capability that the message was sent through; for a notification, the flags.
    pub badge: u64,
    /// The message's size and kind.
    pub info: MessageInfo,
    /// The words and capabilities.
    pub message: Message,
}

impl Message {
    /// Creates an empty message.
    pub const fn new() -> Message {
        Message {
            words: heapless::Vec::new(),
            capabilities: heapless::Vec::new(),
            too_long: false,
        }
    }

    /// Creates a message of these words.
    pub fn of(words: &[u64]) -> Message {
        words
            .iter()
            .fold(Message::new(), |message, word| message.word(*word))
    }

    /// Adds a word.
    #[must_use]
    pub fn word(mut self, word: u64) -> Message {
        self.too_long |= self.words.push(word).is_err();
        self
    }

    /// Adds bytes: a word with their number, then eight bytes per word.
    #[must_use]
    pub fn bytes(self, bytes: &[u8]) -> Message {
        bytes
            .chunks(8)
            .fold(self.word(bytes.len() as u64), |message, chunk| {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                message.word(u64::from_le_bytes(word))
            })
    }

    /// Adds a string, as bytes.
    #[must_use]
    pub fn text(self, text: &str) -> Message {
        self.bytes(text.as_bytes())
    }

    /// Adds a copy of a capability.
    #[must_use]
    pub fn capability<T: Kind>(mut self, capability: Cap<T>) -> Message {
        self.too_long |= self.capabilities.push(capability.slot()).is_err();
        self
    }

    /// The words.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// The slots of the capabilities.
    pub fn capabilities(&self) -> &[Slot] {
        &self.capabilities
    }

    /// A reader at the beginning of the message.
    pub fn reader(&self) -> Reader<'_> {
        Reader::new(&self.words, &self.capabilities)
    }

    /// Deletes the received capabilities and frees their slots.
    pub fn discard_capabilities(&mut self) {
        for slot in self.capabilities.iter() {
            Cap::<Any>::from_slot(*slot).forget();
        }
        self.capabilities.clear();
    }

    /// The message's size.
    fn info(&self) -> Result<MessageInfo, Error> {
        if self.too_long {
            return Err(Error::MessageSize);
        }
        MessageInfo::try_new(self.words.len(), self.capabilities.len())
    }

    /// Prepares sending: returns the size and the words for the registers, and writes the rest to the message buffer.
    pub(crate) fn post(&self) -> Result<(MessageInfo, [u64; REGISTER_WORDS]), Error> {
        let info = self.info()?;
        if self.words.len() > REGISTER_WORDS || !self.capabilities.is_empty() {
            buffer::with(|buffer| self.write_to(buffer)).ok_or(Error::BufferAbsent)?;
        }
        let mut registers = [0; REGISTER_WORDS];
        let count = self.words.len().min(REGISTER_WORDS);
        registers[..count].copy_from_slice(&self.words[..count]);
        Ok((info, registers))
    }

    fn write_to(&self, buffer: &mut MessageBuffer) {
        let words = self.words.get(REGISTER_WORDS..).unwrap_or(&[]);
        buffer.words[REGISTER_WORDS..][..words.len()].copy_from_slice(words);
        for (sent, slot) in buffer.send.iter_mut().zip(&self.capabilities) {
            *sent = slot.0;
        }
    }

    fn read_from(received: &Received, buffer: Option<&mut MessageBuffer>) -> Message {
        let mut message = Message::new();
        let count = received.info.words().min(WORDS_MAX);
        let in_registers = count.min(REGISTER_WORDS);
        // Both fit: the counts are clamped to the capacities.
        let _ = message
            .words
            .extend_from_slice(&received.words[..in_registers]);
        if let Some(buffer) = buffer {
            let _ = message
                .words
                .extend_from_slice(&buffer.words[in_registers..count]);
            for receive in buffer.receive.iter_mut().take(received.info.capabilities()) {
                let _ = message.capabilities.push(Slot(*receive));
                *receive = Slot::NONE.0;
            }
        }
        message
    }
}

impl Incoming {
    /// Reads the message that a system call received.
    pub(crate) fn collect(received: Received) -> Incoming {
        let is_long = received.info.words() > REGISTER_WORDS || received.info.capabilities() > 0;
        let message = if is_long && !received.info.is_notification() {
            buffer::with(|buffer| Message::read_from(&received, Some(buffer)))
        } else {
            None
        };
        Incoming {
            badge: received.badge,
            info: received.info,
            message: message.unwrap_or_else(|| Message::read_from(&received, None)),
        }
    }

    /// Reads the message that another thread's system call received, with that thread's message buffer.
    pub(crate) fn collect_from(received: Received, buffer: &mut MessageBuffer) -> Incoming {
        Incoming {
            badge: received.badge,
            info: received.info,
            message: Message::read_from(&received, Some(buffer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::Endpoint;
    use abi::message::DATA_BYTES;

    fn empty_buffer() -> MessageBuffer {
        MessageBuffer {
            words: [0; WORDS_MAX],
            send: [0; CAPABILITIES_MAX],
            receive: [70, 71, 72, 73],
            reserved: [0; 188],
            data: [0; DATA_BYTES],
        }
    }

    /// Transfers a message as the kernel does.
    fn carry(message: &Message) -> (Message, MessageBuffer) {
        let mut buffer = empty_buffer();
        message.write_to(&mut buffer);
        let mut words = [0; REGISTER_WORDS];
        for (register, word) in words.iter_mut().zip(message.words()) {
            *register = *word;
        }
        let received = Received {
            badge: 5,
            info: message.info().unwrap(),
            words,
        };
        let message = Message::read_from(&received, Some(&mut buffer));
        (message, buffer)
    }

    #[test]
    fn words_beyond_the_registers_are_passed_in_the_buffer() {
        for count in [0, 1, 4, 5, WORDS_MAX] {
            let words: std::vec::Vec<u64> = (1..=count as u64).collect();
            let (arrived, _) = carry(&Message::of(&words));
            assert_eq!(arrived.words(), words);
        }
    }

    #[test]
    fn a_capability_arrives_in_the_assigned_slot_which_is_then_used_up() {
        let sent = Message::new().capability(Cap::<Endpoint>::from_slot(Slot(9)));
        let (arrived, buffer) = carry(&sent);
        assert_eq!(buffer.send[0], 9);
        assert_eq!(arrived.capabilities(), [Slot(70)]);
        assert_eq!(buffer.receive, [Slot::NONE.0, 71, 72, 73]);
    }

    #[test]
    fn a_message_that_is_too_long_is_not_sent() {
        let long = Message::new().bytes(&[1; 8 * WORDS_MAX]);
        assert_eq!(long.post(), Err(Error::MessageSize));
        let many = (0..5).fold(Message::new(), |message, slot| {
            message.capability(Cap::<Endpoint>::from_slot(Slot(slot)))
        });
        assert_eq!(many.post(), Err(Error::MessageSize));
    }
}
