//! A datagram of the channel.
//!
//! ```text
//!   0      1                5                 13
//!   +------+----------------+-----------------+-------------------+
//!   | kind | index      u32 | number      u64 | body              |      little-endian
//!   +------+----------------+-----------------+-------------------+
//!   0xc1   sender's           a ticket          first message of the handshake, and its tag
//!   0xc2   receiver's         sender's          second message
//!   0xc3   receiver's         nonce             an encrypted message
//!   0xc4   receiver's         a ticket          a tag
//!   0xc5   sender's           drawn at random   zeros, and a tag
//!   0xc6   receiver's         the same          a machine's name and address, and a tag
//!   0xc7   0                  a count           a hello, and a tag
//! ```

use alloc::vec::Vec;

/// Bytes before the body.
pub const PACKET_HEAD_BYTES: usize = 13;

/// The type of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Begins a handshake.
    Initiation = 0xc1,
    /// Completes a handshake.
    Response = 0xc2,
    /// Carries a message.
    Data = 0xc3,
    /// Carries the ticket that an Initiation needs.
    Retry = 0xc4,
    /// An operator asks for the name of the machine that receives it.
    Find = 0xc5,
    /// Carries the name of the machine that sends it.
    Found = 0xc6,
    /// A machine's hello to all others.
    Hello = 0xc7,
}

/// A datagram, parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The type of the datagram.
    pub kind: Kind,
    /// Identifies a session or handshake: see the diagram above.
    pub index: u32,
    /// A ticket, the sender's index or a nonce, by [`Kind`].
    pub number: u64,
    /// The bytes after the head.
    pub body: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Serialises the datagram.
    pub fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(PACKET_HEAD_BYTES + self.body.len());
        bytes.extend(head(self.kind, self.index, self.number));
        bytes.extend_from_slice(self.body);
        bytes
    }

    /// Parses a datagram; `None` if it is too short or of an unknown kind.
    pub fn from_bytes(bytes: &'a [u8]) -> Option<Packet<'a>> {
        let (head, body) = bytes.split_first_chunk::<PACKET_HEAD_BYTES>()?;
        let [kind, i0, i1, i2, i3, number @ ..] = *head;
        let kinds = [
            Kind::Initiation,
            Kind::Response,
            Kind::Data,
            Kind::Retry,
            Kind::Find,
            Kind::Found,
            Kind::Hello,
        ];
        let kind = kinds.into_iter().find(|known| *known as u8 == kind)?;
        Some(Packet {
            kind,
            index: u32::from_le_bytes([i0, i1, i2, i3]),
            number: u64::from_le_bytes(number),
            body,
        })
    }
}

/// Whether a datagram begins a handshake.
pub fn is_initiation(datagram: &[u8]) -> bool {
    datagram.first() == Some(&(Kind::Initiation as u8))
}

/// Whether a datagram carries a message.
pub fn is_data(datagram: &[u8]) -> bool {
    datagram.first() == Some(&(Kind::Data as u8))
}

/// The bytes before the body.
pub(crate) fn head(kind: Kind, index: u32, number: u64) -> [u8; PACKET_HEAD_BYTES] {
    let mut head = [kind as u8; PACKET_HEAD_BYTES];
    head[1..5].copy_from_slice(&index.to_le_bytes());
    head[5..].copy_from_slice(&number.to_le_bytes());
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_a_round_trip() {
        let packet = Packet {
            kind: Kind::Response,
            index: 7,
            number: 1 << 40,
            body: b"body",
        };
        let bytes = packet.to_bytes();
        assert_eq!(Packet::from_bytes(&bytes), Some(packet));
        assert!(!bytes[0].is_ascii());
    }

    #[test]
    fn refuses_short_datagrams_and_unknown_kinds() {
        assert_eq!(Packet::from_bytes(&[0xc1; 12]), None);
        assert_eq!(Packet::from_bytes(&[0xcf; 40]), None);
        assert_eq!(Packet::from_bytes(b"list of domains"), None);
    }
}
