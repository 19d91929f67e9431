//! Handshakes as initiator.

use alloc::vec;
use alloc::vec::Vec;

use nomad_protocol::MachineId;
use snow::HandshakeState;

use super::{
    Encounter, HANDSHAKE_US, LIMITS, Peer, PeerKind, RETRY_US, ReceiveError, Received, Sessions,
    draw_index,
};
use crate::accepted::Accepted;
use crate::boots::Judgement;
use crate::introduction::Introduction;
use crate::keys::Keys;
use crate::noise;
use crate::packet::{Kind, Packet};
use crate::session::Session;
use crate::tag::Tag;

/// A handshake without a Response yet.
pub(super) struct Initiation {
    to: MachineId,
    handshake: HandshakeState,
    message: Vec<u8>,
    index: u32,
    tag: Tag,
    started_us: u64,
}

impl Sessions {
    /// Begins a handshake, unless one was begun within [`RETRY_US`], or there is no place for another machine outside of the
    /// fleet.
    pub(super) fn initiate(&mut self, keys: &Keys, now_us: u64, to: MachineId) -> Option<Vec<u8>> {
        self.peer_or_new(now_us, to).ok()?;
        let peer = self.peers.entry(to).or_default();
        let is_recent =
            |initiation: &Initiation| now_us.saturating_sub(initiation.started_us) < RETRY_US;
        if peer.initiation.as_ref().is_some_and(is_recent) {
            return None;
        }
        peer.boots.count_challenge(now_us);
        let mut handshake = noise::initiator(keys, to, self.random.fork()).ok()?;
        let introduction = Introduction {
            suites: self.suites,
            boot: self.boot,
            name: keys.own_name(),
        };
        let message = noise::write_initiation(&mut handshake, introduction).ok()?;
        let initiation = peer.initiation.insert(Initiation {
            to,
            handshake,
            message,
            index: draw_index(&mut self.next_index),
            tag: Tag::default(),
            started_us: now_us,
        });
        Some(initiation.datagram(keys, peer.ticket))
    }

    /// Repeats an Initiation with the ticket that it needs.
    pub(super) fn handle_retry(
        &mut self,
        keys: &Keys,
        now_us: u64,
        packet: &Packet<'_>,
    ) -> Result<Received, ReceiveError> {
        let (_, peer) = self.peer_with(now_us, packet.index)?;
        let initiation = peer.initiation.as_mut().ok_or(ReceiveError::Stale)?;
        if !keys.own_tags().is_retry_to(packet, &initiation.tag) {
            return Err(ReceiveError::Forged);
        }
        peer.ticket = packet.number;
        let again = initiation.datagram(keys, peer.ticket);
        Ok(Received::reply(PeerKind::Machine, again))
    }

    /// Completes a handshake, and sends the queued messages, unless one side refuses the other. A machine without queued
    /// messages sends an empty one, so that the other side learns that the handshake is completed, and where this machine is.
    pub(super) fn handle_response(
        &mut self,
        keys: &Keys,
        now_us: u64,
        packet: &Packet<'_>,
    ) -> Result<Received, ReceiveError> {
        let suites = self.suites;
        let (machine, peer) = self.peer_with(now_us, packet.index)?;
        let initiation = peer.initiation.as_mut().ok_or(ReceiveError::Stale)?;
        let peer_index = u32::try_from(packet.number).map_err(|_| ReceiveError::Forged)?;
        let handshake = &mut initiation.handshake;
        // A forged Response leaves the handshake as it is: the true one may still arrive.
        let verdict = noise::read_response(handshake, packet.body, suites)
            .map_err(|_| ReceiveError::Forged)?;
        let Some(suite) = verdict.suite else {
            peer.initiation = None;
            return Ok(Received::only(vec![Encounter::RefusedBy(machine)]));
        };
        // An operator has one command: it takes the machine as it finds it.
        let judgement = match keys.own_name() {
            None => Judgement::Accepted,
            Some(_) => peer
                .boots
                .judge(now_us, initiation.started_us, verdict.boot),
        };
        let met = Encounter::Met(machine, verdict.boot);
        let encounters = match judgement {
            Judgement::Refused => {
                peer.initiation = None;
                return Ok(Received::only(vec![Encounter::Refused(machine)]));
            }
            Judgement::Accepted => vec![met],
            Judgement::Doubled => vec![met, Encounter::Doubled(machine)],
            Judgement::Restarted => {
                peer.accepted = Accepted::new(LIMITS);
                vec![Encounter::Restarted(machine), met]
            }
        };
        let ciphers = noise::ciphers(handshake, suite);
        let mut session = Session::new(ciphers, initiation.index, peer_index);
        peer.initiation = None;
        // The peer expects this ticket next, unless it completes another handshake first.
        peer.ticket = peer.ticket.wrapping_add(1);
        let queued = peer.queued.drain(..);
        let mut replies: Vec<_> = queued
            .filter_map(|message| session.seal(now_us, &message))
            .collect();
        if replies.is_empty() && keys.own_name().is_some() {
            replies.extend(session.confirm(now_us));
        }
        peer.accepted.establish(session);
        Ok(Received {
            replies,
            ..Received::only(encounters)
        })
    }

    /// The machine with which this side has begun the handshake with this index, less than [`HANDSHAKE_US`] ago.
    fn peer_with(
        &mut self,
        now_us: u64,
        index: u32,
    ) -> Result<(MachineId, &mut Peer), ReceiveError> {
        let is_it = |initiation: &Initiation| {
            let elapsed_us = now_us.saturating_sub(initiation.started_us);
            initiation.index == index && elapsed_us < HANDSHAKE_US
        };
        let mut peers = self.peers.iter_mut();
        let found = peers.find(|(_, peer)| peer.initiation.as_ref().is_some_and(is_it));
        let (machine, peer) = found.ok_or(ReceiveError::Stale)?;
        Ok((*machine, peer))
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
        self.tag = keys.own_tags().tag(&packet, Some(self.to));
        [&packet.to_bytes()[..], &self.tag].concat()
    }
}
