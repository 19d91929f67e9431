//! The sessions with all machines and operators, without IO: messages in, datagrams out, and the other way round.
//!
//! ```text
//!   one side                                     the other
//!   Initiation, own index       -->              candidate session, own index; or Retry: see `tag`
//!                               <--              Response, both indices
//!   session: what waited goes   --> Data -->     the candidate becomes the session
//! ```
//!
//! A candidate is used only after something was heard in it, which takes the other side's key. An Initiation that was recorded
//! and comes again has a ticket that was used, and is told to come with another. A session in which nothing is heard for [`SILENCE_US`] after
//! something was sent is replaced: the other machine may have been restarted. The protocol above repeats what matters,
//! so that nothing here does.
//!
//! Who does not have the fleet's secret cannot make a tag, is not answered, and leaves nothing behind. Nor is anything derived from the address that he claims.

mod answered;
mod begun;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use nomad_protocol::MachineId;

use crate::accepted::{Accepted, Limits};
use crate::keys::Keys;
use crate::operators::{OperatorSession, Operators};
use crate::packet::{Kind, Packet};
use crate::random::Random;

/// A handshake that is not answered is begun anew after so long, when there is something to send.
const RETRY_US: u64 = 200_000;
/// A session that is not answered is replaced after so long.
const SILENCE_US: u64 = 1_000_000;
/// Messages that wait for a session; the oldest goes first when there are more.
const WAITING_MAX: usize = 8;
/// Sessions with a machine that messages are accepted in, and candidates: a machine's datagrams may come doubled and
/// out of order.
const LIMITS: Limits = Limits {
    sessions: 3,
    candidates: 4,
};

/// All sessions.
pub struct Sessions {
    peers: BTreeMap<MachineId, Peer>,
    operators: Operators,
    random: Random,
    next_index: u32,
    /// Whoever begins the next handshake with this side has to say this number.
    ticket: u64,
}

/// What is known of a machine.
struct Peer {
    /// The latest is the one to send in.
    accepted: Accepted,
    initiation: Option<begun::Initiation>,
    /// What to say there to begin a handshake, as far as is known.
    ticket: u64,
    waiting: VecDeque<Vec<u8>>,
}

impl Default for Peer {
    fn default() -> Peer {
        Peer {
            accepted: Accepted::new(LIMITS),
            initiation: None,
            ticket: 0,
            waiting: VecDeque::new(),
        }
    }
}

/// What somebody said, and who.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A machine of the fleet, by its own key.
    Machine(MachineId, Vec<u8>),
    /// An operator's tool, by the operator's key.
    Operator(OperatorSession, Vec<u8>),
}

/// Who is at the other end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// A machine of the fleet, which hears at its one port, wherever it speaks from.
    Machine,
    /// An operator's tool, which hears where it speaks from.
    Operator,
}

/// What a datagram was good for.
#[derive(Debug, PartialEq, Eq)]
pub struct Heard {
    /// A message.
    pub said: Option<Said>,
    /// Datagrams to send back.
    pub answers: Vec<Vec<u8>>,
    /// To whom.
    pub party: Party,
}

/// Why a datagram was good for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deaf {
    /// It is none of the channel's.
    NoPacket,
    /// It belongs to no session or handshake here, or was heard before.
    Stale,
    /// It is not what its sender's key would make.
    Forged,
}

impl Sessions {
    /// No sessions yet.
    pub fn new(mut random: Random) -> Sessions {
        Sessions {
            ticket: random.number() as u64,
            peers: BTreeMap::new(),
            operators: Operators::new(),
            random,
            next_index: 1,
        }
    }

    /// Encrypts a message, or lets it wait for a handshake; returns the datagrams to send to that machine.
    pub fn send(
        &mut self,
        keys: &Keys,
        now_us: u64,
        to: MachineId,
        message: &[u8],
    ) -> Vec<Vec<u8>> {
        let peer = self.peers.entry(to).or_default();
        let mut datagrams = Vec::new();
        let mut is_stale = true;
        if let Some(session) = peer.accepted.latest() {
            is_stale = session.is_silent(now_us, SILENCE_US);
            datagrams.extend(session.seal(now_us, message));
        }
        if datagrams.is_empty() {
            peer.let_wait(message);
        }
        if is_stale {
            datagrams.extend(self.initiate(keys, now_us, to));
        }
        datagrams
    }

    /// A machine is known to be there, and not to have been restarted, by other means than a datagram: a stream from it
    /// goes on. What was sent to it may stay unanswered without a new handshake, whose arithmetic takes milliseconds.
    pub fn excuse(&mut self, machine: MachineId) {
        let peer = self.peers.get_mut(&machine);
        if let Some(session) = peer.and_then(|peer| peer.accepted.latest()) {
            session.excuse();
        }
    }

    /// Encrypts an answer to an operator; `None` if the session is not there any more.
    pub fn answer(&mut self, now_us: u64, to: OperatorSession, message: &[u8]) -> Option<Vec<u8>> {
        self.operators.seal(to, now_us, message)
    }

    /// Hears a datagram that says to come from `from`.
    ///
    /// # Errors
    /// Why it is not heard.
    pub fn hear(
        &mut self,
        keys: &Keys,
        now_us: u64,
        from: Ipv4Addr,
        datagram: &[u8],
    ) -> Result<Heard, Deaf> {
        let packet = Packet::from_bytes(datagram).ok_or(Deaf::NoPacket)?;
        match packet.kind {
            Kind::Initiation => self.respond(keys, from, &packet),
            Kind::Response => self.complete(keys, now_us, from, &packet),
            Kind::Data => self.open(&packet).map(heard),
            Kind::Retry => self.retry(keys, from, &packet),
        }
    }

    fn open(&mut self, packet: &Packet<'_>) -> Result<Said, Deaf> {
        if self.operators.has(packet) {
            let (session, message) = self.operators.open(packet)?;
            return Ok(Said::Operator(session, message));
        }
        let mut peers = self.peers.iter_mut();
        let peer = peers.find(|(_, peer)| peer.accepted.has(packet.index));
        let (machine, peer) = peer.ok_or(Deaf::Stale)?;
        let message = peer.accepted.open(packet)?;
        Ok(Said::Machine(*machine, message))
    }
}

impl Peer {
    /// What is repeated until it is answered need not wait twice.
    fn let_wait(&mut self, message: &[u8]) {
        if self.waiting.iter().any(|waiting| waiting == message) {
            return;
        }
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back(message.to_vec());
    }
}

fn heard(said: Said) -> Heard {
    let party = match said {
        Said::Machine(..) => Party::Machine,
        Said::Operator(..) => Party::Operator,
    };
    Heard {
        said: Some(said),
        answers: Vec::new(),
        party,
    }
}

fn draw_index(next: &mut u32) -> u32 {
    let index = *next;
    *next = next.wrapping_add(1);
    index
}

#[cfg(test)]
mod tests;
