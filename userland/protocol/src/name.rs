//! The name of a domain or of a capability, encoded as three words.

use core::fmt;

use abi::start_page::NAME_BYTES;

use super::words::{Malformed, Reader};

/// The number of words of a name.
pub const NAME_WORDS: usize = NAME_BYTES / 8;

/// A name: 1 to [`NAME_BYTES`] bytes of UTF-8 without a zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name([u8; NAME_BYTES]);

impl Name {
    /// The name with this text, unless it is empty, too long or contains a zero.
    pub fn try_new(text: &str) -> Option<Name> {
        if text.is_empty() || text.len() > NAME_BYTES || text.contains('\0') {
            return None;
        }
        let mut bytes = [0; NAME_BYTES];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Some(Name(bytes))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0);
        core::str::from_utf8(&self.0[..end.unwrap_or(NAME_BYTES)]).unwrap_or_default()
    }

    /// The words.
    pub fn to_words(self) -> [u64; NAME_WORDS] {
        let mut words = [0; NAME_WORDS];
        for (word, bytes) in words.iter_mut().zip(self.0.chunks_exact(8)) {
            *word = bytes
                .iter()
                .rev()
                .fold(0, |word, byte| word << 8 | u64::from(*byte));
        }
        words
    }

    /// The words of a name; zeros for `None`.
    pub fn optional_to_words(name: Option<Name>) -> [u64; NAME_WORDS] {
        name.map_or([0; NAME_WORDS], Name::to_words)
    }

    /// Reads a name.
    ///
    /// # Errors
    /// [`Malformed::Short`]; [`Malformed::Name`] if the bytes are not a valid name.
    pub fn read(reader: &mut Reader) -> Result<Name, Malformed> {
        Name::from_words(reader.array()?)
    }

    /// Reads a name; zeros are `None`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_optional(reader: &mut Reader) -> Result<Option<Name>, Malformed> {
        let words = reader.array()?;
        let is_none = words == [0; NAME_WORDS];
        if is_none {
            Ok(None)
        } else {
            Name::from_words(words).map(Some)
        }
    }

    fn from_words(words: [u64; NAME_WORDS]) -> Result<Name, Malformed> {
        let mut bytes = [0; NAME_BYTES];
        for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        let end = bytes.iter().position(|byte| *byte == 0);
        let text = core::str::from_utf8(&bytes[..end.unwrap_or(NAME_BYTES)]).ok();
        text.and_then(Name::try_new).ok_or(Malformed::Name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: [u64; NAME_WORDS]) -> Result<Name, Malformed> {
        Name::read(&mut Reader::new(&words))
    }

    #[test]
    fn survives_a_message() {
        for text in ["c", "counter", "exactly-twenty-four-byte", "zähler"] {
            let name = Name::try_new(text).unwrap();
            assert_eq!(read(name.to_words()).unwrap().as_str(), text);
        }
    }

    #[test]
    fn an_absent_name_survives_a_message() {
        for name in [None, Name::try_new("a")] {
            let words = Name::optional_to_words(name);
            assert_eq!(Name::read_optional(&mut Reader::new(&words)), Ok(name));
        }
        let read = Name::read_optional(&mut Reader::new(&[0xff, 0, 0]));
        assert_eq!(read, Err(Malformed::Name));
    }

    #[test]
    fn rejects_invalid_names() {
        assert_eq!(Name::try_new(""), None);
        assert_eq!(Name::try_new("longer-than-twenty-four-b"), None);
        assert_eq!(Name::try_new("a\0b"), None);
        assert_eq!(read([0, 0, 0]), Err(Malformed::Name));
        assert_eq!(read([0xff, 0, 0]), Err(Malformed::Name));
    }
}
