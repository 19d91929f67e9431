//! The name of the machine at an address, which an operator requests before its first handshake: the key that a handshake
//! needs is derived from the name.
//!
//! ```text
//!   operator                                      machine
//!   Find, index, number drawn at random  -->
//!                                        <--      Found, the same index and number, name, address
//! ```
//!
//! Both have a tag of the operators' key. A Found is as long as a Find, so it cannot amplify an attack. It proves that the
//! machine exists, and the handshake that follows proves that the machine is reached. Only the address shows that it is the
//! one that the operator meant: someone may forward the datagrams for one machine to another.

use alloc::vec::Vec;

use core::net::Ipv4Addr;

use identity::{NAME_BYTES_MAX, Name};

use super::{Incoming, PeerKind, ReceiveError, Received, Sessions, draw_index};
use crate::keys::Keys;
use crate::packet::{Kind, Packet};

/// Bytes of a name and an address.
const BODY_BYTES: usize = NAME_BYTES_MAX + 4;

/// The question of this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Search {
    index: u32,
    number: u64,
}

impl Sessions {
    /// The datagram that asks a machine for its name. The reply is an [`Incoming::Found`].
    pub fn find(&mut self, keys: &Keys) -> Vec<u8> {
        let search = *self.search.get_or_insert_with(|| Search {
            index: draw_index(&mut self.next_index),
            number: self.random.number() as u64,
        });
        datagram(keys, Kind::Find, search, [0; BODY_BYTES])
    }

    /// Replies to an operator's question with this machine's name and address.
    pub(super) fn handle_find(
        &self,
        keys: &Keys,
        packet: &Packet<'_>,
    ) -> Result<Received, ReceiveError> {
        body_of(keys, packet)?;
        let search = Search {
            index: packet.index,
            number: packet.number,
        };
        let own = keys.own_name().zip(self.address);
        let (name, address) = own.ok_or(ReceiveError::Stale)?;
        let mut body = [0; BODY_BYTES];
        body[..NAME_BYTES_MAX].copy_from_slice(&name.to_bytes());
        body[NAME_BYTES_MAX..].copy_from_slice(&address.octets());
        let found = datagram(keys, Kind::Found, search, body);
        Ok(Received::reply(PeerKind::Operator, found))
    }

    /// Accepts the reply to this side's question.
    pub(super) fn handle_found(
        &self,
        keys: &Keys,
        packet: &Packet<'_>,
    ) -> Result<Received, ReceiveError> {
        let search = Search {
            index: packet.index,
            number: packet.number,
        };
        if self.search != Some(search) {
            return Err(ReceiveError::Stale);
        }
        let body = body_of(keys, packet)?;
        let [name @ .., a, b, c, d] = body;
        let name = Name::from_bytes(name).ok_or(ReceiveError::Forged)?;
        let address = Ipv4Addr::new(a, b, c, d);
        Ok(super::received(Incoming::Found(name, address)))
    }
}

fn datagram(keys: &Keys, kind: Kind, search: Search, body: [u8; BODY_BYTES]) -> Vec<u8> {
    let packet = Packet {
        kind,
        index: search.index,
        number: search.number,
        body: &body,
    };
    let tag = keys.tags_of(PeerKind::Operator).tag(&packet, None);
    [&packet.to_bytes()[..], &tag].concat()
}

/// The body of a packet with an operator's tag.
fn body_of(keys: &Keys, packet: &Packet<'_>) -> Result<[u8; BODY_BYTES], ReceiveError> {
    let opened = keys.tags_of(PeerKind::Operator).open(packet, None);
    let (body, _) = opened.ok_or(ReceiveError::Forged)?;
    body.try_into().map_err(|_| ReceiveError::Forged)
}
