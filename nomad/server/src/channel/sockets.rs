//! The sockets for datagrams: [`Sockets`].
//!
//! A datagram for a machine that is off waits for the reply to an ARP request, and blocks everything behind it in the
//! same socket. So each machine of the fleet has sockets of its own, which are emptied when the machine has another
//! address. All other addresses share some sockets. In a shared socket, a datagram that waits for too long is dropped
//! with everything behind it.
//!
//! | socket | port | datagrams |
//! | --- | --- | --- |
//! | common | 7411 | all that are received, none that are sent |
//! | hellos | 7411 | hellos: they go to a group, which needs no ARP request |
//! | handshakes | 7411 | replies to handshakes of senders that have proven nothing: the handshake may be a recorded one |
//! | operators | 7411 | replies to operators |
//! | machines | from 7413 | messages and pages for each machine of the fleet |
//! | others | 7412 | those for other machines |
//!
//! smoltcp gives a received datagram to the first socket of its port. That is the common one, because it is created first.
//!
//! Nothing blocks. A datagram that does not fit is lost, as any datagram may be. The protocol repeats its messages, and
//! an operator's tool repeats its request.

use alloc::vec;
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::task::Poll;

use embassy_futures::poll_once;
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{IpAddress, IpEndpoint, Stack};
use embassy_time::{Duration, Instant as Now};
use nomad_channel::packet::is_data;
use nomad_protocol::{MachineId, PORT};
use nomad_shell::Machines;
use nomad_transport::WINDOW_BYTES;
use runtime::protocol::Mtu;

use crate::network::Datagram;
use nomad_shell::late::outlet::WINDOW;

/// The most machines with a socket of their own.
const MACHINE_SOCKETS_MAX: usize = 12;
/// The most sockets: the common one, those for hellos, handshakes, operators and other machines, and two per machine.
pub const SOCKETS_MAX: usize = 5 + 2 * MACHINE_SOCKETS_MAX;
/// Datagrams queued per socket. Late frames come many at a time.
const DATAGRAMS_MAX: usize = 4 + 2 * WINDOW;
/// Datagrams queued for senders that have proven nothing.
const HANDSHAKES_MAX: usize = 16;
/// The longest datagram to such a sender, and the longest hello.
const HANDSHAKE_BYTES_MAX: usize = 256;
/// Hellos queued.
const HELLOS_MAX: usize = 2;
/// Datagrams in the common socket. Late frames and pages arrive many at a time.
const RECEIVED_MAX: usize = 4 * WINDOW;
/// How long the first datagram of a shared socket may wait. Resolving an address takes one round trip. The stack keeps
/// a socket silent for the same time after an ARP request, even if the datagram is dropped meanwhile.
const WAIT_LIMIT: Duration = Duration::from_secs(1);

/// The fewest datagrams of the longest length that a buffer has room for.
const LONGEST_DATAGRAMS_MIN: usize = 4;

/// The longest datagram in a frame of this MTU, without the headers of IP and UDP.
pub const fn datagram_bytes_max(mtu: Mtu) -> usize {
    mtu.bytes() - 20 - 8
}

/// The size of a socket's buffer: room for this many datagrams of the standard MTU, and for a few of the longest.
pub fn buffer_bytes(datagrams: usize, mtu: Mtu) -> usize {
    let bytes = datagrams * datagram_bytes_max(Mtu::STANDARD);
    bytes.max(LONGEST_DATAGRAMS_MIN * datagram_bytes_max(mtu))
}

/// The size of the common socket's buffer: room for all that a stream of pages may have in flight, since a busy machine
/// receives it at once. There is room for one datagram more, because the end of the buffer may be too short for the next one.
pub fn received_bytes(mtu: Mtu) -> usize {
    let longest = datagram_bytes_max(mtu);
    let in_flight = (WINDOW_BYTES.div_ceil(longest) + 1).min(RECEIVED_MAX) * longest;
    in_flight.max(buffer_bytes(RECEIVED_MAX, mtu))
}

/// A socket bound to a port, and how long a datagram has waited in it.
pub struct BoundSocket {
    pub socket: UdpSocket<'static>,
    port: u16,
    /// When the socket was first seen with a waiting datagram.
    waiting_since: Option<Now>,
}

impl BoundSocket {
    /// Binds a socket to a port.
    ///
    /// # Panics
    /// If the port is in use.
    pub fn new(mut socket: UdpSocket<'static>, port: u16) -> BoundSocket {
        socket.bind(port).expect("a free port");
        BoundSocket {
            socket,
            port,
            waiting_since: None,
        }
    }

    /// Whether there may be room for a datagram. [`BoundSocket::try_send`] finds out.
    fn may_have_room(&self) -> bool {
        poll_once(self.socket.wait_send_ready()).is_ready()
    }

    /// Sends a datagram; returns whether there was room for it. One that is longer than the buffer is dropped, and
    /// counts as sent.
    fn try_send(&self, to: IpEndpoint, datagram: &[u8]) -> bool {
        match poll_once(self.socket.send_to(datagram, to)) {
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(error)) => {
                log::debug!("to {to}: {error:?}");
                true
            }
            Poll::Pending => false,
        }
    }

    fn send(&self, Datagram { to, bytes }: &Datagram) {
        match poll_once(self.socket.send_to(bytes, *to)) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => log::debug!("to {to}: {error:?}"),
            Poll::Pending => log::debug!("to {to}: no room"),
        }
    }

    /// Drops the waiting datagrams if the first has waited for too long; otherwise returns when the first will
    /// have waited for too long, if one waits.
    fn expire(&mut self, now: Now) -> Option<Now> {
        if poll_once(self.socket.flush()).is_ready() {
            self.waiting_since = None;
            return None;
        }
        let due = *self.waiting_since.get_or_insert(now) + WAIT_LIMIT;
        if now < due {
            return Some(due);
        }
        log::debug!(
            "port {}: datagrams that cannot be delivered are dropped",
            self.port
        );
        self.clear();
        None
    }

    /// Drops all datagrams.
    fn clear(&mut self) {
        self.socket.close();
        self.socket
            .bind(self.port)
            .expect("the port was bound before");
        self.waiting_since = None;
    }
}

/// The sockets of one machine, which only send. Control messages have a socket of their own, so that they do not wait
/// behind pages.
struct MachineSockets {
    machine: MachineId,
    /// Its address at present.
    address: Option<Ipv4Addr>,
    control: BoundSocket,
    pages: BoundSocket,
}

/// The sockets for the fleet, for operators, and for all others.
pub struct Sockets {
    /// Receives everything.
    pub common: UdpSocket<'static>,
    hellos: BoundSocket,
    handshakes: BoundSocket,
    operators: BoundSocket,
    machines: Vec<MachineSockets>,
    /// For machines outside of the fleet, and those beyond [`MACHINE_SOCKETS_MAX`].
    others: BoundSocket,
    /// The datagram about pages that is being sent. It is not composed in the socket's buffer, because of a fault of smoltcp
    /// 0.13: if a datagram needs a second entry of the queue, for padding, and only one entry is free, smoltcp notices that
    /// too late.
    datagram: Vec<u8>,
}

impl Sockets {
    /// Makes all sockets.
    ///
    /// # Panics
    /// If a port is in use.
    pub fn new(stack: Stack<'static>, machines: Vec<MachineId>, mtu: Mtu) -> Sockets {
        // The first socket of the port receives its datagrams: see above.
        let common = receiver(stack, received_bytes(mtu));
        let handshake_socket = |datagrams| {
            let bytes = datagrams * HANDSHAKE_BYTES_MAX;
            sender(stack, PORT, (datagrams, bytes))
        };
        let socket = |port, mtu| {
            let bytes = buffer_bytes(DATAGRAMS_MAX, mtu);
            sender(stack, port, (DATAGRAMS_MAX, bytes))
        };
        let ports = (PORT + 2..).step_by(2);
        let machines = ports.zip(machines.into_iter().take(MACHINE_SOCKETS_MAX));
        let machines = machines.map(|(port, machine)| MachineSockets {
            machine,
            address: None,
            control: socket(port, Mtu::STANDARD),
            pages: socket(port + 1, mtu),
        });
        Sockets {
            common,
            hellos: handshake_socket(HELLOS_MAX),
            handshakes: handshake_socket(HANDSHAKES_MAX),
            operators: socket(PORT, Mtu::STANDARD),
            machines: machines.collect(),
            others: socket(PORT + 1, mtu),
            datagram: Vec::new(),
        }
    }

    /// Assigns the machines' sockets to the addresses that they have now.
    pub fn update_addresses(&mut self, machines: &Machines) {
        for sockets in &mut self.machines {
            let address = machines.address_of(sockets.machine);
            if sockets.address != address {
                sockets.address = address;
                sockets.control.clear();
                sockets.pages.clear();
            }
        }
    }

    /// Sends a datagram, or drops it if there is no room.
    pub fn send(&self, datagram: &Datagram) {
        let IpAddress::Ipv4(address) = datagram.to.addr;
        let machine = || {
            self.machines
                .iter()
                .find(|machine| machine.address == Some(address))
        };
        let is_data = is_data(&datagram.bytes);
        let socket = match datagram.to.port {
            _ if address.is_multicast() => &self.hellos,
            PORT => match machine() {
                Some(machine) => &machine.control,
                None if is_data => &self.others,
                None => &self.handshakes,
            },
            _ if is_data => &self.operators,
            _ => &self.handshakes,
        };
        socket.send(datagram);
    }

    /// Sends a datagram of this many bytes about pages, which `write` fills, to a machine; returns whether there was room for it.
    pub fn send_pages(
        &mut self,
        address: Ipv4Addr,
        bytes: usize,
        write: impl FnOnce(&mut [u8]),
    ) -> bool {
        let mut machines = self.machines.iter();
        let machine = machines.find(|machine| machine.address == Some(address));
        let socket = machine.map_or(&self.others, |machine| &machine.pages);
        if !socket.may_have_room() {
            return false;
        }
        self.datagram.resize(bytes, 0);
        write(&mut self.datagram);
        socket.try_send((address, PORT).into(), &self.datagram)
    }

    /// Drops the datagrams of shared sockets that have waited for too long; returns when to call this again, if one waits.
    pub fn expire(&mut self, now: Now) -> Option<Now> {
        let shared = [&mut self.handshakes, &mut self.operators, &mut self.others];
        shared
            .into_iter()
            .filter_map(|socket| socket.expire(now))
            .min()
    }
}

/// The socket that receives everything.
fn receiver(stack: Stack<'static>, bytes: usize) -> UdpSocket<'static> {
    let metadata = vec![PacketMetadata::EMPTY; RECEIVED_MAX].leak();
    let mut socket = UdpSocket::new(stack, metadata, vec![0; bytes].leak(), &mut [], &mut []);
    socket.bind(PORT).expect("a free port");
    socket
}

/// A socket that sends, with room for this many datagrams and bytes.
fn sender(stack: Stack<'static>, port: u16, (datagrams, bytes): (usize, usize)) -> BoundSocket {
    let metadata = vec![PacketMetadata::EMPTY; datagrams].leak();
    let socket = UdpSocket::new(stack, &mut [], &mut [], metadata, vec![0; bytes].leak());
    BoundSocket::new(socket, port)
}

#[cfg(test)]
mod tests;
