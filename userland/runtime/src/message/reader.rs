//! Reads the values of a message in order: [`Reader`].

use abi::Error;
use abi::register::Slot;

use crate::capability::{Any, Cap, Kind};

/// Reads a message value by value. A value that is missing or too long is the error [`Error::MessageSize`].
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    words: &'a [u64],
    capabilities: &'a [Slot],
}

impl<'a> Reader<'a> {
    pub(super) fn new(words: &'a [u64], capabilities: &'a [Slot]) -> Reader<'a> {
        Reader {
            words,
            capabilities,
        }
    }

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

    /// The next capability. Its kind is checked, since a sender may send anything.
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
    use crate::message::Message;

    #[test]
    fn reads_texts_and_words_in_order() {
        let message = Message::of(&[7]).text("a port of the switch").word(8);
        let mut reader = message.reader();
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
}
