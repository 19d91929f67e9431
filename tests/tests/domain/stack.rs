//! A fake domain with a TCP/IP stack of its own, plugged into a segment like a machine.

use std::net::Ipv4Addr;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::prober::protocol::{PORT, REQUEST_BYTES, Request};
use harness::{MacAddress, Port};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::{tcp, udp};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpCidr};

use super::{FakeDomain, Fault};

/// How long the stack waits for a frame before it polls its timers.
const NAP: Duration = Duration::from_millis(1);

const FRAME_BYTES_MAX: usize = 1514;
const BUFFER_BYTES: usize = 64 << 10;
const DATAGRAMS_MAX: usize = 64;

/// A domain without faults at a port of a segment.
pub struct Domain {
    domain: FakeDomain,
    nic: Nic,
    interface: Interface,
    sockets: SocketSet<'static>,
    udp: SocketHandle,
    tcp: SocketHandle,
}

impl Domain {
    /// A domain at `port`, with these addresses.
    pub fn new(port: &Port, mac: MacAddress, address: Ipv4Addr) -> Self {
        let mut nic = Nic::new(port);
        let config = Config::new(EthernetAddress(mac.0).into());
        let mut interface = Interface::new(config, &mut nic, Instant::now());
        interface.update_ip_addrs(|addresses| {
            addresses
                .push(IpCidr::new(address.into(), 24))
                .expect("room for one address");
        });
        let mut sockets = SocketSet::new(Vec::new());
        let (udp, tcp) = (sockets.add(udp_socket()), sockets.add(tcp_socket()));
        Self {
            domain: FakeDomain::new(Fault::None),
            nic,
            interface,
            sockets,
            udp,
            tcp,
        }
    }

    /// Serves until `stop` is set.
    pub fn serve(mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            self.nic.wait();
            self.interface
                .poll(Instant::now(), &mut self.nic, &mut self.sockets);
            self.serve_datagrams();
            self.serve_stream();
            self.interface
                .poll(Instant::now(), &mut self.nic, &mut self.sockets);
        }
    }

    fn serve_datagrams(&mut self) {
        let socket = self.sockets.get_mut::<udp::Socket>(self.udp);
        while let Ok((payload, client)) = socket.recv() {
            let Ok(bytes) = <&[u8; REQUEST_BYTES]>::try_from(payload) else {
                continue;
            };
            let reply = self.domain.reply(Request::decode(bytes));
            // A full buffer loses a datagram, as networks do.
            let _ = socket.send_slice(&reply.encode(), client);
        }
    }

    fn serve_stream(&mut self) {
        let socket = self.sockets.get_mut::<tcp::Socket>(self.tcp);
        let mut bytes = [0; REQUEST_BYTES];
        while matches!(socket.peek_slice(&mut bytes), Ok(REQUEST_BYTES)) {
            socket.recv_slice(&mut bytes).expect("the peeked bytes");
            let reply = self.domain.reply(Request::decode(&bytes));
            socket
                .send_slice(&reply.encode())
                .expect("an open connection with room");
        }
    }
}

fn udp_socket() -> udp::Socket<'static> {
    let buffer = || {
        udp::PacketBuffer::new(
            vec![udp::PacketMetadata::EMPTY; DATAGRAMS_MAX],
            vec![0; BUFFER_BYTES],
        )
    };
    let mut socket = udp::Socket::new(buffer(), buffer());
    socket.bind(PORT).expect("a port that is free");
    socket
}

fn tcp_socket() -> tcp::Socket<'static> {
    let buffer = || tcp::SocketBuffer::new(vec![0; BUFFER_BYTES]);
    let mut socket = tcp::Socket::new(buffer(), buffer());
    socket.set_nagle_enabled(false);
    socket.listen(PORT).expect("a port that is free");
    socket
}

/// The domain's network interface card, backed by the port's sockets.
struct Nic {
    socket: UnixDatagram,
    switch: PathBuf,
    received: Option<Vec<u8>>,
}

impl Nic {
    fn new(port: &Port) -> Self {
        let socket = UnixDatagram::bind(port.peer_socket()).expect("the peer's socket");
        socket
            .set_read_timeout(Some(NAP))
            .expect("a timeout above zero");
        Self {
            socket,
            switch: port.switch_socket().to_owned(),
            received: None,
        }
    }

    /// Waits up to [`NAP`] for a frame, unless there is one.
    fn wait(&mut self) {
        let mut frame = vec![0; FRAME_BYTES_MAX];
        if self.received.is_none()
            && let Ok(length) = self.socket.recv(&mut frame)
        {
            frame.truncate(length);
            self.received = Some(frame);
        }
    }
}

impl Device for Nic {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sending<'_>)> {
        let frame = self.received.take()?;
        Some((Received(frame), Sending(self)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        Some(Sending(self))
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
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(&self.0)
    }
}

struct Sending<'a>(&'a Nic);

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let mut frame = vec![0; length];
        let result = fill(&mut frame);
        self.0
            .socket
            .send_to(&frame, &self.0.switch)
            .expect("the switch accepts every frame");
        result
    }
}
