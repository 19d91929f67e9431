//! Handshakes that this side begins.

use alloc::vec;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use nomad_protocol::MachineId;
use snow::HandshakeState;

use super::{Deaf, Heard, Party, Peer, RETRY_US, Sessions, draw_index};
use crate::keys::Keys;
use crate::noise::{self, INITIATION_BYTES};
use crate::packet::{Kind, Packet};
use crate::session::Session;
use crate::tag::Tag;

/// One that is not answered yet.
pub(super) struct Initiation {
    handshake: HandshakeState,
    message: Vec<u8>,
    index: u32,
    tag: Tag,
    begun_us: u64,
}

impl Sessions {
    /// Begins a handshake, unless one was begun a moment ago.
    pub(super) fn initiate(&mut self, keys: &Keys, now_us: u64, to: MachineId) -> Option<Vec<u8>> {
        let peer = self.peers.entry(to).or_default();
        let is_recent = |begun: &Initiation| now_us.saturating_sub(begun.begun_us) < RETRY_US;
        if peer.initiation.as_ref().is_some_and(is_recent) {
            return None;
        }
        let mut handshake = noise::initiator(keys, to, self.random.fork()).ok()?;
        let mut message = vec![0; INITIATION_BYTES];
        let length = handshake.write_message(&[], &mut message).ok()?;
        message.truncate(length);
        let begun = peer.initiation.insert(Initiation {
            handshake,
            message,
            index: draw_index(&mut self.next_index),
            tag: Tag::default(),
            begun_us: now_us,
        });
        Some(begun.datagram(keys, peer.ticket))
    }

    /// Says again what began a handshake, with the ticket that it needs.
    pub(super) fn retry(
        &mut self,
        keys: &Keys,
        from: Ipv4Addr,
        packet: &Packet<'_>,
    ) -> Result<Heard, Deaf> {
        let peer = self.peer_at(keys, from).ok_or(Deaf::Stale)?;
        let is_answered = |begun: &&mut Initiation| begun.index == packet.index;
        let begun = peer.initiation.as_mut().filter(is_answered);
        let begun = begun.ok_or(Deaf::Stale)?;
        if !keys.own_tags().is_retry_to(packet, &begun.tag) {
            return Err(Deaf::Forged);
        }
        peer.ticket = packet.number;
        Ok(Heard {
            said: None,
            answers: vec![begun.datagram(keys, peer.ticket)],
            party: Party::Machine,
        })
    }

    /// The one who answers has agreed: what waited goes to him.
    pub(super) fn complete(
        &mut self,
        keys: &Keys,
        now_us: u64,
        from: Ipv4Addr,
        packet: &Packet<'_>,
    ) -> Result<Heard, Deaf> {
        let is_answered = |begun: &mut Initiation| begun.index == packet.index;
        let peer = self.peer_at(keys, from).ok_or(Deaf::Stale)?;
        let mut begun = peer.initiation.take_if(is_answered).ok_or(Deaf::Stale)?;
        let peer_index = u32::try_from(packet.number).map_err(|_| Deaf::Forged)?;
        if begun.handshake.read_message(packet.body, &mut []).is_err() {
            // The true answer may still come; the handshake cannot be gone on with, and is begun anew in time.
            return Err(Deaf::Forged);
        }
        let cipher = begun.handshake.into_stateless_transport_mode();
        let mut session = Session::new(cipher.map_err(|_| Deaf::Forged)?, begun.index, peer_index);
        // Unless somebody else begins one there meanwhile.
        peer.ticket = peer.ticket.wrapping_add(1);
        let waiting = peer.waiting.drain(..);
        let answers = waiting
            .filter_map(|message| session.seal(now_us, &message))
            .collect();
        peer.accepted.establish(session);
        Ok(Heard {
            said: None,
            answers,
            party: Party::Machine,
        })
    }

    /// Whoever was met before at this address.
    fn peer_at(&mut self, keys: &Keys, address: Ipv4Addr) -> Option<&mut Peer> {
        let mut peers = self.peers.iter_mut();
        let found = peers.find(|(machine, _)| keys.address_of(**machine) == Some(address));
        found.map(|(_, peer)| peer)
    }
}

impl Initiation {
    /// The datagram that begins the handshake with this ticket.
    fn datagram(&mut self, keys: &Keys, ticket: u64) -> Vec<u8> {
        let packet = Packet {
            kind: Kind::Initiation,
            index: self.index,
            number: ticket,
            body: &self.message,
        };
        self.tag = keys.own_tags().tag(&packet);
        [&packet.to_bytes()[..], &self.tag].concat()
    }
}
