//! Hellos as datagrams: see [`Hello`].

use alloc::vec::Vec;

use nomad_protocol::{HELLO_BYTES, Hello};

use super::{Incoming, PeerKind, ReceiveError, Received, Sessions};
use crate::keys::Keys;
use crate::packet::{Kind, Packet};
use crate::tag::TAG_BYTES;

/// Hellos per second whose tags are checked, on average.
const CHECKED_PER_S: u64 = 1_000;
/// Hellos whose tags are checked at once after a pause.
const CHECKED_AT_ONCE: u64 = 200;

/// The number of hellos that may be checked now: whoever sends more does not cost more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    count: u64,
    refilled_us: u64,
}

impl Default for Allowance {
    fn default() -> Allowance {
        Allowance {
            count: CHECKED_AT_ONCE,
            refilled_us: 0,
        }
    }
}

impl Allowance {
    /// Takes one; returns whether there was one.
    fn take(&mut self, now_us: u64) -> bool {
        let elapsed_us = now_us.saturating_sub(self.refilled_us);
        let earned = elapsed_us.saturating_mul(CHECKED_PER_S) / 1_000_000;
        if earned > 0 {
            self.count = CHECKED_AT_ONCE.min(self.count.saturating_add(earned));
            self.refilled_us = now_us;
        }
        let left = self.count.checked_sub(1);
        self.count = left.unwrap_or(0);
        left.is_some()
    }
}

impl Sessions {
    /// The datagram with a hello of this machine.
    pub fn hello(keys: &Keys, hello: &Hello) -> Vec<u8> {
        let packet = Packet {
            kind: Kind::Hello,
            index: 0,
            number: hello.count,
            body: &hello.to_bytes(),
        };
        let tag = keys.tags_of(PeerKind::Machine).tag(&packet, None);
        [&packet.to_bytes()[..], &tag].concat()
    }

    /// Checks the tag of a hello. It costs no key agreement and leaves nothing behind.
    pub(super) fn handle_hello(
        &mut self,
        keys: &Keys,
        now_us: u64,
        packet: &Packet<'_>,
    ) -> Result<Received, ReceiveError> {
        if packet.body.len() != HELLO_BYTES + TAG_BYTES {
            return Err(ReceiveError::Forged);
        }
        if !self.hellos.take(now_us) {
            return Err(ReceiveError::TooMany);
        }
        let opened = keys.tags_of(PeerKind::Machine).open(packet, None);
        let (body, _) = opened.ok_or(ReceiveError::Forged)?;
        let hello = Hello::from_bytes(packet.number, body).ok_or(ReceiveError::Forged)?;
        Ok(super::received(Incoming::Hello(hello)))
    }
}
