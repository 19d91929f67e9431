//! The sessions with operators' tools: [`Operators`].
//!
//! All of them have the operator's key, and there may be several at once, wherever they are: a session is known by its
//! number here. A machine answers operators and never begins. The one that was heard least recently goes first when there
//! are too many; its tool notices the silence and begins anew.

use alloc::vec::Vec;

use crate::accepted::{Accepted, Limits};
use crate::packet::Packet;
use crate::session::Session;
use crate::sessions::Deaf;

/// How many operators' tools are listened to at once.
const LIMITS: Limits = Limits {
    sessions: 32,
    candidates: 32,
};

/// A session with an operator's tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatorSession(u32);

/// All of them.
pub(crate) struct Operators(Accepted);

impl Operators {
    pub(crate) fn new() -> Operators {
        Operators(Accepted::new(LIMITS))
    }

    /// Adds what an operator's handshake has led to.
    pub(crate) fn propose(&mut self, candidate: Session) {
        self.0.propose(candidate);
    }

    /// Whether a datagram claims to be of one of these sessions.
    pub(crate) fn has(&self, packet: &Packet<'_>) -> bool {
        self.0.has(packet.index)
    }

    /// Decrypts what an operator said.
    pub(crate) fn open(&mut self, packet: &Packet<'_>) -> Result<(OperatorSession, Vec<u8>), Deaf> {
        let message = self.0.open(packet)?;
        self.0.freshen(packet.index);
        Ok((OperatorSession(packet.index), message))
    }

    /// Encrypts what an operator shall hear, if the session is still there.
    pub(crate) fn seal(
        &mut self,
        to: OperatorSession,
        now_us: u64,
        message: &[u8],
    ) -> Option<Vec<u8>> {
        self.0.named(to.0)?.seal(now_us, message)
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.0.count()
    }
}
