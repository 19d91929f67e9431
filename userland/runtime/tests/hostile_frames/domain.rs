//! A domain's stack behind its port, polled by the test, and the frames that other hosts send to it.

use std::future::poll_fn;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::pin::pin;
use std::time::{Duration, Instant};

use runtime::abi::PAGE_BYTES;
use runtime::capability::Cap;
use runtime::embassy_net::{self, Config, Stack, StackResources};
use runtime::executor::Tasks;
use runtime::host;
use runtime::port::{Device, Doorbell, FRAME_BYTES_MAX, PORT_PAGES, Port, Side};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, Icmpv4Packet, Icmpv4Repr, IpProtocol, Ipv4Packet, Ipv4Repr, UdpPacket, UdpRepr,
};

/// The domain's MAC address.
pub const MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 0x20]);
/// That of the other hosts.
pub const OTHER_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
const TIMEOUT: Duration = Duration::from_secs(60);

/// A stack, and the switch's end of its port.
pub struct Domain {
    /// The domain's stack.
    pub stack: Stack<'static>,
    /// Starts tasks beside the stack.
    pub tasks: Tasks,
    /// Polls each ready task once.
    poll_once: Box<dyn Fn()>,
    switch: Port<'static>,
}

impl Domain {
    /// Starts a stack with this configuration.
    pub fn new(config: Config) -> Domain {
        let memory = host::shared_memory((PORT_PAGES * PAGE_BYTES) as usize);
        // The stack reads the clock, which this installs.
        host::start("", memory);
        let doorbell = Doorbell {
            notification: Cap::from_slot(host::DOORBELL),
            flags: 1,
        };
        let port = Port::try_new(memory, Side::Domain).unwrap();
        let device = Device::new(port, doorbell, MAC.0);
        let resources = Box::leak(Box::new(StackResources::<8>::new()));
        let (stack, mut runner) = embassy_net::new(device, config, resources, 7);
        let (tasks, poll_once) = host::tasks();
        tasks.spawn(async move {
            let mut running = pin!(runner.run());
            poll_fn(|context| {
                // The stack is polled in every round: the wake-ups of a port are for a process's only domain.
                context.waker().wake_by_ref();
                running.as_mut().poll(context).map(|_| ())
            })
            .await
        });
        Domain {
            stack,
            tasks,
            poll_once: Box::new(poll_once),
            switch: Port::try_new(memory, Side::Switch).unwrap(),
        }
    }

    /// Polls the stack until it has taken all frames; returns the frames that it has sent.
    pub fn poll(&mut self) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        let mut frame = [0; FRAME_BYTES_MAX];
        // The second round is for what the stack decides on the frames of the first one.
        for _ in 0..2 {
            (self.poll_once)();
            while let Some(length) = self.switch.incoming().receive(&mut frame).unwrap() {
                sent.push(frame[..length].to_vec());
            }
        }
        assert_eq!(self.switch.outgoing().queued(), Ok(0));
        sent
    }

    /// Puts a frame into the port.
    pub fn send(&mut self, frame: &[u8]) {
        self.switch.outgoing().send(frame).unwrap();
    }

    /// Sends a frame, and polls the stack as [`Domain::poll`] does.
    pub fn deliver(&mut self, frame: &[u8]) -> Vec<Vec<u8>> {
        self.send(frame);
        self.poll()
    }

    /// Polls the stack until it has sent a frame for which `find` returns a result; returns that of the last such frame.
    pub fn wait_for<T>(&mut self, find: impl Fn(&[u8]) -> Option<T>) -> T {
        self.wait_for_reply(&[], find)
    }

    /// As [`Domain::wait_for`], and sends this frame again and again, unless it is empty.
    pub fn wait_for_reply<T>(&mut self, request: &[u8], find: impl Fn(&[u8]) -> Option<T>) -> T {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            if !request.is_empty() {
                self.send(request);
            }
            if let Some(found) = self.poll().iter().rev().find_map(|frame| find(frame)) {
                return found;
            }
            assert!(Instant::now() < deadline, "the domain is silent");
            std::thread::yield_now();
        }
    }
}

/// A frame to the domain.
pub fn frame(ethertype: EthernetProtocol, length: usize, emit: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let header = EthernetRepr {
        src_addr: OTHER_MAC,
        dst_addr: MAC,
        ethertype,
    };
    let mut bytes = vec![0; (header.buffer_len() + length).max(60)];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    header.emit(&mut frame);
    emit(&mut frame.payload_mut()[..length]);
    bytes
}

/// An ARP frame from the other host with this address. A request asks for `to`; a reply is for it.
pub fn arp(operation: ArpOperation, from: Ipv4Addr, to: Ipv4Addr) -> Vec<u8> {
    let arp = ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: OTHER_MAC,
        source_protocol_addr: from,
        target_hardware_addr: MAC,
        target_protocol_addr: to,
    };
    frame(EthernetProtocol::Arp, arp.buffer_len(), |bytes| {
        arp.emit(&mut ArpPacket::new_unchecked(bytes));
    })
}

/// An IPv4 frame.
pub fn ipv4(
    (from, to): (Ipv4Addr, Ipv4Addr),
    next_header: IpProtocol,
    payload_len: usize,
    emit: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    let ip = Ipv4Repr {
        src_addr: from,
        dst_addr: to,
        next_header,
        payload_len,
        hop_limit: 64,
    };
    let length = ip.buffer_len() + payload_len;
    frame(EthernetProtocol::Ipv4, length, |bytes| {
        let mut packet = Ipv4Packet::new_unchecked(bytes);
        ip.emit(&mut packet, &ChecksumCapabilities::default());
        emit(packet.payload_mut());
    })
}

/// A frame with a UDP datagram.
pub fn datagram(
    addresses: (Ipv4Addr, Ipv4Addr),
    (src_port, dst_port): (u16, u16),
    payload: &[u8],
) -> Vec<u8> {
    let udp = UdpRepr { src_port, dst_port };
    let length = udp.header_len() + payload.len();
    ipv4(addresses, IpProtocol::Udp, length, |bytes| {
        udp.emit(
            &mut UdpPacket::new_unchecked(bytes),
            &addresses.0.into(),
            &addresses.1.into(),
            payload.len(),
            |into| into.copy_from_slice(payload),
            &ChecksumCapabilities::default(),
        );
    })
}

/// A frame with an echo request.
pub fn ping(from: Ipv4Addr, to: Ipv4Addr) -> Vec<u8> {
    let request = Icmpv4Repr::EchoRequest {
        ident: 1,
        seq_no: 1,
        data: b"caravan",
    };
    let length = request.buffer_len();
    ipv4((from, to), IpProtocol::Icmp, length, |bytes| {
        request.emit(
            &mut Icmpv4Packet::new_unchecked(bytes),
            &ChecksumCapabilities::default(),
        );
    })
}

/// The content of a UDP datagram to this port in a frame, and its sender.
pub fn datagram_to(port: u16, frame: &[u8]) -> Option<(Ipv4Addr, Vec<u8>)> {
    let frame = EthernetFrame::new_checked(frame).unwrap();
    let packet = (frame.ethertype() == EthernetProtocol::Ipv4)
        .then(|| Ipv4Packet::new_checked(frame.payload()).unwrap())
        .filter(|packet| packet.next_header() == IpProtocol::Udp)?;
    let datagram = UdpPacket::new_checked(packet.payload()).unwrap();
    let is_to_port = datagram.dst_port() == port;
    is_to_port.then(|| (packet.src_addr(), datagram.payload().to_vec()))
}

/// The address that an ARP request asks for.
pub fn asked_for(frame: &[u8]) -> Option<Ipv4Addr> {
    let frame = EthernetFrame::new_checked(frame).unwrap();
    let is_arp = frame.ethertype() == EthernetProtocol::Arp;
    let packet = is_arp.then(|| ArpPacket::new_checked(frame.payload()).unwrap())?;
    match ArpRepr::parse(&packet).unwrap() {
        ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            target_protocol_addr,
            ..
        } => Some(target_protocol_addr),
        _ => None,
    }
}

/// The destination of an IPv4 packet in a frame.
pub fn ipv4_destination(frame: &[u8]) -> Option<Ipv4Addr> {
    let frame = EthernetFrame::new_checked(frame).unwrap();
    let is_ipv4 = frame.ethertype() == EthernetProtocol::Ipv4;
    is_ipv4.then(|| Ipv4Packet::new_checked(frame.payload()).unwrap().dst_addr())
}

/// The link-local IPv6 address with this number.
pub fn link_local(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, number)
}
