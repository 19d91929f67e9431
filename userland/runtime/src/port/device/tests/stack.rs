//! The stack behind the device, with one connection of a client.

use std::vec::Vec;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

use super::super::super::samples::segment;
use super::*;

pub(super) const BUFFER_BYTES: usize = 16 * 1024;
/// The client's initial sequence number. The numbers wrap around early in its stream.
pub(super) const INITIAL: u32 = 0xffff_f000;
const SYN: u8 = 0x02;

/// The device as the stack gets it.
struct Adapter<'a> {
    device: &'a mut Device,
    merges: bool,
    received: &'a mut usize,
}

struct Token<T>(T);

impl phy::Device for Adapter<'_> {
    type RxToken<'a>
        = Token<Received<'a>>
    where
        Self: 'a;
    type TxToken<'a>
        = Token<Transmission<'a>>
    where
        Self: 'a;

    fn receive(&mut self, _: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        if !self.merges {
            // The device merges no segment of a connection that it does not know.
            self.device.connections = Connections::new();
        }
        let context = &mut Context::from_waker(Waker::noop());
        let (received, transmission) = Driver::receive(self.device, context)?;
        *self.received += 1;
        Some((Token(received), Token(transmission)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Self::TxToken<'_>> {
        let context = &mut Context::from_waker(Waker::noop());
        Driver::transmit(self.device, context).map(Token)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.max_transmission_unit = self.device.to_send.len();
        capabilities.medium = Medium::Ethernet;
        capabilities.checksum.tcp = phy::Checksum::None;
        capabilities
    }
}

impl phy::RxToken for Token<Received<'_>> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, work: F) -> R {
        RxToken::consume(self.0, |frame| work(frame))
    }
}

impl phy::TxToken for Token<Transmission<'_>> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, work: F) -> R {
        TxToken::consume(self.0, length, work)
    }
}

/// A domain with one connection.
pub(super) struct Domain {
    device: Device,
    switch: Port<'static>,
    interface: Interface,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
    merges: bool,
    pub(super) now: Instant,
    /// The sequence number of its next segment.
    pub(super) sequence: u32,
    /// The offset of the first byte of the stream that the client may not send yet.
    pub(super) window_end: usize,
    /// The number of frames that the stack has received.
    pub(super) frames: usize,
    /// What the application has read.
    pub(super) read: Vec<u8>,
}

impl Domain {
    pub(super) fn new(merges: bool) -> Domain {
        let (mut device, switch, _) = device();
        let now = Instant::ZERO;
        let adapter = &mut Adapter {
            device: &mut device,
            merges,
            received: &mut 0,
        };
        let config = Config::new(EthernetAddress([2; 6]).into());
        let mut interface = Interface::new(config, adapter, now);
        interface.update_ip_addrs(|addresses| {
            let address = IpCidr::new(IpAddress::v4(10, 77, 0, 21), 24);
            addresses.push(address).unwrap();
        });
        let buffer = || SocketBuffer::new(vec![0_u8; BUFFER_BYTES].leak());
        let mut socket = Socket::new(buffer(), buffer());
        socket.listen(0x18eb).unwrap();
        let storage = Vec::from([SocketStorage::EMPTY]).leak();
        let mut sockets = SocketSet::new(storage);
        let socket = sockets.add(socket);
        let mut domain = Domain {
            device,
            switch,
            interface,
            sockets,
            socket,
            merges,
            now,
            sequence: 0,
            window_end: 0,
            frames: 0,
            read: Vec::new(),
        };
        domain.open();
        domain
    }

    /// Opens the connection. An ARP request first gives the stack the client's MAC address.
    fn open(&mut self) {
        let mut request = [0; 60];
        request[..6].fill(0xff);
        request[6..12].fill(4);
        request[12..22].copy_from_slice(&[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
        request[22..28].fill(4);
        request[28..32].copy_from_slice(&[10, 77, 0, 100]);
        request[38..42].copy_from_slice(&[10, 77, 0, 21]);
        // The option states the longest segment, 1,460 bytes.
        let opening = segment(INITIAL.wrapping_sub(1), &[2, 4, 0x05, 0xb4], |frame| {
            frame[..6].fill(2);
            frame[6..12].fill(4);
            frame[46..48].copy_from_slice(&[6 << 4, SYN]);
        });
        assert_eq!(self.poll(&[request.to_vec(), opening]), [INITIAL]);
        let reply = frame(self.sequence, 0, 0, |_| {});
        assert_eq!(self.poll(&[reply]), []);
        assert!(self.socket().may_recv());
    }

    fn socket(&mut self) -> &mut Socket<'static> {
        self.sockets.get_mut(self.socket)
    }

    /// Polls the stack with these frames in the ring. Returns the numbers that its segments acknowledge.
    pub(super) fn poll(&mut self, frames: &[Vec<u8>]) -> Vec<u32> {
        for frame in frames {
            self.switch.outgoing().send(frame).unwrap();
        }
        let mut acknowledged = Vec::new();
        loop {
            let adapter = &mut Adapter {
                device: &mut self.device,
                merges: self.merges,
                received: &mut self.frames,
            };
            self.interface.poll(self.now, adapter, &mut self.sockets);
            acknowledged.extend(self.sent());
            if self.switch.outgoing().queued() == Ok(0) {
                return acknowledged;
            }
        }
    }

    /// The numbers that the sent segments acknowledge.
    fn sent(&mut self) -> Vec<u32> {
        let mut acknowledged = Vec::new();
        let mut sent = [0; FRAME_BYTES_MAX];
        while let Some(length) = self.switch.incoming().receive(&mut sent).unwrap() {
            if sent[12..14] != [8, 0] {
                continue;
            }
            assert!(tcp_checksum::is_valid(&sent[..length]));
            let word = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|index| sent[at + index]));
            self.sequence = word(38).wrapping_add((sent[47] & SYN != 0).into());
            let offset = word(42).wrapping_sub(INITIAL) as usize;
            self.window_end = offset + usize::from(u16::from_be_bytes([sent[48], sent[49]]));
            acknowledged.push(word(42));
        }
        acknowledged
    }

    /// The number of bytes of the stream that the stack has received without a gap.
    pub(super) fn received(&mut self) -> usize {
        self.read.len() + self.socket().recv_queue()
    }

    /// Has the application read at most this many bytes.
    pub(super) fn read(&mut self, bytes: usize) {
        let mut buffer = vec![0; bytes];
        let count = self.socket().recv_slice(&mut buffer).unwrap();
        self.read.extend(&buffer[..count]);
    }
}

/// The byte of the client's stream at this offset.
pub(super) fn byte(offset: usize) -> u8 {
    (offset * 31 + (offset >> 8)) as u8
}

/// A frame of the client with a part of its stream.
pub(super) fn frame(
    acknowledged: u32,
    offset: usize,
    bytes: usize,
    change: impl Fn(&mut [u8]),
) -> Vec<u8> {
    let payload: Vec<u8> = (offset..offset + bytes).map(byte).collect();
    segment(INITIAL.wrapping_add(offset as u32), &payload, |frame| {
        frame[..6].fill(2);
        frame[6..12].fill(4);
        frame[42..46].copy_from_slice(&acknowledged.to_be_bytes());
        change(frame);
    })
}
