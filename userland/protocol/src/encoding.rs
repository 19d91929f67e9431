//! A value in a message's words: its postcard bytes, eight per word, little-endian, padded with zeros.

use abi::message::WORDS_MAX;
use serde::{Deserialize, Serialize};

/// The size of the longest message.
const BYTES_MAX: usize = WORDS_MAX * 8;

/// The words are not the encoding of a value of the expected type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message is malformed")]
pub struct Malformed;

/// An encoded value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    words: [u64; WORDS_MAX],
    count: usize,
}

impl Words {
    /// The words, as many as the value needs.
    pub fn as_slice(&self) -> &[u64] {
        &self.words[..self.count]
    }
}

/// Encodes a value.
///
/// # Panics
/// If the value does not fit in a message, which is an error in its protocol.
pub fn encode<T: Serialize>(value: &T) -> Words {
    let mut bytes = [0; BYTES_MAX];
    let used = postcard::to_slice(value, &mut bytes);
    let count = used.expect("the value fits in a message").len().div_ceil(8);
    let mut words = [0; WORDS_MAX];
    let (chunks, _) = bytes.as_chunks();
    for (word, chunk) in words.iter_mut().zip(chunks) {
        *word = u64::from_le_bytes(*chunk);
    }
    Words { words, count }
}

/// Decodes a value, which must fill the words except for the zeros that pad the last one.
///
/// # Errors
/// [`Malformed`] if it does not, or is not of this type.
pub fn decode<T: for<'a> Deserialize<'a>>(words: &[u64]) -> Result<T, Malformed> {
    let mut bytes = [0; BYTES_MAX];
    let used = bytes.get_mut(..words.len() * 8).ok_or(Malformed)?;
    let (chunks, _) = used.as_chunks_mut();
    for (chunk, word) in chunks.iter_mut().zip(words) {
        *chunk = word.to_le_bytes();
    }
    match postcard::take_from_bytes(used) {
        Ok((value, rest)) if rest.len() < 8 && rest.iter().all(|byte| *byte == 0) => Ok(value),
        Ok(_) | Err(_) => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_uses_as_many_words_as_its_bytes_need() {
        assert_eq!(encode(&()).as_slice(), []);
        assert_eq!(encode(&5_u8).as_slice(), [5]);
        let nine = [1_u8, 2, 3, 4, 5, 6, 7, 8, 9];
        let words = encode(&nine);
        assert_eq!(words.as_slice(), [0x0807_0605_0403_0201, 9]);
        assert_eq!(decode(words.as_slice()), Ok(nine));
    }

    #[test]
    fn rejects_missing_and_surplus_words() {
        assert_eq!(decode::<u8>(&[]), Err(Malformed));
        assert_eq!(decode::<u8>(&[5, 0]), Err(Malformed));
        assert_eq!(decode::<u8>(&[0x0105]), Err(Malformed));
        assert_eq!(decode::<u8>(&[0; WORDS_MAX + 1]), Err(Malformed));
    }
}
