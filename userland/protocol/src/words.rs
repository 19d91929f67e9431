//! Packing values into a message's words, and unpacking them with checks.

use abi::message::WORDS_MAX;

/// The reason a message was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It ends before its last value.
    Short,
    /// Its first word is not an operation.
    Operation(u64),
    /// A word is outside the range of its type.
    Value(u64),
    /// A name is not UTF-8, or empty.
    Name,
}

/// A message under construction. No message of these protocols is too long, so pushing cannot fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    words: [u64; WORDS_MAX],
    count: usize,
}

impl Words {
    /// A message that begins with its operation or its status.
    pub fn new(first: u64) -> Words {
        Words {
            words: [0; WORDS_MAX],
            count: 0,
        }
        .with(first)
    }

    /// The message with this word appended.
    ///
    /// # Panics
    /// Beyond [`WORDS_MAX`] words: a bug in the protocol.
    pub fn with(mut self, word: u64) -> Words {
        self.words[self.count] = word;
        self.count += 1;
        self
    }

    /// The message with these words appended.
    pub fn with_all<const N: usize>(self, words: [u64; N]) -> Words {
        words.into_iter().fold(self, Words::with)
    }

    /// The words.
    pub fn as_slice(&self) -> &[u64] {
        &self.words[..self.count]
    }
}

/// Reads a message word by word.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    words: &'a [u64],
}

impl<'a> Reader<'a> {
    /// Reads from the first of these words.
    pub fn new(words: &'a [u64]) -> Reader<'a> {
        Reader { words }
    }

    /// The next word.
    ///
    /// # Errors
    /// [`Malformed::Short`] at the end.
    pub fn word(&mut self) -> Result<u64, Malformed> {
        let (first, rest) = self.words.split_first().ok_or(Malformed::Short)?;
        self.words = rest;
        Ok(*first)
    }

    /// The next words.
    ///
    /// # Errors
    /// [`Malformed::Short`] at the end.
    pub fn array<const N: usize>(&mut self) -> Result<[u64; N], Malformed> {
        let (first, rest) = self
            .words
            .split_first_chunk::<N>()
            .ok_or(Malformed::Short)?;
        self.words = rest;
        Ok(*first)
    }

    /// The words not read yet.
    pub fn rest(&self) -> &'a [u64] {
        self.words
    }

    /// The next word as a narrower type.
    ///
    /// # Errors
    /// [`Malformed::Value`] if it does not fit.
    pub fn narrow<T: TryFrom<u64>>(&mut self) -> Result<T, Malformed> {
        let word = self.word()?;
        T::try_from(word).map_err(|_| Malformed::Value(word))
    }

    /// The next word as a boolean: 0 or 1.
    ///
    /// # Errors
    /// [`Malformed::Value`] if it is neither.
    pub fn flag(&mut self) -> Result<bool, Malformed> {
        match self.word()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Malformed::Value(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_pushed_words() {
        let words = Words::new(7).with(u64::MAX).with_all([1, 2]);
        let mut reader = Reader::new(words.as_slice());
        assert_eq!(reader.word(), Ok(7));
        assert_eq!(reader.narrow::<u8>(), Err(Malformed::Value(u64::MAX)));
        assert_eq!(reader.flag(), Ok(true));
        assert_eq!(reader.flag(), Err(Malformed::Value(2)));
        assert_eq!(reader.word(), Err(Malformed::Short));
    }

    #[test]
    fn rejects_a_truncated_array() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(reader.array::<2>(), Ok([1, 2]));
        assert_eq!(reader.array::<2>(), Err(Malformed::Short));
    }
}
