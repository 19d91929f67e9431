//! Handshakes as responder.

use alloc::vec::Vec;
use core::mem;

use identity::Name;
use nomad_protocol::{BootId, MachineId};

use super::{
    Encounter, LIMITS, OUTSIDER_SILENT_US, OUTSIDERS_MAX, Peer, PeerKind, ReceiveError, Received,
    Sessions, draw_index,
};
use crate::accepted::Accepted;
use crate::boots::Judgement;
use crate::introduction::Verdict;
use crate::keys::{Keys, OperatorId};
use crate::noise;
use crate::packet::{Kind, Packet};
use crate::session::Session;
use crate::tag::{TAG_BYTES, Tag};

impl Sessions {
    /// Responds to the handshake of a machine, whose key must be that of the name it claims, or of an operator.
    pub(super) fn handle_initiation(
        &mut self,
        keys: &Keys,
        now_us: u64,
        packet: &Packet<'_>,
    ) -> Result<Received, ReceiveError> {
        let forged = |_| ReceiveError::Forged;
        // The length is checked first, because a tag is computed over all bytes.
        if packet.body.len() != noise::INITIATION_BYTES + TAG_BYTES {
            return Err(ReceiveError::Forged);
        }
        let (peer_kind, message, tag) = verify_tag(keys, packet).ok_or(ReceiveError::Forged)?;
        if packet.number != self.ticket {
            return Ok(request_retry(
                keys,
                peer_kind,
                packet.index,
                self.ticket,
                &tag,
            ));
        }
        // The ticket is used up whatever the outcome, so that each ticket allows one key agreement.
        self.ticket = self.ticket.wrapping_add(1);
        let challenged_us = mem::replace(&mut self.ticket_us, now_us);
        let mut handshake = noise::responder(keys, self.random.fork()).map_err(forged)?;
        let theirs = noise::read_initiation(&mut handshake, message).map_err(forged)?;
        let key = noise::peer(&handshake).ok_or(ReceiveError::Forged)?;
        if !is_key_of(keys, peer_kind, theirs.name, key) {
            return Err(ReceiveError::Forged);
        }
        if MachineId(key) == keys.own_id() {
            let is_own = theirs.boot == self.boot;
            // Someone may send this machine's own Initiations back to it.
            return Err(if is_own {
                ReceiveError::Stale
            } else {
                ReceiveError::OwnName
            });
        }
        let suite = self.suites.best_with(theirs.suites);
        let suite = suite.ok_or(ReceiveError::Forged)?;
        let encounter = match peer_kind {
            PeerKind::Operator => None,
            PeerKind::Machine => {
                let introduced = (MachineId(key), theirs.name, theirs.boot);
                self.judge(now_us, challenged_us, introduced)?
            }
        };
        let is_refused = matches!(encounter, Some(Encounter::Refused(_)));
        let verdict = Verdict {
            suite: Some(suite).filter(|_| !is_refused),
            boot: self.boot,
        };
        let message = noise::write_response(&mut handshake, verdict).map_err(forged)?;
        let index = draw_index(&mut self.next_index);
        if !is_refused {
            let ciphers = noise::ciphers(&mut handshake, suite);
            let candidate = Session::new(ciphers, index, packet.index);
            self.add_candidate(now_us, (peer_kind, key), candidate);
        }
        let response = Packet {
            kind: Kind::Response,
            index: packet.index,
            number: index.into(),
            body: &message,
        };
        Ok(Received {
            encounters: Vec::from_iter(encounter),
            ..Received::reply(peer_kind, response.to_bytes())
        })
    }

    /// Judges the handshake of a machine. Its address is proven only by the first message in the session.
    fn judge(
        &mut self,
        now_us: u64,
        challenged_us: u64,
        (machine, name, boot): (MachineId, Option<Name>, BootId),
    ) -> Result<Option<Encounter>, ReceiveError> {
        let peer = self.peer_or_new(now_us, machine)?;
        (peer.accepted_us, peer.name) = (now_us, name);
        Ok(match peer.boots.judge(now_us, challenged_us, boot) {
            Judgement::Accepted => None,
            Judgement::Doubled => Some(Encounter::Doubled(machine)),
            Judgement::Refused => Some(Encounter::Refused(machine)),
            Judgement::Restarted => {
                peer.accepted = Accepted::new(LIMITS);
                Some(Encounter::Restarted(machine))
            }
        })
    }

    /// The state of a machine. One that is neither of the fleet nor needed may take the place of another one: one without a session, or else the
    /// one that has been silent for the longest time.
    pub(super) fn peer_or_new(
        &mut self,
        now_us: u64,
        machine: MachineId,
    ) -> Result<&mut Peer, ReceiveError> {
        let (fleet, needed) = (&self.fleet, &self.needed);
        let is_outsider =
            |machine: &MachineId| !fleet.contains(machine) && !needed.contains(machine);
        if is_outsider(&machine) && !self.peers.contains_key(&machine) {
            let outsiders = self.peers.iter().filter(|(known, _)| is_outsider(known));
            if outsiders.clone().count() >= OUTSIDERS_MAX {
                let is_idle = |peer: &Peer| {
                    let silent_us = now_us.saturating_sub(peer.accepted_us);
                    !peer.accepted.has_session() || silent_us >= OUTSIDER_SILENT_US
                };
                let idle = outsiders.filter(|(_, peer)| is_idle(peer));
                let idle =
                    idle.min_by_key(|(_, peer)| (peer.accepted.has_session(), peer.accepted_us));
                let idle = idle.map(|(known, _)| *known);
                self.peers.remove(&idle.ok_or(ReceiveError::TooMany)?);
            }
        }
        Ok(self.peers.entry(machine).or_default())
    }

    fn add_candidate(
        &mut self,
        now_us: u64,
        (peer_kind, key): (PeerKind, [u8; 32]),
        candidate: Session,
    ) {
        match peer_kind {
            PeerKind::Operator => self.operators.add_candidate(now_us, candidate),
            PeerKind::Machine => {
                let peer = self.peers.entry(MachineId(key)).or_default();
                peer.accepted.add_candidate(now_us, candidate);
            }
        }
    }
}

/// Whether this is the key of a peer of this kind with this name.
fn is_key_of(keys: &Keys, peer_kind: PeerKind, name: Option<Name>, key: [u8; 32]) -> bool {
    match peer_kind {
        PeerKind::Machine => name.is_some_and(|name| MachineId(key) == keys.machine(name)),
        PeerKind::Operator => OperatorId(key) == keys.operator(),
    }
}

/// The kind of peer that an initiation's tag proves, with its message and tag; `None` if the tag is wrong.
fn verify_tag<'a>(keys: &Keys, packet: &Packet<'a>) -> Option<(PeerKind, &'a [u8], Tag)> {
    [PeerKind::Machine, PeerKind::Operator]
        .into_iter()
        .find_map(|peer_kind| {
            let receiver = Some(keys.own_id());
            let (message, tag) = keys.tags_of(peer_kind).open(packet, receiver)?;
            Some((peer_kind, message, tag))
        })
}

/// Asks the initiator to repeat its Initiation with the right ticket.
fn request_retry(
    keys: &Keys,
    peer_kind: PeerKind,
    index: u32,
    ticket: u64,
    initiation: &Tag,
) -> Received {
    let retry = Packet {
        kind: Kind::Retry,
        index,
        number: ticket,
        body: &keys.tags_of(peer_kind).retry_tag(index, ticket, initiation),
    };
    Received::reply(peer_kind, retry.to_bytes())
}
