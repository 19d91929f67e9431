//! The sessions with operators' tools: [`Operators`].
//!
//! All tools have the same key, and several may be connected at once, from any address, so a session is identified by
//! its index on this side. A machine responds to operators and never begins a handshake with them. When there are too
//! many sessions, the least recently used one is evicted. Its tool notices the silence and begins a new session.

use alloc::vec::Vec;

use crate::accepted::{Accepted, Limits};
use crate::packet::Packet;
use crate::session::Session;
use crate::sessions::ReceiveError;

/// The sessions of all operators together, and the candidates: sessions in which no message was received yet.
const LIMITS: Limits = Limits {
    sessions: 32,
    candidates: 32,
};

/// A session with an operator's tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatorSession(u32);

/// The sessions with all operators' tools.
pub(crate) struct Operators(Accepted);

impl Operators {
    pub(crate) fn new() -> Operators {
        Operators(Accepted::new(LIMITS))
    }

    /// Adds the result of an operator's handshake.
    pub(crate) fn add_candidate(&mut self, now_us: u64, candidate: Session) {
        self.0.add_candidate(now_us, candidate);
    }

    /// Whether a datagram claims to belong to one of these sessions.
    pub(crate) fn contains(&self, packet: &Packet<'_>) -> bool {
        self.0.contains(packet.index)
    }

    /// Decrypts an operator's message.
    pub(crate) fn open(
        &mut self,
        now_us: u64,
        packet: &Packet<'_>,
    ) -> Result<(OperatorSession, Vec<u8>), ReceiveError> {
        let message = self.0.open(now_us, packet)?;
        self.0.touch(packet.index);
        Ok((OperatorSession(packet.index), message))
    }

    /// Encrypts a message to an operator; `None` if the session no longer exists.
    pub(crate) fn seal(
        &mut self,
        to: OperatorSession,
        now_us: u64,
        message: &[u8],
    ) -> Option<Vec<u8>> {
        self.0.get_mut(to.0)?.seal(now_us, message)
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.0.count()
    }
}
