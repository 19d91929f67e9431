//! Requests and replies as bytes: little-endian words.
//!
//! ```text
//! request  16 bytes  sequence, client's time
//! reply    48 bytes  sequence, client's time, counter, checksum, pages dirtied, flags
//! ```

/// Bytes of a request.
pub const REQUEST_BYTES: usize = 16;

/// Bytes of a reply.
pub const REPLY_BYTES: usize = 48;

/// The flag for a damaged heap.
pub const DAMAGED: u64 = 1;

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The number that the client gave the request.
    pub sequence: u64,
    /// The time at which the request was sent, by the client's own clock.
    pub client_time: u64,
}

/// A reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The request.
    pub request: Request,
    /// The counter, which every reply increments.
    pub counter: u64,
    /// The checksum of a read-only page.
    pub checksum: u64,
    /// The number of dirtyings so far.
    pub pages_dirtied: u64,
    /// [`DAMAGED`] or zero.
    pub flags: u64,
}

impl Request {
    /// Decodes a request.
    pub fn from_bytes(bytes: &[u8; REQUEST_BYTES]) -> Request {
        let words = bytes.as_chunks().0;
        Request {
            sequence: u64::from_le_bytes(words[0]),
            client_time: u64::from_le_bytes(words[1]),
        }
    }
}

impl Reply {
    /// Encodes the reply.
    pub fn to_bytes(self) -> [u8; REPLY_BYTES] {
        let words = [
            self.request.sequence,
            self.request.client_time,
            self.counter,
            self.checksum,
            self.pages_dirtied,
            self.flags,
        ];
        let mut bytes = [0; REPLY_BYTES];
        for (chunk, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
            *chunk = word.to_le_bytes();
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_little_endian_and_in_order() {
        let bytes = [1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0];
        let request = Request::from_bytes(&bytes);
        assert_eq!((request.sequence, request.client_time), (1, 0x200));
        let reply = Reply {
            request,
            counter: 3,
            checksum: 4,
            pages_dirtied: 5,
            flags: DAMAGED,
        };
        let bytes = reply.to_bytes();
        assert_eq!(
            bytes.map(usize::from).iter().sum::<usize>(),
            1 + 2 + 3 + 4 + 5 + 1
        );
        assert_eq!([bytes[0], bytes[9], bytes[16], bytes[24]], [1, 2, 3, 4]);
        assert_eq!([bytes[32], bytes[40]], [5, 1]);
    }
}
