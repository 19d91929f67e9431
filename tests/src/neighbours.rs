//! Other hosts on a segment, which have nothing to do with the machines and send broadcasts and multicasts: [`Neighbours`].

use std::net::Ipv4Addr;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nomad_protocol::{HELLO_BYTES, HELLO_GROUP, PORT};

use crate::frame::{self, Addresses};
use crate::random::Random;
use crate::{MacAddress, Segment};

/// The number of hosts.
pub const HOSTS: u8 = 100;
/// The last byte of the first host's IPv4 address.
const FIRST: u8 = 120;
/// The time between two frames. With it, the hosts send up to 1,000 frames per second, each about ten.
const INTERVAL: Duration = Duration::from_millis(1);

/// The group and port of multicast DNS (RFC 6762), which many hosts use.
const MDNS: (Ipv4Addr, u16) = (Ipv4Addr::new(224, 0, 0, 251), 5353);
/// The kind of a hello's datagram (docs/wire-format.md).
const HELLO: u8 = 0xc7;

/// The hosts, until they are finished.
#[derive(Debug)]
pub struct Neighbours {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Neighbours {
    /// Adds the hosts to a segment, at a port of their own.
    ///
    /// # Panics
    ///
    /// If the port cannot be made. Frames that the segment does not accept end the thread, which [`Neighbours::finish`] reports.
    pub fn start(segment: &mut Segment, seed: u64) -> Neighbours {
        let port = segment.port("neighbours");
        let socket = UnixDatagram::unbound().expect("a socket");
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = is_over.clone();
        let thread = thread::spawn(move || {
            let mut random = Random::stream(seed, 0);
            let mut sent = 0;
            while !ends.load(Ordering::Relaxed) {
                let host = host((sent % u64::from(HOSTS)) as u8);
                let frame = frame_of(host, &mut random);
                let result = socket.send_to(&frame, port.switch_socket());
                result.expect("the segment takes a frame");
                sent += 1;
                thread::sleep(INTERVAL);
            }
            sent
        });
        Neighbours { is_over, thread }
    }

    /// Ends them. Returns the number of frames that they sent.
    ///
    /// # Panics
    ///
    /// If their thread has panicked.
    pub fn finish(self) -> u64 {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().expect("the thread of the neighbours")
    }
}

/// The addresses of a host.
fn host(number: u8) -> Addresses {
    let mac = MacAddress([0x52, 0x54, 0x00, 0xb0, 0x00, number]);
    (mac, [10, 77, 0, FIRST + number])
}

/// The next frame of a host: it looks for another host or a machine, announces itself, or sends to the group of hellos.
fn frame_of(host: Addresses, random: &mut Random) -> Vec<u8> {
    match random.below(4) {
        0 => arp_request(host, [10, 77, 0, random.below(255) as u8]),
        1 => arp_request(host, host.1),
        2 => {
            let length = random.below(1_400) as usize;
            to_group(host, MDNS, &bytes(random, length))
        }
        _ => {
            // Half of them have the kind and the length of a hello.
            let mut junk = bytes(random, 5 + HELLO_BYTES + 16);
            if random.below(2) == 0 {
                junk[0] = HELLO;
            }
            to_group(host, (HELLO_GROUP, PORT), &junk)
        }
    }
}

/// A broadcast that asks who has an IPv4 address.
fn arp_request(from: Addresses, wanted: [u8; 4]) -> Vec<u8> {
    /// Ethernet, IPv4, the lengths of their addresses, a request.
    const HEADER: [u8; 8] = [0, 1, 0x08, 0x00, 6, 4, 0, 1];
    let (mac, address) = (&from.0.0[..], &from.1[..]);
    let ethernet = [&[0xff; 6][..], mac, &[0x08, 0x06]].concat();
    [&ethernet[..], &HEADER, mac, address, &[0; 6], &wanted].concat()
}

/// A datagram to a group.
fn to_group(from: Addresses, (group, port): (Ipv4Addr, u16), content: &[u8]) -> Vec<u8> {
    let octets = group.octets();
    // RFC 1112, 6.4.
    let mac = MacAddress([0x01, 0x00, 0x5e, octets[1] & 0x7f, octets[2], octets[3]]);
    frame::udp((from, port), ((mac, octets), port), content)
}

fn bytes(random: &mut Random, count: usize) -> Vec<u8> {
    (0..count).map(|_| random.bits() as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_has_its_own_addresses_and_sends_to_all() {
        let mut random = Random::stream(1, 0);
        for number in 0..HOSTS {
            let host = host(number);
            assert_eq!(host.1[3] - FIRST, number);
            for _ in 0..20 {
                let frame = frame_of(host, &mut random);
                assert!(frame[0] & 1 == 1 && frame[6..12] == host.0.0);
            }
        }
    }
}
