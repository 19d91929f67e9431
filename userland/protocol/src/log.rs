//! The `log` endpoint, which takes lines for the machine's journal.
//!
//! ```text
//! call:  word 0: the length in bytes    words 1..: the text, eight bytes per word, little-endian
//! reply: empty
//! ```
//!
//! A call carries one line, with or without its line ending.
//!
//! It is encoded by hand, since a line need not be UTF-8 and its stated length may be false: see
//! `docs/decisions/0008-where-crates-did-not-fit.md`.

use abi::message::WORDS_MAX;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Malformed;

/// The maximum number of bytes in one call: one line of the journal.
pub const TEXT_BYTES_MAX: usize = 56 * 8;

const _: () = assert!(TEXT_BYTES_MAX / 8 < WORDS_MAX);

/// The words of one call with up to [`TEXT_BYTES_MAX`] bytes of text, their number, and the rest of the text for the next call.
pub fn pack(text: &[u8]) -> ([u64; WORDS_MAX], usize, &[u8]) {
    let (now, rest) = text.split_at(text.len().min(TEXT_BYTES_MAX));
    let mut words = [0; WORDS_MAX];
    words[0] = now.len() as u64;
    for (word, chunk) in words[1..].iter_mut().zip(now.chunks(8)) {
        let mut bytes = [0; 8];
        bytes[..chunk.len()].copy_from_slice(chunk);
        *word = u64::from_le_bytes(bytes);
    }
    (words, 1 + now.len().div_ceil(8), rest)
}

/// The text in a call's words.
///
/// # Errors
/// [`Malformed`] if the length in the first word exceeds the limit or the text that follows.
pub fn unpack(words: &[u64]) -> Result<Text, Malformed> {
    let (count, words) = words.split_first().ok_or(Malformed)?;
    if *count > TEXT_BYTES_MAX as u64 {
        return Err(Malformed);
    }
    if words.len() * 8 < *count as usize {
        return Err(Malformed);
    }
    let mut text = Text {
        bytes: [0; TEXT_BYTES_MAX],
        count: *count as usize,
    };
    for (bytes, word) in text.bytes.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    Ok(text)
}

/// The text of one call.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    bytes: [u8; TEXT_BYTES_MAX],
    count: usize,
}

impl Text {
    /// Copies up to [`TEXT_BYTES_MAX`] of these bytes.
    pub fn of(text: &[u8]) -> Text {
        let count = text.len().min(TEXT_BYTES_MAX);
        let mut bytes = [0; TEXT_BYTES_MAX];
        bytes[..count].copy_from_slice(&text[..count]);
        Text { bytes, count }
    }

    /// The bytes, which need not be UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.count]
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.as_bytes())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        deserializer.deserialize_bytes(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "at most {TEXT_BYTES_MAX} bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Text, E> {
        if bytes.len() > TEXT_BYTES_MAX {
            return Err(E::invalid_length(bytes.len(), &self));
        }
        Ok(Text::of(bytes))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    #[test]
    fn a_long_text_arrives_in_several_calls() {
        let sent: Vec<u8> = (0..1000).map(|i| b'a' + (i % 26) as u8).collect();
        let (mut rest, mut received) = (&sent[..], Vec::new());
        while !rest.is_empty() {
            let (words, count, left) = pack(rest);
            received.extend_from_slice(unpack(&words[..count]).unwrap().as_bytes());
            rest = left;
        }
        assert_eq!(received, sent);
    }

    #[test]
    fn rejects_a_wrong_length() {
        assert_eq!(unpack(&[]).err(), Some(Malformed));
        assert_eq!(unpack(&[9, 0]).err(), Some(Malformed));
        assert_eq!(unpack(&[449]).err(), Some(Malformed));
        assert_eq!(unpack(&[8, 0]).unwrap().as_bytes(), [0; 8]);
    }
}
