//! The whole counter on the host: runtime, executor, stack and port against another stack.

mod client;

use client::Client;
use counting::pages::splitmix64;
use runtime::abi::PAGE_BYTES;
use runtime::host;
use runtime::port::{PORT_PAGES, Port, Side};
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::socket::{icmp, tcp, udp};
use smoltcp::wire::{Icmpv4Packet, Icmpv4Repr, IpAddress};

const DOMAIN: [u8; 4] = [10, 77, 0, 20];
const PAGE_COUNT: u64 = 512;
const WORKING_PAGE_COUNT: u64 = 256;

const ARGUMENTS: &str = "heap_mib=2
working_set_mib=1
pages_per_second=5000
port=7000
mac=02:00:00:00:00:20
ip=10.77.0.20/24
doorbell=2
";

fn request(sequence: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&sequence.to_le_bytes());
    bytes[8..].copy_from_slice(&(!sequence).to_le_bytes());
    bytes
}

fn words(reply: &[u8]) -> [u64; 6] {
    let (words, rest) = reply.as_chunks();
    assert!(rest.is_empty() && words.len() == 6, "{reply:?}");
    core::array::from_fn(|index| u64::from_le_bytes(words[index]))
}

fn checksum(sequence: u64) -> u64 {
    let read_only = PAGE_COUNT - WORKING_PAGE_COUNT;
    let page = WORKING_PAGE_COUNT + sequence.wrapping_mul(2_654_435_761) % read_only;
    (page * 512..(page + 1) * 512).fold(0, |sum, index| sum.wrapping_add(splitmix64(index)))
}

/// Checks replies to requests with increasing sequence numbers.
#[derive(Default)]
struct Checker {
    last_counter: u64,
    last_dirtied: u64,
}

impl Checker {
    fn check(&mut self, sequence: u64, reply: &[u8]) {
        let [echo, time, counter, sum, dirtied, flags] = words(reply);
        assert_eq!((echo, time), (sequence, !sequence));
        assert!(counter > self.last_counter, "counter {counter}");
        assert_eq!(sum, checksum(sequence));
        assert!(dirtied >= self.last_dirtied, "{dirtied} dirtied");
        assert_eq!(flags, 0);
        (self.last_counter, self.last_dirtied) = (counter, dirtied);
    }
}

fn request_by_udp(
    client: &mut Client,
    handle: SocketHandle,
    checker: &mut Checker,
    sequences: std::ops::Range<u64>,
) {
    for sequence in sequences {
        client.until(|sockets| {
            let [a, b, c, d] = DOMAIN;
            let to = (IpAddress::v4(a, b, c, d), 7000);
            let socket = sockets.get_mut::<udp::Socket>(handle);
            socket.send_slice(&request(sequence), to).ok()
        });
        let reply = client.until(|sockets| {
            let socket = sockets.get_mut::<udp::Socket>(handle);
            socket.recv().ok().map(|(reply, _)| reply.to_vec())
        });
        checker.check(sequence, &reply);
    }
}

/// Opens several concurrent connections, each with several requests in flight, split into odd pieces.
fn request_by_tcp(client: &mut Client, checker: &mut Checker, connections: usize) {
    const REQUESTS: u64 = 40;
    let handles: Vec<_> = (0..connections)
        .map(|_| client.connect((DOMAIN, 7000)))
        .collect();
    for handle in handles {
        let requests: Vec<u8> = (0..REQUESTS).flat_map(request).collect();
        let mut rest = &requests[..];
        let mut replies = Vec::new();
        client.until(|sockets: &mut SocketSet<'_>| {
            let socket = sockets.get_mut::<tcp::Socket>(handle);
            if socket.can_send() && !rest.is_empty() {
                let sent = socket.send_slice(&rest[..rest.len().min(37)]).unwrap();
                rest = &rest[sent..];
            }
            if socket.can_recv() {
                let take = |bytes: &mut [u8]| (bytes.len(), bytes.to_vec());
                replies.extend(socket.recv(take).unwrap());
            }
            (replies.len() >= 48 * REQUESTS as usize).then_some(())
        });
        for (sequence, reply) in replies.chunks(48).enumerate() {
            checker.check(sequence as u64, reply);
        }
        client.until(|sockets| {
            let socket = sockets.get_mut::<tcp::Socket>(handle);
            socket.close();
            matches!(socket.state(), tcp::State::TimeWait | tcp::State::Closed).then_some(())
        });
    }
}

/// Sends an echo request with this much data, and expects the reply to it.
fn ping(client: &mut Client, identifier: u16, data: &[u8]) {
    let socket = client.icmp(identifier);
    let checksums = ChecksumCapabilities::default();
    let request = Icmpv4Repr::EchoRequest {
        ident: identifier,
        seq_no: 1,
        data,
    };
    client.until(|sockets| {
        let [a, b, c, d] = DOMAIN;
        let socket = sockets.get_mut::<icmp::Socket>(socket);
        let packet = socket.send(request.buffer_len(), IpAddress::v4(a, b, c, d));
        let mut packet = Icmpv4Packet::new_unchecked(packet.ok()?);
        request.emit(&mut packet, &checksums);
        Some(())
    });
    client.until(|sockets| {
        let socket = sockets.get_mut::<icmp::Socket>(socket);
        let (packet, _) = socket.recv().ok()?;
        let packet = Icmpv4Packet::new_checked(packet).unwrap();
        let reply = Icmpv4Repr::parse(&packet, &checksums).unwrap();
        let expected = Icmpv4Repr::EchoReply {
            ident: identifier,
            seq_no: 1,
            data,
        };
        assert_eq!(reply, expected);
        Some(())
    });
}

/// All checks are in one test, since a process has one domain.
#[test]
fn replies_to_pings_and_on_udp_and_on_eight_connections_repeatedly() {
    let port = host::shared_memory((PORT_PAGES * PAGE_BYTES) as usize);
    let start = host::start(ARGUMENTS, port);
    std::thread::spawn(move || counting::run(start));
    let mut client = Client::new(Port::try_new(port, Side::Switch).unwrap(), [10, 77, 0, 2]);
    let mut checker = Checker::default();
    ping(&mut client, 1, b"caravan");
    ping(&mut client, 2, &[7; 1400]);
    let udp = client.udp(4000);
    request_by_udp(&mut client, udp, &mut checker, 0..300);
    for connections in [8, 8, 1] {
        request_by_tcp(&mut client, &mut checker, connections);
    }
    request_by_udp(&mut client, udp, &mut checker, 300..301);
    assert!(checker.last_dirtied > 0);
}
