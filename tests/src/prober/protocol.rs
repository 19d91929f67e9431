//! The probed protocol: a request selects a page of the domain's heap, and the reply proves its contents.
//!
//! ```text
//! request   sequence | client time                                                       (little-endian u64s)
//! reply     sequence | client time | counter | checksum | pages dirtied | flags
//! ```
//!
//! The content of the domain's heap is known: word `i` is `splitmix64(i)`. The domain keeps dirtying the first pages, the
//! working set: it writes a number to one end of a page, and the inverted number to the other. A page whose ends disagree is
//! torn (flag 1). The rest of the heap never changes. A reply has the wrapping sum of one page of that rest; the sequence
//! number selects the page. Every reply, over either transport, increments `counter`.

use crate::splitmix::splitmix64;

/// The port of the service, for UDP and TCP.
pub const PORT: u16 = 7000;
/// A request's size.
pub const REQUEST_BYTES: usize = 16;
/// A reply's size.
pub const REPLY_BYTES: usize = 48;
/// The flag of a torn page.
pub const FLAG_TORN_PAGE: u64 = 1;

const WORDS_PER_PAGE: u64 = 512;
const PAGES_PER_MIB: u64 = 256;

/// A client's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Counts the requests of one transport, from 0.
    pub sequence: u64,
    /// The client's clock, which the reply echoes.
    pub client_time: u64,
}

/// The domain's reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The request's sequence number.
    pub sequence: u64,
    /// The request's time.
    pub client_time: u64,
    /// The number of replies that the domain has sent, this one included.
    pub counter: u64,
    /// The sum of the page that the sequence number selects.
    pub checksum: u64,
    /// The number of pages that the domain has dirtied.
    pub pages_dirtied: u64,
    /// Errors that the domain itself has found.
    pub flags: u64,
}

impl Request {
    /// The request's bytes.
    pub fn encode(self) -> [u8; REQUEST_BYTES] {
        let mut bytes = [0; REQUEST_BYTES];
        bytes[..8].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[8..].copy_from_slice(&self.client_time.to_le_bytes());
        bytes
    }

    /// The request in `bytes`.
    pub fn decode(bytes: &[u8; REQUEST_BYTES]) -> Self {
        let [sequence, client_time] = words(bytes);
        Self {
            sequence,
            client_time,
        }
    }
}

impl Reply {
    /// The reply's bytes.
    pub fn encode(self) -> [u8; REPLY_BYTES] {
        let words = [
            self.sequence,
            self.client_time,
            self.counter,
            self.checksum,
            self.pages_dirtied,
            self.flags,
        ];
        let mut bytes = [0; REPLY_BYTES];
        for (field, word) in bytes.chunks_exact_mut(8).zip(words) {
            field.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// The reply in `bytes`.
    pub fn decode(bytes: &[u8; REPLY_BYTES]) -> Self {
        let [
            sequence,
            client_time,
            counter,
            checksum,
            pages_dirtied,
            flags,
        ] = words(bytes);
        Self {
            sequence,
            client_time,
            counter,
            checksum,
            pages_dirtied,
            flags,
        }
    }
}

/// The first `N` little-endian words of `bytes`.
fn words<const N: usize>(bytes: &[u8]) -> [u64; N] {
    std::array::from_fn(|index| {
        u64::from_le_bytes(
            bytes[index * 8..index * 8 + 8]
                .try_into()
                .expect("eight bytes"),
        )
    })
}

/// The shape of the domain's heap, which determines its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heap {
    /// Its size.
    pub mib: u64,
    /// The size of the working set at its start; smaller than the heap.
    pub working_mib: u64,
}

impl Heap {
    /// The read-only page that a reply to `sequence` sums, counted from the first read-only page.
    pub fn probed_page(self, sequence: u64) -> u64 {
        sequence.wrapping_mul(2_654_435_761) % ((self.mib - self.working_mib) * PAGES_PER_MIB)
    }

    /// The sum of that page's words.
    pub fn checksum(self, probed_page: u64) -> u64 {
        let first = (self.working_mib * PAGES_PER_MIB + probed_page) * WORDS_PER_PAGE;
        (first..first + WORDS_PER_PAGE)
            .map(splitmix64)
            .fold(0, u64::wrapping_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lays_words_out_little_endian() {
        let request = Request {
            sequence: 1,
            client_time: 0x0203,
        };
        assert_eq!(
            request.encode(),
            [1, 0, 0, 0, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 0, 0]
        );
        assert_eq!(Request::decode(&request.encode()), request);
        let reply = Reply {
            sequence: 1,
            client_time: 2,
            counter: 3,
            checksum: 4,
            pages_dirtied: 5,
            flags: 6,
        };
        assert_eq!(reply.encode()[40..], [6, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(Reply::decode(&reply.encode()), reply);
    }

    #[test]
    fn probes_only_pages_that_are_never_written() {
        let heap = Heap {
            mib: 2,
            working_mib: 1,
        };
        assert!((0..10_000).all(|sequence| heap.probed_page(sequence) < 256));
        assert_eq!(heap.probed_page(0), 0);
        assert_eq!(heap.probed_page(3), 3 * 2_654_435_761 % 256);
    }
}
