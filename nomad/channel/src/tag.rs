//! Tags, which prove knowledge of the fleet's secret, and tickets, which prove freshness: [`TagKey`].
//!
//! A key agreement takes milliseconds, a tag takes microseconds. So the first message of a handshake carries a tag and
//! a *ticket*: a number that the responder has given out and accepts once. The tag rejects a sender without the secret,
//! the ticket rejects a replayed message, and neither costs a key agreement.
//!
//! ```text
//!   Initiation, ticket 0  -->
//!                         <--  Retry: ticket n                 unless the ticket was n
//!   Initiation, ticket n  -->  the next ticket is n + 1
//!                         <--  Response
//! ```
//!
//! An Initiation's tag covers the responder's id too, so that no other machine replies to it. A Retry's tag covers the tag of
//! the Initiation that it replies to. A Retry is shorter than an Initiation, so it cannot amplify an attack.

use blake2::Blake2sMac;
use blake2::digest::consts::U16;
use blake2::digest::{KeyInit, Mac};

use nomad_protocol::MachineId;

use crate::packet::{Kind, Packet};

/// Bytes of a tag.
pub const TAG_BYTES: usize = 16;

/// Proves that a packet comes from the fleet: keyed BLAKE2s of 128 bits (RFC 7693).
pub type Tag = [u8; TAG_BYTES];

/// A key for tags. A fleet has one for machines and one for operators.
#[derive(Clone)]
pub struct TagKey([u8; 32]);

impl TagKey {
    /// Wraps derived key material.
    pub(crate) fn new(key: [u8; 32]) -> TagKey {
        TagKey(key)
    }

    /// The tag of a packet for this receiver, or for any receiver if it is `None`. The packet's body does not contain the tag
    /// yet.
    pub(crate) fn tag(&self, packet: &Packet<'_>, receiver: Option<MachineId>) -> Tag {
        self.mac(packet, receiver).finalize().into_bytes().into()
    }

    /// Splits a packet's body into message and tag; `None` if the tag is wrong.
    pub(crate) fn open<'a>(
        &self,
        packet: &Packet<'a>,
        receiver: Option<MachineId>,
    ) -> Option<(&'a [u8], Tag)> {
        let (message, tag) = packet.body.split_last_chunk::<TAG_BYTES>()?;
        let tagged = Packet {
            body: message,
            ..*packet
        };
        self.mac(&tagged, receiver).verify_slice(tag).ok()?;
        Some((message, *tag))
    }

    /// The tag of a Retry with this ticket, in reply to the Initiation with this index and tag.
    pub(crate) fn retry_tag(&self, index: u32, ticket: u64, initiation: &Tag) -> Tag {
        self.tag(&retry(index, ticket, initiation), None)
    }

    /// Whether a Retry replies to the Initiation with this tag.
    pub(crate) fn is_retry_to(&self, packet: &Packet<'_>, initiation: &Tag) -> bool {
        let tagged = retry(packet.index, packet.number, initiation);
        self.mac(&tagged, None).verify_slice(packet.body).is_ok()
    }

    fn mac(&self, packet: &Packet<'_>, receiver: Option<MachineId>) -> Blake2sMac<U16> {
        let mut mac = <Blake2sMac<U16> as KeyInit>::new((&self.0).into());
        mac.update(&packet.to_bytes());
        receiver.iter().for_each(|receiver| mac.update(&receiver.0));
        mac
    }
}

fn retry(index: u32, ticket: u64, initiation: &Tag) -> Packet<'_> {
    Packet {
        kind: Kind::Retry,
        index,
        number: ticket,
        body: initiation,
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    const KEY: TagKey = TagKey([7; 32]);
    const RECEIVER: Option<MachineId> = Some(MachineId([1; 32]));

    fn initiation(body: &[u8]) -> Packet<'_> {
        Packet {
            kind: Kind::Initiation,
            index: 3,
            number: 9,
            body,
        }
    }

    fn tagged(message: &[u8]) -> Vec<u8> {
        let tag = KEY.tag(&initiation(message), RECEIVER);
        [message, &tag].concat()
    }

    #[test]
    fn a_tagged_message_opens() {
        let body = tagged(b"message");
        let opened = KEY.open(&initiation(&body), RECEIVER);
        let (message, tag) = opened.expect("its own tag");
        assert_eq!(message, b"message");
        assert_eq!(tag, KEY.tag(&initiation(b"message"), RECEIVER));
    }

    #[test]
    fn nothing_else_opens() {
        let body = tagged(b"message");
        let open = |key: TagKey, packet: &Packet<'_>| key.open(packet, RECEIVER).is_some();
        for position in 0..body.len() {
            let mut changed = body.clone();
            changed[position] ^= 1;
            assert!(!open(KEY, &initiation(&changed)), "{position}");
        }
        let other_ticket = Packet {
            number: 8,
            ..initiation(&body)
        };
        assert!(!open(KEY, &other_ticket));
        assert!(!open(TagKey([8; 32]), &initiation(&body)));
        assert!(!open(KEY, &initiation(&body[..TAG_BYTES - 1])));
        for another in [None, Some(MachineId([2; 32]))] {
            assert_eq!(KEY.open(&initiation(&body), another), None);
        }
    }

    #[test]
    fn a_retry_replies_to_one_initiation() {
        let (one, another) = ([1; TAG_BYTES], [2; TAG_BYTES]);
        let tag = KEY.retry_tag(3, 9, &one);
        let packet = Packet {
            kind: Kind::Retry,
            index: 3,
            number: 9,
            body: &tag,
        };
        assert!(KEY.is_retry_to(&packet, &one));
        assert!(!KEY.is_retry_to(&packet, &another));
        assert!(!KEY.is_retry_to(
            &Packet {
                number: 10,
                ..packet
            },
            &one
        ));
    }
}
