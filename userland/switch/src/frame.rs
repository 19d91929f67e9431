//! An Ethernet header: who shall receive the frame, who sends it.

use runtime::port::FRAME_BYTES_MIN;
use runtime::protocol::Mac;

/// Where the sender's address begins.
pub const SOURCE_OFFSET: usize = 6;
/// Where the kind of content is said.
pub const KIND_OFFSET: usize = 12;

/// The two addresses of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Who shall receive it.
    pub destination: Mac,
    /// Who sends it.
    pub source: Mac,
}

impl Header {
    /// Reads a frame's header; nothing if the frame is too short for one.
    pub fn of(frame: &[u8]) -> Option<Header> {
        let header: &[u8; FRAME_BYTES_MIN] = frame.first_chunk()?;
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, ..] = *header;
        Some(Header {
            destination: Mac([d0, d1, d2, d3, d4, d5]),
            source: Mac([s0, s1, s2, s3, s4, s5]),
        })
    }
}
