//! The datagrams of a page stream, before encryption: [`Data`] and [`Ack`].
//!
//! ```text
//!   kind u8 | transaction u128 | offset u64 | number u32 | bytes        0xd1, or 0xd2: acknowledge at once
//!   kind u8 | transaction u128 | next u64   | end u32 | count u32 | { gap u32 | length u32 } ..       0xd3
//!                                                                                           little-endian
//! ```

use alloc::vec::Vec;
use core::ops::Range;

use nomad_protocol::TransactionId;

use crate::arrivals::Arrivals;

const DATA: u8 = 0xd1;
const URGENT_DATA: u8 = 0xd2;
const ACK: u8 = 0xd3;

/// Bytes of a datagram before those of the stream.
pub const HEAD_BYTES: usize = 1 + 16 + 8 + 4;
/// Bytes of an acknowledgement before its ranges.
const ACK_HEAD_BYTES: usize = 1 + 16 + 8 + 4 + 4;
/// Bytes per range of an acknowledgement.
const RANGE_BYTES: usize = 8;
/// The most ranges in an acknowledgement. With that many, it fits into a datagram of any path.
pub const RANGES_MAX: usize = 120;

/// Bytes of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data<'a> {
    /// The stream's transaction.
    pub transaction: TransactionId,
    /// The number of bytes before these in the stream.
    pub offset: u64,
    /// How many datagrams of the stream were sent before it. A datagram whose loss says nothing about the path shares its number
    /// with the next one.
    pub number: u32,
    /// Whether the receiver must acknowledge the datagram at once, because the sender waits for the acknowledgement.
    pub is_urgent: bool,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// The parts of a stream that have arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The stream's transaction.
    pub transaction: TransactionId,
    /// The offset of the first byte that is missing.
    pub next: u64,
    /// How many datagrams have arrived.
    pub arrivals: Arrivals,
    /// The bytes beyond `next` that have arrived, in rising order.
    pub received: Vec<Range<u64>>,
}

/// A datagram of a page stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Datagram<'a> {
    /// From the source of a move.
    Data(Data<'a>),
    /// From its destination.
    Ack(Ack),
}

impl Data<'_> {
    /// Appends the datagram's head. The stream's bytes are to follow.
    pub fn append_head(&self, out: &mut Vec<u8>) {
        out.push(if self.is_urgent { URGENT_DATA } else { DATA });
        out.extend(self.transaction.0.to_le_bytes());
        out.extend(self.offset.to_le_bytes());
        out.extend(self.number.to_le_bytes());
    }
}

impl Ack {
    /// Encodes the datagram; ranges beyond [`RANGES_MAX`] are left out.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(ACK_HEAD_BYTES + RANGE_BYTES * self.received.len());
        out.push(ACK);
        out.extend(self.transaction.0.to_le_bytes());
        out.extend(self.next.to_le_bytes());
        out.extend(self.arrivals.end.to_le_bytes());
        out.extend(self.arrivals.count.to_le_bytes());
        let mut end = self.next;
        for range in self.received.iter().take(RANGES_MAX) {
            out.extend(((range.start - end) as u32).to_le_bytes());
            out.extend(((range.end - range.start) as u32).to_le_bytes());
            end = range.end;
        }
        out
    }
}

impl<'a> Datagram<'a> {
    /// Whether these bytes are a datagram of a page stream, and not a message of the migration protocol.
    pub fn is_one(bytes: &[u8]) -> bool {
        matches!(bytes.first(), Some(&(DATA | URGENT_DATA | ACK)))
    }

    /// Decodes a datagram; `None` if it is malformed.
    pub fn decode(bytes: &'a [u8]) -> Option<Datagram<'a>> {
        let (kind, rest) = bytes.split_first()?;
        let (transaction, rest) = rest.split_first_chunk()?;
        let (offset, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let transaction = TransactionId(u128::from_le_bytes(*transaction));
        let offset = u64::from_le_bytes(*offset);
        let number = u32::from_le_bytes(*number);
        match *kind {
            kind @ (DATA | URGENT_DATA) => Some(Datagram::Data(Data {
                transaction,
                offset,
                number,
                is_urgent: kind == URGENT_DATA,
                bytes: rest,
            })),
            ACK => {
                let (count, rest) = rest.split_first_chunk()?;
                let count = u32::from_le_bytes(*count);
                Some(Datagram::Ack(Ack {
                    transaction,
                    next: offset,
                    arrivals: Arrivals { end: number, count },
                    received: decode_ranges(offset, rest)?,
                }))
            }
            _ => None,
        }
    }
}

fn decode_ranges(next: u64, bytes: &[u8]) -> Option<Vec<Range<u64>>> {
    let (ranges, []) = bytes.as_chunks::<RANGE_BYTES>() else {
        return None;
    };
    let mut end = next;
    let decode = |&[g0, g1, g2, g3, l0, l1, l2, l3]: &[u8; RANGE_BYTES]| {
        let start = end.checked_add(u32::from_le_bytes([g0, g1, g2, g3]).into())?;
        end = start.checked_add(u32::from_le_bytes([l0, l1, l2, l3]).into())?;
        (start < end).then_some(start..end)
    };
    (ranges.len() <= RANGES_MAX)
        .then(|| ranges.iter().map(decode).collect())
        .flatten()
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const TRANSACTION: TransactionId = TransactionId(7 << 100);
    const ARRIVALS: Arrivals = Arrivals {
        end: 1 << 31,
        count: 77,
    };

    #[test]
    fn data_survives_a_round_trip() {
        for is_urgent in [false, true] {
            let data = Data {
                transaction: TRANSACTION,
                offset: 1 << 40,
                number: 1 << 30,
                is_urgent,
                bytes: b"pages",
            };
            let mut bytes = Vec::new();
            data.append_head(&mut bytes);
            assert_eq!(bytes.len(), HEAD_BYTES);
            bytes.extend(data.bytes);
            assert!(Datagram::is_one(&bytes));
            assert_eq!(Datagram::decode(&bytes), Some(Datagram::Data(data)));
        }
    }

    #[test]
    fn an_acknowledgement_survives_a_round_trip() {
        let ack = Ack {
            transaction: TRANSACTION,
            next: 1000,
            arrivals: ARRIVALS,
            received: vec![1010..1020, 2000..2001],
        };
        let bytes = ack.encode();
        assert_eq!(Datagram::decode(&bytes), Some(Datagram::Ack(ack)));
    }

    #[test]
    fn refuses_more_ranges_than_a_receiver_keeps() {
        let words = |ranges: usize| [1_u32.to_le_bytes()].repeat(2 * ranges).concat();
        let head = Ack {
            transaction: TRANSACTION,
            next: 5,
            arrivals: ARRIVALS,
            received: Vec::new(),
        };
        for (ranges, is_one) in [(RANGES_MAX, true), (RANGES_MAX + 1, false)] {
            let bytes = [head.encode(), words(ranges)].concat();
            assert_eq!(Datagram::decode(&bytes).is_some(), is_one, "{ranges}");
        }
    }

    #[test]
    fn refuses_a_truncated_datagram_and_an_empty_or_overflowing_range() {
        let ack = |next, received: Range<u64>| {
            let transaction = TRANSACTION;
            Ack {
                transaction,
                next,
                arrivals: ARRIVALS,
                received: Vec::from([received]),
            }
            .encode()
        };
        let whole = ack(5, 6..8);
        for length in 0..ACK_HEAD_BYTES {
            assert_eq!(Datagram::decode(&whole[..length]), None, "{length}");
        }
        assert_eq!(Datagram::decode(&whole[..whole.len() - 1]), None);
        assert_eq!(Datagram::decode(&ack(5, 6..6)), None);
        let mut beyond = ack(0, 2..4);
        beyond[17..25].fill(0xff);
        assert_eq!(Datagram::decode(&beyond), None);
        assert_eq!(Datagram::decode(&[6, 0, 1]), None);
        assert!(!Datagram::is_one(&[6, 0, 1]));
    }
}
