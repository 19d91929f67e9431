//! The sessions with all machines, without IO: messages in, datagrams out, and the other way round.
//!
//! ```text
//!   one side                                     the other
//!   Initiation, own index       -->              candidate session, own index
//!                               <--              Response, both indices
//!   session: what waited goes   --> Data -->     the candidate becomes the session
//! ```
//!
//! A datagram that was recorded and comes again makes a candidate at most: a candidate is used only after something
//! was heard in it, which takes the other machine's key. A session in which nothing is heard for [`SILENCE_US`] after
//! something was sent is replaced: the other machine may have been restarted. The protocol above repeats what matters,
//! so that nothing here does.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec;
use alloc::vec::Vec;

use nomad_protocol::MachineId;
use snow::HandshakeState;

use crate::channel::keys::Keys;
use crate::channel::noise::{self, INITIATION_BYTES, RESPONSE_BYTES};
use crate::channel::packet::{Kind, Packet};
use crate::channel::session::Session;
use crate::random::Random;

/// A handshake that is not answered is begun anew after so long, when there is something to send.
const RETRY_US: u64 = 200_000;
/// A session that is not answered is replaced after so long.
const SILENCE_US: u64 = 1_000_000;
/// Messages that wait for a session; the oldest goes first when there are more.
const WAITING_MAX: usize = 8;
/// Sessions with a machine that messages are accepted in.
const SESSIONS_MAX: usize = 3;
/// Candidates: a machine's datagrams may come doubled and out of order.
const CANDIDATES_MAX: usize = 4;

/// All sessions.
pub struct Sessions {
    peers: BTreeMap<MachineId, Peer>,
    random: Random,
    next_index: u32,
}

/// What is known of a machine.
#[derive(Default)]
struct Peer {
    /// The latest first: it is the one to send in.
    sessions: VecDeque<Session>,
    candidates: VecDeque<Session>,
    initiation: Option<Initiation>,
    waiting: VecDeque<Vec<u8>>,
}

struct Initiation {
    handshake: HandshakeState,
    index: u32,
    begun_us: u64,
}

/// What a datagram was good for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// A message of this machine.
    pub message: Option<Vec<u8>>,
    /// Datagrams to send back.
    pub answers: Vec<Vec<u8>>,
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
    pub fn new(random: Random) -> Sessions {
        Sessions {
            peers: BTreeMap::new(),
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
        if let Some(session) = peer.sessions.front_mut() {
            is_stale = session.is_silent(now_us, SILENCE_US);
            datagrams.extend(session.seal(now_us, message));
        }
        if datagrams.is_empty() {
            if peer.waiting.len() >= WAITING_MAX {
                peer.waiting.pop_front();
            }
            peer.waiting.push_back(message.to_vec());
        }
        if is_stale {
            datagrams.extend(self.initiate(keys, now_us, to));
        }
        datagrams
    }

    /// Hears a datagram that says to come from `from`.
    ///
    /// # Errors
    /// Why it is not heard.
    pub fn hear(
        &mut self,
        keys: &Keys,
        now_us: u64,
        from: MachineId,
        datagram: &[u8],
    ) -> Result<Heard, Deaf> {
        let packet = Packet::from_bytes(datagram).ok_or(Deaf::NoPacket)?;
        match packet.kind {
            Kind::Initiation => self.respond(keys, from, &packet),
            Kind::Response => self.complete(now_us, from, &packet),
            Kind::Data => self.open(from, &packet),
        }
    }

    /// Begins a handshake, unless one was begun a moment ago.
    fn initiate(&mut self, keys: &Keys, now_us: u64, to: MachineId) -> Option<Vec<u8>> {
        let peer = self.peers.entry(to).or_default();
        let is_recent = |begun: &Initiation| now_us.saturating_sub(begun.begun_us) < RETRY_US;
        if peer.initiation.as_ref().is_some_and(is_recent) {
            return None;
        }
        let mut handshake = noise::initiator(keys, to, self.random.fork()).ok()?;
        let mut message = vec![0; INITIATION_BYTES];
        let length = handshake.write_message(&[], &mut message).ok()?;
        let index = draw_index(&mut self.next_index);
        peer.initiation = Some(Initiation {
            handshake,
            index,
            begun_us: now_us,
        });
        let packet = Packet {
            kind: Kind::Initiation,
            index,
            number: 0,
            body: &message[..length],
        };
        Some(packet.to_bytes())
    }

    fn respond(
        &mut self,
        keys: &Keys,
        from: MachineId,
        packet: &Packet<'_>,
    ) -> Result<Heard, Deaf> {
        let forged = |_| Deaf::Forged;
        let mut handshake = noise::responder(keys, self.random.fork()).map_err(forged)?;
        handshake
            .read_message(packet.body, &mut [])
            .map_err(forged)?;
        if noise::peer(&handshake) != Some(from) {
            return Err(Deaf::Forged);
        }
        let mut message = vec![0; RESPONSE_BYTES];
        let length = handshake.write_message(&[], &mut message).map_err(forged)?;
        let cipher = handshake.into_stateless_transport_mode().map_err(forged)?;
        let index = draw_index(&mut self.next_index);
        let peer = self.peers.entry(from).or_default();
        push_front(
            &mut peer.candidates,
            Session::new(cipher, index, packet.index),
            CANDIDATES_MAX,
        );
        let response = Packet {
            kind: Kind::Response,
            index: packet.index,
            number: index.into(),
            body: &message[..length],
        };
        Ok(Heard {
            message: None,
            answers: vec![response.to_bytes()],
        })
    }

    fn complete(
        &mut self,
        now_us: u64,
        from: MachineId,
        packet: &Packet<'_>,
    ) -> Result<Heard, Deaf> {
        let peer = self.peers.get_mut(&from).ok_or(Deaf::Stale)?;
        let is_answered = |begun: &mut Initiation| begun.index == packet.index;
        let mut begun = peer.initiation.take_if(is_answered).ok_or(Deaf::Stale)?;
        let peer_index = u32::try_from(packet.number).map_err(|_| Deaf::Forged)?;
        if begun.handshake.read_message(packet.body, &mut []).is_err() {
            // The true answer may still come; the handshake cannot be gone on with, and is begun anew in time.
            return Err(Deaf::Forged);
        }
        let cipher = begun.handshake.into_stateless_transport_mode();
        let mut session = Session::new(cipher.map_err(|_| Deaf::Forged)?, begun.index, peer_index);
        let waiting = peer.waiting.drain(..);
        let answers = waiting
            .filter_map(|message| session.seal(now_us, &message))
            .collect();
        push_front(&mut peer.sessions, session, SESSIONS_MAX);
        Ok(Heard {
            message: None,
            answers,
        })
    }

    fn open(&mut self, from: MachineId, packet: &Packet<'_>) -> Result<Heard, Deaf> {
        let peer = self.peers.get_mut(&from).ok_or(Deaf::Stale)?;
        let is_meant = |session: &Session| session.index == packet.index;
        if let Some(session) = peer.sessions.iter_mut().find(|session| is_meant(session)) {
            let message = session.open(packet).ok_or(Deaf::Forged)?;
            return Ok(Heard {
                message: Some(message),
                answers: Vec::new(),
            });
        }
        let position = peer
            .candidates
            .iter()
            .position(is_meant)
            .ok_or(Deaf::Stale)?;
        let message = peer.candidates[position].open(packet).ok_or(Deaf::Forged)?;
        if let Some(session) = peer.candidates.remove(position) {
            push_front(&mut peer.sessions, session, SESSIONS_MAX);
        }
        Ok(Heard {
            message: Some(message),
            answers: Vec::new(),
        })
    }
}

fn push_front(sessions: &mut VecDeque<Session>, session: Session, most: usize) {
    sessions.push_front(session);
    sessions.truncate(most);
}

fn draw_index(next: &mut u32) -> u32 {
    let index = *next;
    *next = next.wrapping_add(1);
    index
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use super::*;

    /// A machine with its sessions.
    struct End {
        keys: Keys,
        sessions: Sessions,
    }

    impl End {
        fn new(last: u8, secret: &str) -> End {
            End {
                keys: Keys::new(secret, Ipv4Addr::new(10, 77, 0, last)),
                sessions: Sessions::new(Random::new([last.into(), 2, 3, 4])),
            }
        }

        fn send(&mut self, now_us: u64, to: &End, message: &[u8]) -> Vec<Vec<u8>> {
            self.sessions
                .send(&self.keys, now_us, to.keys.own_id(), message)
        }

        fn hear(&mut self, now_us: u64, from: &End, datagram: &[u8]) -> Result<Heard, Deaf> {
            self.sessions
                .hear(&self.keys, now_us, from.keys.own_id(), datagram)
        }
    }

    fn pair() -> (End, End) {
        (End::new(1, "fleet"), End::new(2, "fleet"))
    }

    /// Carries datagrams to and fro until none is left; says what the second and the first end heard.
    fn carry(
        now_us: u64,
        a: &mut End,
        b: &mut End,
        datagrams: Vec<Vec<u8>>,
    ) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let (mut to_b, mut to_a) = (datagrams, Vec::new());
        let (mut heard_b, mut heard_a) = (Vec::new(), Vec::new());
        while !to_b.is_empty() || !to_a.is_empty() {
            for datagram in core::mem::take(&mut to_b) {
                let heard = b.hear(now_us, a, &datagram).expect("hears");
                heard_b.extend(heard.message);
                to_a.extend(heard.answers);
            }
            for datagram in core::mem::take(&mut to_a) {
                let heard = a.hear(now_us, b, &datagram).expect("hears");
                heard_a.extend(heard.message);
                to_b.extend(heard.answers);
            }
        }
        (heard_b, heard_a)
    }

    #[test]
    fn what_waits_for_the_handshake_arrives_after_it_and_the_way_back_is_open() {
        let (mut a, mut b) = pair();
        let mut datagrams = a.send(0, &b, b"one");
        datagrams.extend(a.send(1, &b, b"two"));
        assert_eq!(datagrams.len(), 1, "one handshake");
        assert!(!datagrams[0].windows(3).any(|bytes| bytes == b"one"));
        let (heard, _) = carry(2, &mut a, &mut b, datagrams);
        assert_eq!(heard, [b"one", b"two"]);
        let back = b.send(3, &a, b"back");
        let (heard, _) = carry(3, &mut b, &mut a, back);
        assert_eq!(heard, [b"back"]);
    }

    #[test]
    fn a_machine_of_another_fleet_is_not_heard() {
        let (mut a, mut b) = (End::new(1, "one"), End::new(2, "two"));
        let datagrams = a.sessions.send(
            &a.keys,
            0,
            a.keys.machine_at(Ipv4Addr::new(10, 77, 0, 2)),
            b"x",
        );
        assert_eq!(b.hear(0, &a, &datagrams[0]), Err(Deaf::Forged));
        // Even one that knows this machine's public key has no part in the fleet.
        let datagrams = a.send(0, &b, b"x");
        let claimed = b.keys.machine_at(Ipv4Addr::new(10, 77, 0, 1));
        let heard = b.sessions.hear(&b.keys, 0, claimed, &datagrams[0]);
        assert_eq!(heard, Err(Deaf::Forged));
    }

    #[test]
    fn nothing_is_heard_twice() {
        let (mut a, mut b) = pair();
        let first = a.send(0, &b, b"first");
        carry(0, &mut a, &mut b, first.clone());
        let second = a.send(1, &b, b"second");
        assert!(b.hear(1, &a, &second[0]).is_ok());
        assert_eq!(b.hear(1, &a, &second[0]), Err(Deaf::Forged));
        // A recorded initiation makes a candidate and is answered, but the way back stays the same.
        assert!(b.hear(2, &a, &first[0]).is_ok());
        let back = b.send(3, &a, b"back");
        assert_eq!(carry(3, &mut b, &mut a, back).0, [b"back"]);
    }

    #[test]
    fn a_changed_datagram_is_not_heard_and_does_no_harm() {
        let (mut a, mut b) = pair();
        let first = a.send(0, &b, b"first");
        carry(0, &mut a, &mut b, first);
        let datagram = a.send(1, &b, b"second").remove(0);
        for position in 0..datagram.len() {
            let mut changed = datagram.clone();
            changed[position] ^= 0x10;
            assert!(b.hear(1, &a, &changed).is_err(), "{position}");
        }
        assert_eq!(
            b.hear(1, &a, &datagram).map(|heard| heard.message),
            Ok(Some(b"second".to_vec()))
        );
    }

    #[test]
    fn a_restarted_machine_is_spoken_to_anew() {
        let (mut a, mut b) = pair();
        let first = a.send(0, &b, b"first");
        carry(0, &mut a, &mut b, first);
        b.sessions = Sessions::new(Random::new([9, 9, 9, 9]));
        let lost = a.send(1, &b, b"lost");
        assert_eq!(b.hear(1, &a, &lost[0]), Err(Deaf::Stale));
        let datagrams = a.send(SILENCE_US + 2, &b, b"again");
        let initiation = datagrams[1..].to_vec();
        carry(SILENCE_US + 2, &mut a, &mut b, initiation);
        let later = a.send(SILENCE_US + 3, &b, b"later");
        assert_eq!(carry(SILENCE_US + 3, &mut a, &mut b, later).0, [b"later"]);
    }

    #[test]
    fn both_may_begin_at_once() {
        let (mut a, mut b) = pair();
        let from_a = a.send(0, &b, b"from a");
        let from_b = b.send(0, &a, b"from b");
        assert_eq!(carry(1, &mut a, &mut b, from_a).0, [b"from a"]);
        assert_eq!(carry(1, &mut b, &mut a, from_b).0, [b"from b"]);
        let once_more = a.send(2, &b, b"once more");
        assert_eq!(carry(2, &mut a, &mut b, once_more).0, [b"once more"]);
    }

    #[test]
    fn a_lost_handshake_is_begun_anew() {
        let (mut a, mut b) = pair();
        assert_eq!(a.send(0, &b, b"one").len(), 1);
        assert_eq!(a.send(RETRY_US - 1, &b, b"two").len(), 0);
        let again = a.send(RETRY_US, &b, b"three");
        let (heard, _) = carry(RETRY_US, &mut a, &mut b, again);
        assert_eq!(heard, [&b"one"[..], b"two", b"three"]);
    }
}
