//! Announcing the new location of an address: a gratuitous ARP (RFC 5227, 1.1), several times, since a frame may be
//! lost.
//!
//! The frame is written by hand: it is an Ethernet header and an ARP message of 28 bytes, for which a crate for frame formats would be
//! another dependency of the switch.

use alloc::vec::Vec;

use runtime::protocol::Mac;
use runtime::protocol::ports::PortNumber;

use crate::frame::{ETHERTYPE_OFFSET, SOURCE_OFFSET};

/// The number of announcements.
const REPEATS: u32 = 3;
/// The time between two of them.
const INTERVAL_NS: u64 = 200_000_000;

/// The shortest frame on a wire, without its checksum.
pub const FRAME_BYTES: usize = 60;

/// A frame that announces `ip` at `mac`.
pub fn frame(mac: Mac, ip: [u8; 4]) -> [u8; FRAME_BYTES] {
    const ETHERTYPE_ARP: [u8; 2] = [0x08, 0x06];
    const ARP_OFFSET: usize = 14;
    // Ethernet, IPv4, their lengths, a request. Some hosts ignore unsolicited replies.
    const ARP_HEAD: [u8; 8] = [0, 1, 0x08, 0x00, 6, 4, 0, 1];
    let mut frame = [0; FRAME_BYTES];
    let mut put = |at: usize, bytes: &[u8]| frame[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &Mac::BROADCAST.0);
    put(SOURCE_OFFSET, &mac.0);
    put(ETHERTYPE_OFFSET, &ETHERTYPE_ARP);
    put(ARP_OFFSET, &ARP_HEAD);
    put(ARP_OFFSET + 8, &mac.0);
    put(ARP_OFFSET + 14, &ip);
    put(ARP_OFFSET + 24, &ip);
    frame
}

/// The pending announcements.
#[derive(Debug, Default)]
pub struct Announcements {
    pending: Vec<Announcement>,
}

#[derive(Debug)]
struct Announcement {
    port: PortNumber,
    ip: [u8; 4],
    left: u32,
    due_ns: u64,
}

impl Announcements {
    /// Starts announcing this port's address; the first announcement is due immediately.
    pub fn begin(&mut self, port: PortNumber, ip: [u8; 4]) {
        self.end(port);
        self.pending.push(Announcement {
            port,
            ip,
            left: REPEATS,
            due_ns: 0,
        });
    }

    /// Stops announcing this port.
    pub fn end(&mut self, port: PortNumber) {
        self.pending
            .retain(|announcement| announcement.port != port);
    }

    /// The addresses to announce now.
    pub fn take_due(&mut self, now_ns: u64) -> Vec<(PortNumber, [u8; 4])> {
        let mut due = Vec::new();
        for announcement in &mut self.pending {
            if announcement.due_ns <= now_ns {
                due.push((announcement.port, announcement.ip));
                announcement.left -= 1;
                announcement.due_ns = now_ns + INTERVAL_NS;
            }
        }
        self.pending.retain(|announcement| announcement.left > 0);
        due
    }

    /// The time of the next announcement.
    pub fn next_ns(&self) -> Option<u64> {
        let due = self.pending.iter().map(|announcement| announcement.due_ns);
        due.min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: PortNumber = PortNumber(5);
    const IP: [u8; 4] = [10, 77, 0, 20];

    #[test]
    fn the_frame_contains_both_addresses() {
        let frame = frame(Mac([0x52, 0x54, 0, 0, 0, 1]), IP);
        #[rustfmt::skip]
        let expected = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0, 0, 1, 0x08, 0x06,
            0, 1, 0x08, 0, 6, 4, 0, 1,
            0x52, 0x54, 0, 0, 0, 1, 10, 77, 0, 20,
            0, 0, 0, 0, 0, 0, 10, 77, 0, 20,
        ];
        assert_eq!(frame[..42], expected);
        assert_eq!(frame[42..], [0; 18]);
    }

    #[test]
    fn an_address_is_announced_at_once_and_again() {
        let mut announcements = Announcements::default();
        announcements.begin(PORT, IP);
        let (mut now_ns, mut times) = (1_000, 0);
        while let Some(next_ns) = announcements.next_ns() {
            now_ns = next_ns.max(now_ns);
            assert_eq!(announcements.take_due(now_ns), [(PORT, IP)]);
            assert!(announcements.take_due(now_ns).is_empty());
            times += 1;
        }
        assert_eq!(times, REPEATS);
    }

    #[test]
    fn a_closed_port_is_no_longer_announced() {
        let mut announcements = Announcements::default();
        announcements.begin(PORT, IP);
        announcements.end(PORT);
        assert_eq!(announcements.next_ns(), None);
        assert!(announcements.take_due(u64::MAX / 2).is_empty());
    }
}
