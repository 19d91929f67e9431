//! Sessions that were agreed on, and those in which nothing was heard yet: [`Accepted`].
//!
//! ```text
//!   handshake answered  ->  candidate  -- something heard in it -->  session
//! ```
//!
//! Who recorded a handshake and sends it again gets a candidate at most, and candidates push out candidates only: both
//! lists are bounded, the oldest goes first.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::packet::Packet;
use crate::session::Session;
use crate::sessions::Deaf;

/// How many of each are kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Sessions.
    pub sessions: usize,
    /// Candidates.
    pub candidates: usize,
}

/// Sessions and candidates.
pub struct Accepted {
    /// The latest first.
    sessions: VecDeque<Session>,
    candidates: VecDeque<Session>,
    limits: Limits,
}

impl Accepted {
    /// None yet.
    pub fn new(limits: Limits) -> Accepted {
        Accepted {
            sessions: VecDeque::new(),
            candidates: VecDeque::new(),
            limits,
        }
    }

    /// Adds what a handshake of the other side's has led to.
    pub fn propose(&mut self, candidate: Session) {
        push_front(&mut self.candidates, candidate, self.limits.candidates);
    }

    /// Adds what a handshake of this side's has led to, which the other side has answered.
    pub fn establish(&mut self, session: Session) {
        push_front(&mut self.sessions, session, self.limits.sessions);
    }

    /// The session that was agreed on last.
    pub fn latest(&mut self) -> Option<&mut Session> {
        self.sessions.front_mut()
    }

    /// The session that this side calls so.
    pub fn named(&mut self, index: u32) -> Option<&mut Session> {
        let mut sessions = self.sessions.iter_mut();
        sessions.find(|session| session.index == index)
    }

    /// Whether this side calls a session or candidate so.
    pub fn has(&self, index: u32) -> bool {
        let mut all = self.sessions.iter().chain(&self.candidates);
        all.any(|session| session.index == index)
    }

    /// Decrypts what was said in a session, or in a candidate, which becomes one.
    ///
    /// # Errors
    /// [`Deaf::Forged`] or [`Deaf::Stale`].
    pub fn open(&mut self, packet: &Packet<'_>) -> Result<Vec<u8>, Deaf> {
        if let Some(session) = self.named(packet.index) {
            return session.open(packet).ok_or(Deaf::Forged);
        }
        let is_meant = |session: &Session| session.index == packet.index;
        let position = self.candidates.iter().position(is_meant);
        let position = position.ok_or(Deaf::Stale)?;
        let message = self.candidates[position].open(packet).ok_or(Deaf::Forged)?;
        if let Some(session) = self.candidates.remove(position) {
            self.establish(session);
        }
        Ok(message)
    }

    /// Makes a session the last to go.
    pub fn freshen(&mut self, index: u32) {
        let is_meant = |session: &Session| session.index == index;
        let position = self.sessions.iter().position(is_meant);
        if let Some(session) = position.and_then(|position| self.sessions.remove(position)) {
            self.sessions.push_front(session);
        }
    }

    /// How many sessions and candidates there are.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.sessions.len() + self.candidates.len()
    }
}

fn push_front(sessions: &mut VecDeque<Session>, session: Session, most: usize) {
    sessions.push_front(session);
    sessions.truncate(most);
}
