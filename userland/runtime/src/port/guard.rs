//! Drops the frames that the stack does not survive: [`Guard`].
//!
//! The stack asserts that addresses and lengths which it has taken from a frame are those of a well-behaved neighbour. A frame with
//! another value would end the domain, which is not the fault of the domain, and anybody on its network can send one.
//!
//! | frame | what the stack would do |
//! | --- | --- |
//! | IPv4 from 0.0.0.0, except IGMP | it would take the sender for a DHCP server, and panic when it renews the lease from it |
//! | a DHCP reply that names a router that is no host ([`dhcp`]) | it would panic when it sends the next packet to another network |
//! | a router's advertisement with a prefix that is none ([`advertisement`]) | it would panic at once |
//! | that of a second router ([`router`]) | its table of routes has room for one; a lease with a router would then panic |
//!
//! No check relies on one of the stack: a malformed frame that the stack drops by itself may be dropped here or pass.
//!
//! IGMP may come from 0.0.0.0, since the queries of switches without an address do, and the stack replies to the group. Tagged frames (IEEE
//! 802.1Q) pass, since the stack drops them all.

mod advertisement;
mod dhcp;
mod router;

use embassy_time::Instant;

use router::Router;

const ETHERNET_HEADER_BYTES: usize = 14;
const IGMP: u8 = 2;
const UDP: u8 = 17;

/// Decides which frames the stack gets.
#[derive(Debug, Default)]
pub(super) struct Guard {
    /// The router whose advertisements the stack gets.
    router: Option<Router>,
}

impl Guard {
    /// A guard that has seen no frame.
    pub const fn new() -> Guard {
        Guard { router: None }
    }

    /// Whether the stack survives this frame, after those that were admitted before it. Calls `now` for few frames only.
    pub fn admits(&mut self, frame: &[u8], now: impl FnOnce() -> Instant) -> bool {
        let Some((header, packet)) = frame.split_at_checked(ETHERNET_HEADER_BYTES) else {
            return true;
        };
        match header[12..] {
            [0x08, 0x00] => is_harmless_ipv4(packet),
            [0x86, 0xdd] => self.admits_ipv6(packet, now),
            _ => true,
        }
    }

    fn admits_ipv6(&mut self, packet: &[u8], now: impl FnOnce() -> Instant) -> bool {
        let Some(message) = advertisement::find(packet) else {
            return true;
        };
        let Some(advertisement) = advertisement::read(packet, message) else {
            return false;
        };
        router::admits(&mut self.router, &advertisement, now())
    }
}

/// Whether the stack survives this IPv4 packet.
fn is_harmless_ipv4(packet: &[u8]) -> bool {
    let Some(header) = packet.first_chunk::<20>() else {
        return true;
    };
    match (&header[12..16], header[9]) {
        ([0, 0, 0, 0], protocol) => protocol == IGMP,
        (_, UDP) => {
            let header_bytes = usize::from(header[0] & 0xf) * 4;
            let datagram = packet.get(header_bytes..).unwrap_or(&[]);
            !dhcp::is_reply(datagram) || dhcp::is_harmless(datagram)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests;
