//! [`Accepted`]: established sessions, and candidates, in which no message was received yet.
//!
//! ```text
//!   handshake completed ->  candidate  -- first message -->  session
//! ```
//!
//! A handshake of the other side creates only a candidate, and a candidate evicts only candidates. It is void after
//! [`HANDSHAKE_US`], so that an attacker can delay its first message by no more than that. Both lists are bounded: a new entry
//! evicts the oldest one, and [`Accepted::touch`] makes a session the newest.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::packet::Packet;
use crate::session::Session;
use crate::sessions::{HANDSHAKE_US, ReceiveError};

/// The capacity of each list.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Established sessions.
    pub sessions: usize,
    /// Sessions without a first message.
    pub candidates: usize,
}

/// The sessions and candidates with one peer, or with all operators.
pub struct Accepted {
    /// The latest first.
    sessions: VecDeque<Session>,
    candidates: VecDeque<Candidate>,
    limits: Limits,
}

struct Candidate {
    session: Session,
    since_us: u64,
}

impl Accepted {
    /// Creates empty lists.
    pub fn new(limits: Limits) -> Accepted {
        Accepted {
            sessions: VecDeque::new(),
            candidates: VecDeque::new(),
            limits,
        }
    }

    /// Adds the result of a handshake that the other side began.
    pub fn add_candidate(&mut self, now_us: u64, session: Session) {
        let since_us = now_us;
        let candidate = Candidate { session, since_us };
        push_front(&mut self.candidates, candidate, self.limits.candidates);
    }

    /// Adds a session: the result of a handshake that this side began, or a candidate that has received a message.
    pub fn establish(&mut self, session: Session) {
        push_front(&mut self.sessions, session, self.limits.sessions);
    }

    /// The session established last.
    pub fn latest(&mut self) -> Option<&mut Session> {
        self.sessions.front_mut()
    }

    /// The session with this index on this side.
    pub fn get_mut(&mut self, index: u32) -> Option<&mut Session> {
        let mut sessions = self.sessions.iter_mut();
        sessions.find(|session| session.index == index)
    }

    /// Whether a session, not a candidate, has this index on this side.
    pub fn is_session(&self, index: u32) -> bool {
        self.sessions.iter().any(|session| session.index == index)
    }

    /// Whether there is a session.
    pub fn has_session(&self) -> bool {
        !self.sessions.is_empty()
    }

    /// Whether a session or candidate has this index on this side.
    pub fn contains(&self, index: u32) -> bool {
        let candidates = self.candidates.iter().map(|candidate| &candidate.session);
        let mut all = self.sessions.iter().chain(candidates);
        all.any(|session| session.index == index)
    }

    /// Decrypts a message of a session, or of a candidate, which thereby becomes a session.
    ///
    /// # Errors
    /// [`ReceiveError::Forged`] or [`ReceiveError::Stale`].
    pub fn open(&mut self, now_us: u64, packet: &Packet<'_>) -> Result<Vec<u8>, ReceiveError> {
        if let Some(session) = self.get_mut(packet.index) {
            return session.open(packet).ok_or(ReceiveError::Forged);
        }
        self.candidates
            .retain(|candidate| now_us.saturating_sub(candidate.since_us) < HANDSHAKE_US);
        let has_index = |candidate: &Candidate| candidate.session.index == packet.index;
        let position = self.candidates.iter().position(has_index);
        let position = position.ok_or(ReceiveError::Stale)?;
        let candidate = &mut self.candidates[position].session;
        let message = candidate.open(packet).ok_or(ReceiveError::Forged)?;
        if let Some(candidate) = self.candidates.remove(position) {
            self.establish(candidate.session);
        }
        Ok(message)
    }

    /// Makes a session the last to be evicted.
    pub fn touch(&mut self, index: u32) {
        let has_index = |session: &Session| session.index == index;
        let position = self.sessions.iter().position(has_index);
        if let Some(session) = position.and_then(|position| self.sessions.remove(position)) {
            self.sessions.push_front(session);
        }
    }

    /// The number of sessions and candidates.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.sessions.len() + self.candidates.len()
    }
}

fn push_front<T>(list: &mut VecDeque<T>, entry: T, limit: usize) {
    list.push_front(entry);
    list.truncate(limit);
}
