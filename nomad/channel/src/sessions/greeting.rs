//! Hellos as datagrams: see [`Hello`].

use alloc::vec::Vec;

use nomad_protocol::{HELLO_BYTES, Hello};

use super::{Incoming, PeerKind, ReceiveError, Received, Sessions};
use crate::keys::Keys;
use crate::packet::{Kind, Packet};
use crate::tag::TAG_BYTES;

impl Sessions {
    /// The datagram with a hello of this machine.
    pub fn hello(keys: &Keys, hello: &Hello) -> Vec<u8> {
        let packet = Packet {
            kind: Kind::Hello,
            index: 0,
            number: hello.count,
            body: &hello.to_bytes(),
        };
        let tag = keys.tags_of(PeerKind::Machine).tag(&packet, None);
        [&packet.to_bytes()[..], &tag].concat()
    }

    /// Checks the tag of a hello. It costs no key agreement and leaves nothing behind, so a flood of hellos costs no more than one of
    /// handshakes.
    pub(super) fn handle_hello(keys: &Keys, packet: &Packet<'_>) -> Result<Received, ReceiveError> {
        if packet.body.len() != HELLO_BYTES + TAG_BYTES {
            return Err(ReceiveError::Forged);
        }
        let opened = keys.tags_of(PeerKind::Machine).open(packet, None);
        let (body, _) = opened.ok_or(ReceiveError::Forged)?;
        let hello = Hello::from_bytes(packet.number, body).ok_or(ReceiveError::Forged)?;
        Ok(super::received(Incoming::Hello(hello)))
    }
}
