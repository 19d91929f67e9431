//! A session with a machine: numbered datagrams, encrypted both ways.
//!
//! ```text
//!   kind 3 | receiver's index u32 | nonce u64 | ciphertext and tag       little-endian
//! ```

use alloc::vec;
use alloc::vec::Vec;

use snow::StatelessTransportState;

use crate::noise::TAG_BYTES;
use crate::packet::{Kind, Packet};
use crate::replay::{NONCE_END, Window};

/// An established session or a candidate.
pub struct Session {
    cipher: StatelessTransportState,
    /// The session's index on this side.
    pub index: u32,
    /// The session's index on the other side.
    peer_index: u32,
    sent: u64,
    window: Window,
    /// When the first message was sent since one was last received.
    silent_since_us: Option<u64>,
}

impl Session {
    /// Creates the session of a completed handshake.
    pub fn new(cipher: StatelessTransportState, index: u32, peer_index: u32) -> Session {
        Session {
            cipher,
            index,
            peer_index,
            sent: 0,
            window: Window::default(),
            silent_since_us: None,
        }
    }

    /// Encrypts a message; `None` when the nonces are used up, which takes longer than any machine runs.
    pub fn seal(&mut self, now_us: u64, message: &[u8]) -> Option<Vec<u8>> {
        if self.sent >= NONCE_END {
            return None;
        }
        let mut sealed = vec![0; message.len() + TAG_BYTES];
        let length = self
            .cipher
            .write_message(self.sent, message, &mut sealed)
            .ok()?;
        sealed.truncate(length);
        let packet = Packet {
            kind: Kind::Data,
            index: self.peer_index,
            number: self.sent,
            body: &sealed,
        };
        self.sent += 1;
        self.silent_since_us.get_or_insert(now_us);
        Some(packet.to_bytes())
    }

    /// Decrypts a message of the other side, the first time it is received.
    pub fn open(&mut self, packet: &Packet<'_>) -> Option<Vec<u8>> {
        let nonce = packet.number;
        if !self.window.is_new(nonce) {
            return None;
        }
        let mut message = vec![0; packet.body.len()];
        let opened = self.cipher.read_message(nonce, packet.body, &mut message);
        message.truncate(opened.ok()?);
        self.window.mark_received(nonce);
        self.silent_since_us = None;
        Some(message)
    }

    /// Whether nothing was received for longer than the limit after a send: the other side may have lost the session.
    pub fn is_silent(&self, now_us: u64, limit_us: u64) -> bool {
        self.silent_since_us
            .is_some_and(|since_us| now_us.saturating_sub(since_us) > limit_us)
    }
}
