//! The sessions with all machines and operators, sans-IO: encrypts messages into datagrams, and decrypts datagrams into
//! messages.
//!
//! ```text
//!   one side                                     the other
//!   Initiation, own index       -->              candidate session, own index; or Retry: see `tag`
//!                               <--              Response, both indices
//!   session: queued messages    --> Data -->     the candidate becomes the session
//! ```
//!
//! A candidate is used only after a message was received in it, which proves that the other side has the candidate's
//! keys. So a machine with nothing to send begins its session with an empty message. A replayed Initiation carries a used
//! ticket, and the reply is a Retry. A session in which nothing is received for [`SILENCE_US`] after a send is replaced, because
//! the other machine may have been restarted. This crate does not retransmit: the protocol above does.
//!
//! A sender without the fleet's secret cannot make a tag. It gets no reply and leaves no state behind, and no key is
//! derived from the name that it claims. Addresses play no part: the holder of the key of a machine's name is that machine.

mod finder;
mod greeting;
mod initiator;
mod responder;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use identity::Name;
use nomad_protocol::{BootId, Hello, MachineId};

use crate::accepted::{Accepted, Limits};
use crate::boots::Boots;
use crate::cipher::Suites;
use crate::keys::{Keys, PeerKind};
use crate::operators::{OperatorSession, Operators};
use crate::packet::{Kind, Packet};
use crate::random::Random;

/// How long the second and the third message of a handshake are accepted. Someone may have held them back, and they prove where
/// a machine is.
pub(crate) const HANDSHAKE_US: u64 = 2_000_000;
/// How long a handshake may be incomplete before the next send begins a new one.
const RETRY_US: u64 = 200_000;
/// The most machines outside of the fleet with a state here: guests, and others that have the fleet's secret and get refusals.
pub const OUTSIDERS_MAX: usize = 16;
/// How long a machine outside of the fleet must have been silent before another one takes its place.
const OUTSIDER_SILENT_US: u64 = 60_000_000;
/// How long a session may be silent after a send before it is replaced.
const SILENCE_US: u64 = 1_000_000;
/// Messages queued for a session; beyond that the oldest is dropped.
const QUEUE_MAX: usize = 8;
/// Sessions and candidates per machine. There are several, since datagrams of earlier ones may still arrive.
const LIMITS: Limits = Limits {
    sessions: 3,
    candidates: 4,
};

/// The sessions with all machines and operators.
pub struct Sessions {
    peers: BTreeMap<MachineId, Peer>,
    /// The machines that always have room among the peers.
    fleet: BTreeSet<MachineId>,
    /// The machines outside of the fleet that have room too, since they may have a domain that is at home here.
    needed: BTreeSet<MachineId>,
    operators: Operators,
    random: Random,
    suites: Suites,
    /// The boot of this side.
    boot: BootId,
    /// The address of this machine.
    address: Option<Ipv4Addr>,
    next_index: u32,
    /// The ticket that the next handshake with this side has to carry.
    ticket: u64,
    /// When that ticket came to be.
    ticket_us: u64,
    search: Option<finder::Search>,
}

/// The state kept per machine.
struct Peer {
    /// Messages are sent in the latest session.
    accepted: Accepted,
    boots: Boots,
    initiation: Option<initiator::Initiation>,
    /// The name with which it has introduced itself, to which its key belongs.
    name: Option<Name>,
    /// The peer's next ticket, as far as this side knows.
    ticket: u64,
    queued: VecDeque<Vec<u8>>,
    /// When a datagram of it was last accepted.
    accepted_us: u64,
}

impl Default for Peer {
    fn default() -> Peer {
        Peer {
            accepted: Accepted::new(LIMITS),
            boots: Boots::default(),
            initiation: None,
            name: None,
            ticket: 0,
            queued: VecDeque::new(),
            accepted_us: 0,
        }
    }
}

/// The content of an authenticated datagram, and its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A machine of the fleet, by its own key.
    Machine(MachineId, Vec<u8>),
    /// An operator's tool, by the operator's key.
    Operator(OperatorSession, Vec<u8>),
    /// The name and the address of the machine that has replied to [`Sessions::find`], as it states them.
    Found(Name, Ipv4Addr),
    /// A machine's hello: a hint, which may be a recorded one.
    Hello(Hello),
}

/// A fact about a machine that a datagram has proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encounter {
    /// The machine, which is outside of the fleet, has this name. A completed handshake with it follows.
    Introduced(MachineId, Name),
    /// A handshake with this boot of the machine is completed: the machine is where the datagram came from.
    Met(MachineId, BootId),
    /// Another boot with the machine's name and key is alive, too.
    Doubled(MachineId),
    /// The datagram came from another boot than the machine's. It gets no session as long as the machine may be alive.
    Refused(MachineId),
    /// Another boot is the machine from now on: the one before is gone.
    Restarted(MachineId),
    /// The machine refuses this side, because it knows another boot with this machine's name.
    RefusedBy(MachineId),
}

/// The result of an accepted datagram.
#[derive(Debug, PartialEq, Eq)]
pub struct Received {
    /// The message it carried, if any.
    pub incoming: Option<Incoming>,
    /// Datagrams to send back.
    pub replies: Vec<Vec<u8>>,
    /// The kind of peer to send them to.
    pub peer_kind: PeerKind,
    /// The facts about a machine that it proves, in order.
    pub encounters: Vec<Encounter>,
}

/// The reason a datagram was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiveError {
    /// It is not a datagram of the channel.
    Malformed,
    /// It belongs to no session or handshake of this side.
    Stale,
    /// It is not authentic, was received before, or offers no suite that this side has.
    Forged,
    /// It begins a handshake with this machine's own key in another boot: another machine has the same name.
    OwnName,
    /// There are [`OUTSIDERS_MAX`] other machines outside of the fleet that have not been silent for long.
    TooMany,
}

impl Sessions {
    /// Creates an empty set of sessions, which use these suites.
    pub fn new(mut random: Random, suites: Suites) -> Sessions {
        Sessions {
            suites,
            boot: BootId(0),
            address: None,
            ticket: random.number() as u64,
            ticket_us: 0,
            peers: BTreeMap::new(),
            fleet: BTreeSet::new(),
            needed: BTreeSet::new(),
            operators: Operators::new(),
            random,
            next_index: 1,
            search: None,
        }
    }

    /// The sessions of a machine of this fleet in this boot. Without this, they are those of an operator.
    #[must_use]
    pub fn of_machine(self, boot: BootId, fleet: BTreeSet<MachineId>) -> Sessions {
        Sessions {
            boot,
            fleet,
            ..self
        }
    }

    /// Sets the machines outside of the fleet that always have room: they may have a domain that is at home here.
    pub fn set_needed(&mut self, needed: &BTreeSet<MachineId>) {
        if self.needed != *needed {
            self.needed.clone_from(needed);
        }
    }

    /// Sets the address of this machine, which it states to operators.
    pub fn set_address(&mut self, address: Ipv4Addr) {
        self.address = Some(address);
    }

    /// Begins a handshake with a machine, to see whether it is there. `None` if the last one began too recently, and if there is
    /// no place for another machine outside of the fleet.
    pub fn probe(&mut self, keys: &Keys, now_us: u64, machine: MachineId) -> Option<Vec<u8>> {
        self.initiate(keys, now_us, machine)
    }

    /// Encrypts a message, or queues it for a handshake; returns the datagrams to send to that machine. There are none if it is
    /// outside of the fleet and there is no place for it.
    pub fn send(
        &mut self,
        keys: &Keys,
        now_us: u64,
        to: MachineId,
        message: &[u8],
    ) -> Vec<Vec<u8>> {
        let Ok(peer) = self.peer_or_new(now_us, to) else {
            return Vec::new();
        };
        let mut datagrams = Vec::new();
        let mut is_stale = true;
        if let Some(session) = peer.accepted.latest() {
            is_stale = session.is_silent(now_us, SILENCE_US);
            datagrams.extend(session.seal(now_us, message));
        }
        if datagrams.is_empty() {
            peer.enqueue(message);
        }
        if is_stale {
            datagrams.extend(self.initiate(keys, now_us, to));
        }
        datagrams
    }

    /// Whether messages for this machine can be sent without a handshake.
    pub fn is_established(&mut self, now_us: u64, to: MachineId) -> bool {
        let peer = self.peers.get_mut(&to);
        let session = peer.and_then(|peer| peer.accepted.latest());
        session.is_some_and(|session| !session.is_silent(now_us, SILENCE_US))
    }

    /// Encrypts a message into `datagram`, which is [`SEAL_BYTES`](crate::SEAL_BYTES) longer; `None` if there is no
    /// session.
    pub fn seal_into(
        &mut self,
        now_us: u64,
        to: MachineId,
        message: &[u8],
        datagram: &mut [u8],
    ) -> Option<()> {
        let session = self.peers.get_mut(&to)?.accepted.latest()?;
        session.seal_into(now_us, message, datagram)
    }

    /// Encrypts a reply to an operator; `None` if the session no longer exists.
    pub fn reply(&mut self, now_us: u64, to: OperatorSession, message: &[u8]) -> Option<Vec<u8>> {
        self.operators.seal(to, now_us, message)
    }

    /// Handles a datagram.
    ///
    /// # Errors
    /// The reason it was rejected.
    pub fn handle_datagram(
        &mut self,
        keys: &Keys,
        now_us: u64,
        datagram: &[u8],
    ) -> Result<Received, ReceiveError> {
        let packet = Packet::from_bytes(datagram).ok_or(ReceiveError::Malformed)?;
        match packet.kind {
            Kind::Initiation => self.handle_initiation(keys, now_us, &packet),
            Kind::Response => self.handle_response(keys, now_us, &packet),
            Kind::Data => self.handle_data(now_us, &packet),
            Kind::Retry => self.handle_retry(keys, now_us, &packet),
            Kind::Find => self.handle_find(keys, &packet),
            Kind::Found => self.handle_found(keys, &packet),
            Kind::Hello => Sessions::handle_hello(keys, &packet),
        }
    }

    fn handle_data(&mut self, now_us: u64, packet: &Packet<'_>) -> Result<Received, ReceiveError> {
        if self.operators.contains(packet) {
            let (session, message) = self.operators.open(now_us, packet)?;
            return Ok(received(Incoming::Operator(session, message)));
        }
        let mut peers = self.peers.iter_mut();
        let peer = peers.find(|(_, peer)| peer.accepted.contains(packet.index));
        let (machine, peer) = peer.ok_or(ReceiveError::Stale)?;
        let is_first = !peer.accepted.is_session(packet.index);
        let message = peer.accepted.open(now_us, packet)?;
        peer.accepted_us = now_us;
        let (machine, is_outsider) = (*machine, !self.fleet.contains(machine));
        let introduced = peer.introduction(machine).filter(|_| is_outsider);
        let met = peer
            .boots
            .current()
            .map(|boot| Encounter::Met(machine, boot));
        let encounters = introduced.into_iter().chain(met);
        Ok(Received {
            incoming: (!message.is_empty()).then_some(Incoming::Machine(machine, message)),
            ..Received::only(encounters.filter(|_| is_first).collect())
        })
    }
}

impl Peer {
    /// The name of this peer, as a fact about it.
    fn introduction(&self, machine: MachineId) -> Option<Encounter> {
        let name = self.name?;
        Some(Encounter::Introduced(machine, name))
    }

    /// Queues a message once: a retransmission is not queued again.
    fn enqueue(&mut self, message: &[u8]) {
        if self.queued.iter().any(|queued| queued == message) {
            return;
        }
        if self.queued.len() >= QUEUE_MAX {
            self.queued.pop_front();
        }
        self.queued.push_back(message.to_vec());
    }
}

impl Received {
    /// Nothing but facts about a machine.
    fn only(encounters: Vec<Encounter>) -> Received {
        Received {
            incoming: None,
            replies: Vec::new(),
            peer_kind: PeerKind::Machine,
            encounters,
        }
    }

    /// Nothing but a reply.
    fn reply(peer_kind: PeerKind, reply: Vec<u8>) -> Received {
        Received {
            incoming: None,
            replies: vec![reply],
            peer_kind,
            encounters: Vec::new(),
        }
    }
}

fn received(incoming: Incoming) -> Received {
    let peer_kind = match incoming {
        Incoming::Machine(..) | Incoming::Found(..) | Incoming::Hello(_) => PeerKind::Machine,
        Incoming::Operator(..) => PeerKind::Operator,
    };
    Received {
        incoming: Some(incoming),
        replies: Vec::new(),
        peer_kind,
        encounters: Vec::new(),
    }
}

fn draw_index(next: &mut u32) -> u32 {
    let index = *next;
    *next = next.wrapping_add(1);
    index
}

#[cfg(test)]
mod tests;
