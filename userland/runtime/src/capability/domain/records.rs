//! Lists about a domain: [`Records`].

use abi::Error;
use abi::calls::DomainDescribe;
use abi::message::DATA_BYTES;
use abi::record::{CURSOR_END, List, RECORD_WORDS, RECORDS_MAX, RecordWords};

use crate::buffer;
use crate::capability::{Cap, Domain};
use crate::system_call::invoke;

/// Consecutive records of a list about a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records {
    /// The records; [`abi::record`] decodes them.
    pub records: heapless::Vec<RecordWords, RECORDS_MAX>,
    /// The cursor of the next record; `None` at the end.
    pub next: Option<u64>,
    /// The domain's version.
    pub version: u64,
}

impl Cap<Domain> {
    /// Reads a list about the domain, from cursor zero or [`Records::next`].
    ///
    /// # Errors
    /// The error of `DomainDescribe`.
    pub fn describe(self, list: List, cursor: u64) -> Result<Records, Error> {
        let (count, next, version) = invoke(DomainDescribe {
            domain: self.slot(),
            list,
            cursor,
        })?;
        let mut data = [0; DATA_BYTES];
        buffer::read_data(&mut data);
        Ok(Records {
            records: data
                .chunks_exact(RECORD_WORDS * 8)
                .take(count as usize)
                .map(record)
                .collect(),
            next: (next != CURSOR_END).then_some(next),
            version,
        })
    }
}

fn record(bytes: &[u8]) -> RecordWords {
    let mut words = [0; RECORD_WORDS];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(chunk);
        *word = u64::from_le_bytes(bytes);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_little_endian_words() {
        let mut bytes = [0; RECORD_WORDS * 8];
        bytes[0] = 1;
        bytes[57] = 2;
        assert_eq!(record(&bytes), [1, 0, 0, 0, 0, 0, 0, 0x200]);
    }
}
