//! A session with a machine or an operator's tool: numbered datagrams, encrypted both ways.
//!
//! ```text
//!   0xc3 | receiver's index u32 | nonce u64 | ciphertext and tag       little-endian
//! ```

use alloc::vec;
use alloc::vec::Vec;

use crate::cipher::Cipher;
use crate::cipher::TAG_BYTES;
use crate::packet::{self, Kind, PACKET_HEAD_BYTES, Packet};
use crate::replay::{NONCE_END, Window};

/// The number of bytes by which a datagram is longer than its message.
pub const SEAL_BYTES: usize = PACKET_HEAD_BYTES + TAG_BYTES;

/// A session: established, or a candidate, in which no message was received yet.
pub struct Session {
    send: Cipher,
    receive: Cipher,
    /// The session's index on this side.
    pub index: u32,
    /// The session's index on the other side.
    peer_index: u32,
    sent: u64,
    window: Window,
    /// The time of the first message sent after the last one was received; `None` if no message was sent after that.
    silent_since_us: Option<u64>,
}

impl Session {
    /// Creates the session of a completed handshake, from its ciphers to send and to receive.
    pub fn new((send, receive): (Cipher, Cipher), index: u32, peer_index: u32) -> Session {
        Session {
            send,
            receive,
            index,
            peer_index,
            sent: 0,
            window: Window::default(),
            silent_since_us: None,
        }
    }

    /// Encrypts a message; `None` when the nonces are used up, which takes longer than any machine runs.
    pub fn seal(&mut self, now_us: u64, message: &[u8]) -> Option<Vec<u8>> {
        let mut datagram = vec![0; message.len() + SEAL_BYTES];
        self.seal_into(now_us, message, &mut datagram)?;
        Some(datagram)
    }

    /// Like [`Session::seal`], but writes the datagram into `datagram`, which is [`SEAL_BYTES`] longer than the
    /// message.
    pub fn seal_into(&mut self, now_us: u64, message: &[u8], datagram: &mut [u8]) -> Option<()> {
        if self.sent >= NONCE_END {
            return None;
        }
        let (head, sealed) = datagram.split_first_chunk_mut()?;
        *head = packet::head(Kind::Data, self.peer_index, self.sent);
        self.send.seal(self.sent, message, sealed)?;
        self.sent += 1;
        self.silent_since_us.get_or_insert(now_us);
        Some(())
    }

    /// An empty message, which only proves that this side has the session's keys, and gets no reply.
    pub fn confirm(&mut self, now_us: u64) -> Option<Vec<u8>> {
        let datagram = self.seal(now_us, &[]);
        self.silent_since_us = None;
        datagram
    }

    /// Decrypts a message of the other side, the first time it is received.
    pub fn open(&mut self, packet: &Packet<'_>) -> Option<Vec<u8>> {
        let nonce = packet.number;
        if !self.window.is_new(nonce) {
            return None;
        }
        let message = self.receive.open(nonce, packet.body)?;
        self.window.mark_received(nonce);
        self.silent_since_us = None;
        Some(message)
    }

    /// Whether a message was sent more than `limit_us` ago and nothing has been received after it. Then the other side
    /// may have lost the session.
    pub fn is_silent(&self, now_us: u64, limit_us: u64) -> bool {
        self.silent_since_us
            .is_some_and(|since_us| now_us.saturating_sub(since_us) > limit_us)
    }
}
