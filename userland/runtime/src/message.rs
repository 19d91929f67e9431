//! Messages: up to 64 words and four capabilities.
//!
//! A [`Message`] is a value, written by chaining and read with a [`Reader`]. The first words are passed in
//! registers, the others in the thread's message buffer; only [`Message::post`] and [`Incoming::collect`] depend
//! on that. Sending a message that is too long is an error.

use abi::calls::Received;
use abi::message::{CAPABILITIES_MAX, REGISTER_WORDS, WORDS_MAX};
use abi::register::Slot;
use abi::{Error, MessageBuffer, MessageInfo};

use crate::capability::{Any, Cap, Kind};
use crate::{buffer, slots};

/// A message of words and capabilities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    words: heapless::Vec<u64, WORDS_MAX>,
    capabilities: heapless::Vec<Slot, CAPABILITIES_MAX>,
    too_long: bool,
}

/// A received message or answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// The badge of the capability it was sent through; for a notification, the flags.
    pub badge: u64,
    /// Its size and kind.
    pub info: MessageInfo,
    /// Its words and capabilities.
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
        Reader {
            words: &self.words,
            capabilities: &self.capabilities,
        }
    }

    /// Deletes the received capabilities and frees their slots.
    pub fn discard_capabilities(&mut self) {
        for slot in self.capabilities.iter() {
            Cap::<Any>::from_slot(*slot).forget();
        }
        self.capabilities.clear();
    }

    /// Its size.
    fn info(&self) -> Result<MessageInfo, Error> {
        if self.too_long {
            return Err(Error::MessageSize);
        }
        MessageInfo::try_new(self.words.len(), self.capabilities.len())
    }

    /// Writes it for the kernel: returns the size and the words for the registers, and puts the rest into the buffer.
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
        let long = received.info.words() > REGISTER_WORDS || received.info.capabilities() > 0;
        let message = if long && !received.info.is_notification() {
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
        let slot = buffer::with(|buffer| core::mem::replace(&mut buffer.receive[index], u32::MAX));
        if let Some(slot) = slot
            && slot != Slot::NONE.0
        {
            slots::give_back(Slot(slot));
        }
    }
}

/// Reads a message value by value. A missing or malformed value is [`Error::MessageSize`].
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    words: &'a [u64],
    capabilities: &'a [Slot],
}

impl Reader<'_> {
    /// The next word.
    ///
    /// # Errors
    /// [`Error::MessageSize`] at the end.
    pub fn word(&mut self) -> Result<u64, Error> {
        let (first, rest) = self.words.split_first().ok_or(Error::MessageSize)?;
        self.words = rest;
        Ok(*first)
    }

    /// The next bytes, at most `N` of them.
    ///
    /// # Errors
    /// [`Error::MessageSize`] if there are more, or the message is truncated.
    pub fn bytes<const N: usize>(&mut self) -> Result<heapless::Vec<u8, N>, Error> {
        let count = usize::try_from(self.word()?).map_err(|_| Error::MessageSize)?;
        if count > N {
            return Err(Error::MessageSize);
        }
        let mut bytes = heapless::Vec::new();
        while bytes.len() < count {
            let word = self.word()?.to_le_bytes();
            let wanted = (count - bytes.len()).min(8);
            bytes
                .extend_from_slice(&word[..wanted])
                .map_err(|_| Error::MessageSize)?;
        }
        Ok(bytes)
    }

    /// The next string, at most `N` bytes.
    ///
    /// # Errors
    /// [`Error::MessageSize`] as for [`Reader::bytes`]; [`Error::ArgumentRange`] if it is not UTF-8.
    pub fn text<const N: usize>(&mut self) -> Result<heapless::String<N>, Error> {
        heapless::String::from_utf8(self.bytes()?).map_err(|_| Error::ArgumentRange)
    }

    /// The next capability, checked to be of this kind: a sender may send anything.
    ///
    /// # Errors
    /// [`Error::MessageSize`] at the end; [`Error::WrongKind`].
    pub fn capability<T: Kind>(&mut self) -> Result<Cap<T>, Error> {
        let (first, rest) = self.capabilities.split_first().ok_or(Error::MessageSize)?;
        self.capabilities = rest;
        Cap::<Any>::from_slot(*first).of_kind()
    }

    /// Whether every word was read.
    pub fn is_at_end(&self) -> bool {
        self.words.is_empty()
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
    fn words_beyond_the_registers_travel_in_the_buffer() {
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
    fn texts_and_words_come_back_in_order() {
        let (arrived, _) = carry(&Message::of(&[7]).text("a port of the switch").word(8));
        let mut reader = arrived.reader();
        assert_eq!(reader.word(), Ok(7));
        assert_eq!(reader.text::<24>().unwrap(), "a port of the switch");
        assert_eq!(reader.word(), Ok(8));
        assert!(reader.is_at_end());
        assert_eq!(reader.word(), Err(Error::MessageSize));
    }

    #[test]
    fn rejects_a_wrong_length() {
        let too_many = Message::of(&[9, 0]);
        assert_eq!(too_many.reader().bytes::<16>(), Err(Error::MessageSize));
        let too_long = Message::of(&[u64::MAX, 0]);
        assert_eq!(too_long.reader().bytes::<16>(), Err(Error::MessageSize));
        let no_text = Message::new().bytes(&[0xff]);
        assert_eq!(no_text.reader().text::<16>(), Err(Error::ArgumentRange));
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
