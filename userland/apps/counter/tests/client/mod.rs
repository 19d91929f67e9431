//! A client at the switch's end of the domain's port: another network stack, with its own clock.

use std::time::{Duration, Instant};

use runtime::events;
use runtime::host;
use runtime::port::{FRAME_BYTES_MAX, Port};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::{icmp, tcp, udp};
use smoltcp::time::Instant as StackInstant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

/// The timeout of every wait.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A client with its network stack.
pub struct Client {
    interface: Interface,
    link: Link,
    sockets: SocketSet<'static>,
    begin: Instant,
    next_port: u16,
}

impl Client {
    /// Creates a client with this address on this end of a port.
    pub fn new(port: Port<'static>, address: [u8; 4]) -> Client {
        let mut link = Link(port);
        let hardware = EthernetAddress([2, 0, 0, 0, 0, 9]);
        let config = Config::new(hardware.into());
        let mut interface = Interface::new(config, &mut link, StackInstant::ZERO);
        interface.update_ip_addrs(|addresses| {
            let [a, b, c, d] = address;
            addresses
                .push(IpCidr::new(IpAddress::v4(a, b, c, d), 24))
                .unwrap();
        });
        Client {
            interface,
            link,
            sockets: SocketSet::new(Vec::new()),
            begin: Instant::now(),
            next_port: 5000,
        }
    }

    /// Opens a UDP socket.
    pub fn udp(&mut self, local_port: u16) -> SocketHandle {
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 64], vec![0; 8192]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(local_port).unwrap();
        self.sockets.add(socket)
    }

    /// Opens an ICMP socket for echo requests with this identifier and their replies.
    pub fn icmp(&mut self, identifier: u16) -> SocketHandle {
        let buffer =
            || icmp::PacketBuffer::new(vec![icmp::PacketMetadata::EMPTY; 8], vec![0; 8192]);
        let mut socket = icmp::Socket::new(buffer(), buffer());
        socket.bind(icmp::Endpoint::Ident(identifier)).unwrap();
        self.sockets.add(socket)
    }

    /// Opens a TCP connection. Retries while the domain refuses the connection because others are still open.
    pub fn connect(&mut self, remote: ([u8; 4], u16)) -> SocketHandle {
        let ([a, b, c, d], port) = remote;
        loop {
            let buffer = || tcp::SocketBuffer::new(vec![0; 8192]);
            let mut socket = tcp::Socket::new(buffer(), buffer());
            self.next_port += 1;
            let remote = (IpAddress::v4(a, b, c, d), port);
            socket
                .connect(self.interface.context(), remote, self.next_port)
                .unwrap();
            let handle = self.sockets.add(socket);
            let state = self.until(|sockets| {
                let state = sockets.get::<tcp::Socket>(handle).state();
                (state != tcp::State::SynSent).then_some(state)
            });
            if state != tcp::State::Closed {
                return handle;
            }
        }
    }

    /// Polls the stack until `done` returns a value.
    pub fn until<T>(&mut self, mut done: impl FnMut(&mut SocketSet<'static>) -> Option<T>) -> T {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let now = StackInstant::from_micros(self.begin.elapsed().as_micros() as i64);
            self.interface.poll(now, &mut self.link, &mut self.sockets);
            if let Some(result) = done(&mut self.sockets) {
                return result;
            }
            assert!(Instant::now() < deadline, "the domain does not reply");
            std::thread::yield_now();
        }
    }
}

/// The port as a device. It wakes the domain at every frame, regardless of the domain's wake flags.
struct Link(Port<'static>);

impl Device for Link {
    type RxToken<'a> = Received;
    type TxToken<'a> = Transmission<'a>;

    fn receive(&mut self, _: StackInstant) -> Option<(Received, Transmission<'_>)> {
        let mut frame = [0; FRAME_BYTES_MAX];
        let length = self.0.incoming().receive(&mut frame).unwrap()?;
        Some((Received(frame[..length].to_vec()), Transmission(&self.0)))
    }

    fn transmit(&mut self, _: StackInstant) -> Option<Transmission<'_>> {
        let space = self.0.outgoing().space().unwrap();
        (space > 0).then_some(Transmission(&self.0))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_BYTES_MAX;
        capabilities
    }
}

struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, work: F) -> R {
        work(&self.0)
    }
}

struct Transmission<'a>(&'a Port<'static>);

impl TxToken for Transmission<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, work: F) -> R {
        let mut frame = vec![0; length];
        let result = work(&mut frame);
        self.0.outgoing().send(&frame).unwrap();
        host::signal(host::WAKE, events::PORT);
        result
    }
}
