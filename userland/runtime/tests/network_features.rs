//! A domain's stack with all features of the runtime, against servers without a stack, which reply frame by frame: DHCP, DNS, an
//! IPv6 neighbour.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use runtime::abi::PAGE_BYTES;
use runtime::embassy_net::dns::DnsQueryType;
use runtime::embassy_net::{IpAddress, Ipv4Cidr};
use runtime::embassy_time::Timer;
use runtime::port::{FRAME_BYTES_MAX, PORT_PAGES, Port, Side};
use runtime::{events, executor, host, net};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, DhcpMessageType, DhcpPacket, DhcpRepr, EthernetAddress,
    EthernetFrame, EthernetProtocol, EthernetRepr, Icmpv6Packet, Icmpv6Repr, IpProtocol,
    Ipv4Packet, Ipv4Repr, Ipv6Packet, Ipv6Repr, UdpPacket, UdpRepr,
};

const ARGUMENTS: &str = "mac=02:00:00:00:00:20
ip=dhcp
ip6=fd00::20/64
doorbell=2
";
const DOMAIN_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 0x20]);
const SERVER_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const LEASED: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 150);
const RESOLVED: Ipv4Addr = Ipv4Addr::new(10, 1, 2, 3);
const DHCP_PORTS: (u16, u16) = (67, 68);
const DNS_PORT: u16 = 53;
const TIMEOUT: Duration = Duration::from_secs(60);
const PING_INTERVAL: Duration = Duration::from_millis(50);

/// A result that the domain reports.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Lease(Ipv4Cidr, Vec<Ipv4Addr>),
    Name(Vec<IpAddress>),
}

/// The servers, at the switch's end of the domain's port.
struct Servers {
    port: Port<'static>,
    checksums: ChecksumCapabilities,
    has_ipv6_reply: bool,
}

impl Servers {
    /// Replies to frames until `done` returns a result.
    fn serve_until<T>(&mut self, mut done: impl FnMut(&Servers) -> Option<T>) -> T {
        let deadline = Instant::now() + TIMEOUT;
        let mut frame = [0; FRAME_BYTES_MAX];
        loop {
            while let Some(length) = self.port.incoming().receive(&mut frame).unwrap() {
                self.handle(&frame[..length]);
            }
            if let Some(result) = done(self) {
                return result;
            }
            assert!(Instant::now() < deadline, "the domain is silent");
            std::thread::yield_now();
        }
    }

    fn handle(&mut self, frame: &[u8]) {
        let frame = EthernetFrame::new_checked(frame).unwrap();
        assert_eq!(frame.src_addr(), DOMAIN_MAC);
        match frame.ethertype() {
            EthernetProtocol::Arp => self.handle_arp(frame.payload()),
            EthernetProtocol::Ipv4 => self.handle_ipv4(frame.payload()),
            EthernetProtocol::Ipv6 => {
                let packet = Ipv6Packet::new_checked(frame.payload()).unwrap();
                let is_icmp = packet.next_header() == IpProtocol::Icmpv6;
                self.has_ipv6_reply |= is_icmp && packet.src_addr() == ipv6(0x20);
            }
            _ => {}
        }
    }

    fn handle_arp(&self, packet: &[u8]) {
        let request = ArpRepr::parse(&ArpPacket::new_checked(packet).unwrap()).unwrap();
        let ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr,
            source_protocol_addr,
            target_protocol_addr: SERVER,
            ..
        } = request
        else {
            return;
        };
        let reply = ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Reply,
            source_hardware_addr: SERVER_MAC,
            source_protocol_addr: SERVER,
            target_hardware_addr: source_hardware_addr,
            target_protocol_addr: source_protocol_addr,
        };
        self.send(EthernetProtocol::Arp, reply.buffer_len(), |bytes| {
            reply.emit(&mut ArpPacket::new_unchecked(bytes));
        });
    }

    fn handle_ipv4(&self, packet: &[u8]) {
        let packet = Ipv4Packet::new_checked(packet).unwrap();
        if packet.next_header() != IpProtocol::Udp {
            return;
        }
        let datagram = UdpPacket::new_checked(packet.payload()).unwrap();
        if datagram.dst_port() == DHCP_PORTS.0 {
            self.handle_dhcp(datagram.payload());
        } else if datagram.dst_port() == DNS_PORT {
            assert_eq!((packet.src_addr(), packet.dst_addr()), (LEASED, SERVER));
            let reply = dns_reply(datagram.payload());
            self.send_datagram(LEASED, (DNS_PORT, datagram.src_port()), &reply);
        }
    }

    fn handle_dhcp(&self, request: &[u8]) {
        let packet = DhcpPacket::new_checked(request).unwrap();
        let request = DhcpRepr::parse(&packet).unwrap();
        let message_type = match request.message_type {
            DhcpMessageType::Discover => DhcpMessageType::Offer,
            DhcpMessageType::Request => DhcpMessageType::Ack,
            other => panic!("{other:?}"),
        };
        let reply = DhcpRepr {
            message_type,
            your_ip: LEASED,
            server_ip: SERVER,
            server_identifier: Some(SERVER),
            router: Some(SERVER),
            subnet_mask: Some(Ipv4Addr::new(255, 255, 255, 0)),
            dns_servers: Some([SERVER].into_iter().collect()),
            lease_duration: Some(3600),
            requested_ip: None,
            client_identifier: None,
            parameter_request_list: None,
            max_size: None,
            ..request
        };
        let mut bytes = vec![0; reply.buffer_len()];
        reply
            .emit(&mut DhcpPacket::new_unchecked(&mut bytes[..]))
            .unwrap();
        self.send_datagram(Ipv4Addr::BROADCAST, DHCP_PORTS, &bytes);
    }

    fn send_datagram(&self, to: Ipv4Addr, ports: (u16, u16), payload: &[u8]) {
        let udp = UdpRepr {
            src_port: ports.0,
            dst_port: ports.1,
        };
        let ip = Ipv4Repr {
            src_addr: SERVER,
            dst_addr: to,
            next_header: IpProtocol::Udp,
            payload_len: udp.header_len() + payload.len(),
            hop_limit: 64,
        };
        let length = ip.buffer_len() + ip.payload_len;
        self.send(EthernetProtocol::Ipv4, length, |bytes| {
            let mut packet = Ipv4Packet::new_unchecked(bytes);
            ip.emit(&mut packet, &self.checksums);
            udp.emit(
                &mut UdpPacket::new_unchecked(packet.payload_mut()),
                &SERVER.into(),
                &to.into(),
                payload.len(),
                |into| into.copy_from_slice(payload),
                &self.checksums,
            );
        });
    }

    /// Sends an echo request over IPv6.
    fn ping6(&self) {
        let (from, to) = (ipv6(1), ipv6(0x20));
        let request = Icmpv6Repr::EchoRequest {
            ident: 1,
            seq_no: 1,
            data: b"caravan",
        };
        let ip = Ipv6Repr {
            src_addr: from,
            dst_addr: to,
            next_header: IpProtocol::Icmpv6,
            payload_len: request.buffer_len(),
            hop_limit: 64,
        };
        let length = ip.buffer_len() + ip.payload_len;
        self.send(EthernetProtocol::Ipv6, length, |bytes| {
            let mut packet = Ipv6Packet::new_unchecked(bytes);
            ip.emit(&mut packet);
            let mut message = Icmpv6Packet::new_unchecked(packet.payload_mut());
            request.emit(&from, &to, &mut message, &self.checksums);
        });
    }

    fn send(&self, ethertype: EthernetProtocol, length: usize, emit: impl FnOnce(&mut [u8])) {
        let header = EthernetRepr {
            src_addr: SERVER_MAC,
            dst_addr: DOMAIN_MAC,
            ethertype,
        };
        let mut bytes = vec![0; (header.buffer_len() + length).max(60)];
        let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
        header.emit(&mut frame);
        emit(&mut frame.payload_mut()[..length]);
        self.port.outgoing().send(&bytes).unwrap();
        host::signal(host::WAKE, events::PORT);
    }
}

fn ipv6(last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last)
}

/// The reply to a query with one question: its name has the address [`RESOLVED`].
fn dns_reply(query: &[u8]) -> Vec<u8> {
    const RESPONSE: [u8; 2] = [0x81, 0x80];
    const COUNTS: [u8; 8] = [0, 1, 0, 1, 0, 0, 0, 0];
    // The question's name, type A, class IN, a lifetime of an hour, four bytes.
    const RECORD: [u8; 12] = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4];
    [
        &query[..2],
        &RESPONSE,
        &COUNTS,
        &query[12..],
        &RECORD,
        &RESOLVED.octets(),
    ]
    .concat()
}

/// All checks are in one test, since a process has one domain.
#[test]
fn finds_its_address_and_names_and_replies_over_ipv6() {
    let port = host::shared_memory((PORT_PAGES * PAGE_BYTES) as usize);
    let start = host::start(ARGUMENTS, port);
    let (found, findings) = mpsc::channel();
    std::thread::spawn(move || {
        executor::run(start, async move |tasks| {
            let stack = net::stack(start, tasks);
            // `wait_config_up` would return as soon as there is an IPv6 address.
            let config = loop {
                match stack.config_v4() {
                    Some(config) => break config,
                    None => Timer::after_millis(1).await,
                }
            };
            let servers = config.dns_servers.to_vec();
            found.send(Found::Lease(config.address, servers)).unwrap();
            let query = stack.dns_query("caravan.example", DnsQueryType::A);
            let addresses = query.await.unwrap();
            found.send(Found::Name(addresses.to_vec())).unwrap();
        })
    });
    let mut servers = Servers {
        port: Port::try_new(port, Side::Switch).unwrap(),
        checksums: ChecksumCapabilities::default(),
        has_ipv6_reply: false,
    };
    let lease = servers.serve_until(|_| findings.try_recv().ok());
    assert_eq!(lease, Found::Lease(Ipv4Cidr::new(LEASED, 24), vec![SERVER]));
    let name = servers.serve_until(|_| findings.try_recv().ok());
    assert_eq!(name, Found::Name(vec![RESOLVED.into()]));
    // The stack looks for a neighbour at most once per second, and drops packets for a neighbour that it has not found yet.
    let mut sent: Option<Instant> = None;
    servers.serve_until(|servers| {
        if sent.is_none_or(|sent| sent.elapsed() > PING_INTERVAL) {
            servers.ping6();
            sent = Some(Instant::now());
        }
        servers.has_ipv6_reply.then_some(())
    });
}
