//! Handshakes that this side answers.

use alloc::vec;
use core::net::Ipv4Addr;

use nomad_protocol::MachineId;

use super::{Deaf, Heard, Party, Sessions, draw_index};
use crate::keys::{Keys, OperatorId};
use crate::noise::{self, RESPONSE_BYTES};
use crate::packet::{Kind, Packet};
use crate::session::Session;
use crate::tag::Tag;

impl Sessions {
    /// Answers a handshake of a machine, whose key must be that of its address, or of an operator, who may be anywhere.
    pub(super) fn respond(
        &mut self,
        keys: &Keys,
        from: Ipv4Addr,
        packet: &Packet<'_>,
    ) -> Result<Heard, Deaf> {
        let forged = |_| Deaf::Forged;
        let (party, message, tag) = read_tag(keys, packet).ok_or(Deaf::Forged)?;
        if packet.number != self.ticket {
            return Ok(refer(keys, party, packet.index, self.ticket, &tag));
        }
        // Whatever becomes of it: one ticket, one key agreement.
        self.ticket = self.ticket.wrapping_add(1);
        let mut handshake = noise::responder(keys, self.random.fork()).map_err(forged)?;
        handshake.read_message(message, &mut []).map_err(forged)?;
        let key = noise::peer(&handshake).ok_or(Deaf::Forged)?;
        let is_own = match party {
            Party::Machine => MachineId(key) == keys.machine_at(from),
            Party::Operator => OperatorId(key) == keys.operator(),
        };
        if !is_own {
            return Err(Deaf::Forged);
        }
        let mut message = vec![0; RESPONSE_BYTES];
        let length = handshake.write_message(&[], &mut message).map_err(forged)?;
        let cipher = handshake.into_stateless_transport_mode().map_err(forged)?;
        let index = draw_index(&mut self.next_index);
        let candidate = Session::new(cipher, index, packet.index);
        match party {
            Party::Operator => self.operators.propose(candidate),
            Party::Machine => {
                let peer = self.peers.entry(MachineId(key)).or_default();
                peer.accepted.propose(candidate);
            }
        }
        let response = Packet {
            kind: Kind::Response,
            index: packet.index,
            number: index.into(),
            body: &message[..length],
        };
        Ok(Heard {
            said: None,
            answers: vec![response.to_bytes()],
            party,
        })
    }
}

/// For whom an initiation says to speak, its message and its tag, if that is right.
fn read_tag<'a>(keys: &Keys, packet: &Packet<'a>) -> Option<(Party, &'a [u8], Tag)> {
    [Party::Machine, Party::Operator]
        .into_iter()
        .find_map(|party| {
            let (message, tag) = keys.tags_of(party).open(packet)?;
            Some((party, message, tag))
        })
}

/// Has who begins a handshake come again with the right ticket.
fn refer(keys: &Keys, party: Party, index: u32, ticket: u64, initiation: &Tag) -> Heard {
    let retry = Packet {
        kind: Kind::Retry,
        index,
        number: ticket,
        body: &keys.tags_of(party).retry_tag(index, ticket, initiation),
    };
    Heard {
        said: None,
        answers: vec![retry.to_bytes()],
        party,
    }
}
