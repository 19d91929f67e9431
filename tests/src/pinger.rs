//! A sender of echo requests (ping) in frames of minimal length, at a port of the segment: [`Pinger`].
//!
//! It makes its frames itself, so that no other network stack takes part. A frame has 60 bytes here, and with its checksum
//! (FCS) 64 on a wire.

use std::io::{self, ErrorKind};
use std::net::Ipv4Addr;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use crate::frame::{self, ICMP, checksum};
use crate::segment::{MacAddress, Port, Segment};

/// The length of a frame without its FCS.
const FRAME_BYTES: usize = 60;
const HEADER_BYTES: usize = 14;
const ARP: [u8; 2] = [0x08, 0x06];
const IPV4: [u8; 2] = [0x08, 0x00];
const ARP_REQUEST: u8 = 1;
const ARP_REPLY: u8 = 2;
const BROADCAST: [u8; 6] = [0xff; 6];
const ECHO_REQUEST: u8 = 8;
const ECHO_REPLY: u8 = 0;
/// Where the sequence number of an echo reply is in its frame.
const SEQUENCE: usize = 40;

/// How long a reply may take before the frame is considered lost.
const PATIENCE: Duration = Duration::from_secs(2);
/// The interval between ARP requests to a host that is still starting.
const ARP_INTERVAL: Duration = Duration::from_millis(5);

/// The result of a number of echo requests.
#[derive(Clone, Debug, Default)]
pub struct Echoes {
    /// The time from each request to its reply, sorted.
    pub round_trips: Vec<Duration>,
    /// The time that all took.
    pub elapsed: Duration,
}

/// A host at a port of the segment that pings another one.
#[derive(Debug)]
pub struct Pinger {
    socket: UnixDatagram,
    port: Port,
    mac: MacAddress,
    address: Ipv4Addr,
    target: Ipv4Addr,
    target_mac: [u8; 6],
}

impl Pinger {
    /// Joins the segment. It can ping `target` after [`resolve`](Self::resolve).
    ///
    /// # Panics
    ///
    /// If the socket cannot be bound.
    pub fn join(
        segment: &mut Segment,
        mac: MacAddress,
        address: Ipv4Addr,
        target: Ipv4Addr,
    ) -> Self {
        let port = segment.port("pinger");
        let socket = UnixDatagram::bind(port.peer_socket()).expect("the pinger's socket");
        Self {
            socket,
            port,
            mac,
            address,
            target,
            target_mac: BROADCAST,
        }
    }

    /// Sends ARP requests until the target replies. The target then knows this host's address too.
    ///
    /// # Panics
    ///
    /// If it does not reply within `limit`.
    pub fn resolve(&mut self, limit: Duration) {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            self.send(&self.arp_request());
            if let Some(mac) = self.receive(ARP_INTERVAL, |frame| self.resolved(frame)) {
                self.target_mac = mac;
                return;
            }
        }
        panic!("{} does not reply to ARP within {limit:?}", self.target);
    }

    /// Sends `count` echo requests, at most `window` at a time, and waits for their replies.
    ///
    /// # Panics
    ///
    /// If a reply does not come, or is not the oldest one.
    pub fn ping(&mut self, count: usize, window: usize) -> Echoes {
        let begun = Instant::now();
        let mut sent = Vec::with_capacity(count);
        let mut echoes = Echoes::default();
        while echoes.round_trips.len() < count {
            let received = echoes.round_trips.len();
            while sent.len() < count.min(received + window) {
                sent.push(Instant::now());
                self.send(&self.echo_request(sent.len() as u16));
            }
            let sequence = self.receive(PATIENCE, |frame| self.replied(frame));
            let expected = (received + 1) as u16;
            assert_eq!(sequence, Some(expected), "of {count} echo requests");
            echoes.round_trips.push(sent[received].elapsed());
        }
        echoes.elapsed = begun.elapsed();
        echoes.round_trips.sort();
        echoes
    }

    fn send(&self, frame: &[u8]) {
        let sent = self.socket.send_to(frame, self.port.switch_socket());
        sent.expect("the segment accepts every frame");
    }

    /// The first result that `of` has for a frame received within `limit`.
    fn receive<T>(&self, limit: Duration, of: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + limit;
        let mut buffer = [0; 2048];
        loop {
            let remaining = deadline.saturating_duration_since(Instant::now());
            // A timeout of zero would mean none.
            let timeout = remaining.max(Duration::from_micros(1));
            let set = self.socket.set_read_timeout(Some(timeout));
            set.expect("a timeout above zero");
            match self.socket.recv(&mut buffer) {
                Ok(length) => {
                    let frame = &buffer[..length];
                    if let Some(found) = of(frame) {
                        return Some(found);
                    }
                    if let Some(reply) = self.arp_reply(frame) {
                        self.send(&reply);
                    }
                }
                Err(error) if is_timeout(&error) => {}
                Err(error) => panic!("the pinger's socket: {error}"),
            }
            if remaining.is_zero() {
                return None;
            }
        }
    }

    fn arp_request(&self) -> Vec<u8> {
        let target = [&[0; 6][..], &self.target.octets()].concat();
        self.arp(BROADCAST, ARP_REQUEST, &target)
    }

    /// The reply, if this frame is a request for this host's address. Linux repeats its request after some seconds, and sends a host that
    /// does not reply nothing further.
    fn arp_reply(&self, frame: &[u8]) -> Option<Vec<u8>> {
        let packet = payload(frame, ARP)?;
        let is_request = packet.get(6..8)? == [0, ARP_REQUEST];
        let is_for_this = packet.get(24..28)? == self.address.octets();
        let asker = packet.get(8..18)?;
        let to = asker[..6].try_into().ok()?;
        (is_request && is_for_this).then(|| self.arp(to, ARP_REPLY, asker))
    }

    /// An ARP frame about this host. `target` has the Ethernet and the IP address of the other one.
    fn arp(&self, to: [u8; 6], operation: u8, target: &[u8]) -> Vec<u8> {
        let ethernet = [&to[..], &self.mac.0, &ARP].concat();
        let head = [0, 1, 8, 0, 6, 4, 0, operation];
        let own = self.address.octets();
        let mut frame = [&ethernet[..], &head, &self.mac.0, &own, target].concat();
        frame.resize(FRAME_BYTES, 0);
        frame
    }

    /// The target's address on the segment, if this frame is its reply to an ARP request.
    fn resolved(&self, frame: &[u8]) -> Option<[u8; 6]> {
        let packet = payload(frame, ARP)?;
        let is_reply = packet.get(6..8)? == [0, ARP_REPLY];
        let is_from_target = packet.get(14..18)? == self.target.octets();
        let mac = packet.get(8..14)?.try_into().ok()?;
        (is_reply && is_from_target).then_some(mac)
    }

    fn echo_request(&self, sequence: u16) -> Vec<u8> {
        let [high, low] = sequence.to_be_bytes();
        let mut message = [0; FRAME_BYTES - HEADER_BYTES - 20];
        message[..8].copy_from_slice(&[ECHO_REQUEST, 0, 0, 0, 0, 1, high, low]);
        let sum = checksum(&message).to_be_bytes();
        message[2..4].copy_from_slice(&sum);
        let own = (self.mac, self.address.octets());
        let target = (MacAddress(self.target_mac), self.target.octets());
        frame::ipv4(ICMP, own, target, &message)
    }

    /// The sequence number of an echo reply from the target.
    fn replied(&self, frame: &[u8]) -> Option<u16> {
        let packet = payload(frame, IPV4)?;
        let is_echo = packet.get(9) == Some(&ICMP) && packet.get(20) == Some(&ECHO_REPLY);
        let is_from_target = packet.get(12..16)? == self.target.octets();
        let sequence = frame.get(SEQUENCE..SEQUENCE + 2)?.try_into().ok()?;
        (is_echo && is_from_target).then_some(u16::from_be_bytes(sequence))
    }
}

fn is_timeout(error: &io::Error) -> bool {
    [
        ErrorKind::WouldBlock,
        ErrorKind::TimedOut,
        ErrorKind::Interrupted,
    ]
    .contains(&error.kind())
}

/// The payload of a frame of this kind.
fn payload(frame: &[u8], kind: [u8; 2]) -> Option<&[u8]> {
    let is_kind = frame.get(12..HEADER_BYTES)? == kind;
    is_kind.then(|| &frame[HEADER_BYTES..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinger() -> (Segment, Pinger) {
        let mut segment = Segment::new();
        let [own, target] = [99, 21].map(|last| Ipv4Addr::new(10, 77, 0, last));
        let pinger = Pinger::join(&mut segment, MacAddress::local(99), own, target);
        (segment, pinger)
    }

    #[test]
    fn frames_have_the_minimal_length_and_valid_checksums() {
        let (_segment, pinger) = pinger();
        assert_eq!(pinger.arp_request().len(), FRAME_BYTES);
        let frame = pinger.echo_request(0x1234);
        assert_eq!(frame.len(), FRAME_BYTES);
        assert_eq!(checksum(&frame[14..34]), 0, "the header's");
        assert_eq!(checksum(&frame[34..]), 0, "the message's");
    }

    #[test]
    fn a_request_for_its_address_is_answered_to_the_asker() {
        let (_segment, pinger) = pinger();
        let (mut other, mac) = (Segment::new(), MacAddress::local(21));
        let asker = Pinger::join(&mut other, mac, pinger.target, pinger.address);
        let reply = pinger.arp_reply(&asker.arp_request());
        let reply = reply.expect("a reply");
        assert_eq!(reply[..6], mac.0);
        assert_eq!(asker.resolved(&reply), Some(MacAddress::local(99).0));
        assert_eq!(pinger.arp_reply(&reply), None, "a reply");
        assert_eq!(
            asker.arp_reply(&asker.arp_request()),
            None,
            "another host's address"
        );
    }

    #[test]
    fn a_reply_is_recognised_by_its_sender_and_kind() {
        let (_segment, pinger) = pinger();
        let mut frame = pinger.echo_request(0x1234);
        frame[26..30].copy_from_slice(&pinger.target.octets());
        assert_eq!(pinger.replied(&frame), None, "a request");
        frame[34] = ECHO_REPLY;
        assert_eq!(pinger.replied(&frame), Some(0x1234));
        frame[29] += 1;
        assert_eq!(pinger.replied(&frame), None, "another host's");
        assert_eq!(pinger.replied(&frame[..20]), None, "truncated");
    }
}
