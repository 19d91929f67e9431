//! The name of the machine at an address, which an operator asks for before its first handshake: the key that a handshake
//! needs follows from the name.
//!
//! ```text
//!   operator                                      machine
//!   Find, index, number drawn at random  -->
//!                                        <--      Found, the same index and number, name
//! ```
//!
//! Both have a tag of the operators' key. A name proves nothing about its sender: the handshake that follows does. A Found
//! is as long as a Find, so it cannot amplify an attack.

use alloc::vec::Vec;

use identity::Name;

use super::{Incoming, PeerKind, ReceiveError, Received, Sessions, draw_index};
use crate::introduction::{from_field, to_field};
use crate::keys::Keys;
use crate::packet::{Kind, Packet};

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
        datagram(keys, Kind::Find, search, None)
    }

    /// Replies to an operator's question with this machine's name.
    pub(super) fn handle_find(
        &self,
        keys: &Keys,
        packet: &Packet<'_>,
    ) -> Result<Received, ReceiveError> {
        name_in(keys, packet)?;
        let search = Search {
            index: packet.index,
            number: packet.number,
        };
        let name = keys.own_name().ok_or(ReceiveError::Stale)?;
        let found = datagram(keys, Kind::Found, search, Some(name));
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
        let name = name_in(keys, packet)?.ok_or(ReceiveError::Forged)?;
        Ok(super::received(Incoming::Found(name)))
    }
}

fn datagram(keys: &Keys, kind: Kind, search: Search, name: Option<Name>) -> Vec<u8> {
    let packet = Packet {
        kind,
        index: search.index,
        number: search.number,
        body: &to_field(name),
    };
    let tag = keys.tags_of(PeerKind::Operator).tag(&packet, None);
    [&packet.to_bytes()[..], &tag].concat()
}

/// The name in a packet with an operator's tag.
fn name_in(keys: &Keys, packet: &Packet<'_>) -> Result<Option<Name>, ReceiveError> {
    let opened = keys.tags_of(PeerKind::Operator).open(packet, None);
    let (name, _) = opened.ok_or(ReceiveError::Forged)?;
    let name = name.try_into().map_err(|_| ReceiveError::Forged)?;
    from_field(name).ok_or(ReceiveError::Forged)
}
