//! Datagrams on their way out.
//!
//! What is for a machine that is off waits for an answer to the question for its Ethernet address, and holds up everything
//! behind it in the same socket: the operator would hear nothing. So each machine of the fleet has a socket of its own, all
//! others have one together, and what does not fit into it is lost, as any datagram may be. Operators, who have just
//! asked, are waited for.

use alloc::vec;
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::task::Poll;

use embassy_futures::poll_once;
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{IpAddress, IpEndpoint, Stack};
use nomad_protocol::PORT;

use crate::late::outlet::WINDOW;
use crate::network::Datagram;

/// So many machines have a socket of their own.
const OUTLETS_MAX: usize = 12;
/// Datagrams that wait for one machine: late frames come many at a time.
const DATAGRAMS_MAX: usize = 4 + WINDOW;

/// The sockets.
pub struct Outlets {
    /// Hears everybody, and answers operators.
    pub common: UdpSocket<'static>,
    machines: Vec<(Ipv4Addr, UdpSocket<'static>)>,
    others: UdpSocket<'static>,
}

impl Outlets {
    /// A socket for each of these machines, which hears nothing.
    ///
    /// # Panics
    /// If somebody else has the ports.
    pub fn new(
        stack: Stack<'static>,
        common: UdpSocket<'static>,
        machines: impl Iterator<Item = Ipv4Addr>,
        bytes_max: usize,
    ) -> Outlets {
        let socket = |port| {
            let mut socket = UdpSocket::new(
                stack,
                &mut [],
                &mut [],
                vec![PacketMetadata::EMPTY; DATAGRAMS_MAX].leak(),
                vec![0; DATAGRAMS_MAX * bytes_max].leak(),
            );
            socket.bind(port).expect("a port that nobody else has");
            socket
        };
        let machines = (PORT + 2..).zip(machines.take(OUTLETS_MAX));
        Outlets {
            common,
            machines: machines
                .map(|(port, machine)| (machine, socket(port)))
                .collect(),
            others: socket(PORT + 1),
        }
    }

    /// Sends a datagram.
    pub async fn send(&self, Datagram { to, bytes }: &Datagram) {
        let sending = self.socket_for(to).send_to(bytes, *to);
        let sent = match to.port {
            // Nothing is waited for: what matters is repeated.
            PORT => match poll_once(sending) {
                Poll::Ready(sent) => sent,
                Poll::Pending => return log::debug!("to {to}: no room"),
            },
            _ => sending.await,
        };
        if let Err(error) = sent {
            log::debug!("to {to}: {error:?}");
        }
    }

    fn socket_for(&self, to: &IpEndpoint) -> &UdpSocket<'static> {
        let IpAddress::Ipv4(address) = to.addr;
        let mut machines = self.machines.iter();
        match machines.find(|(machine, _)| *machine == address) {
            _ if to.port != PORT => &self.common,
            Some((_, socket)) => socket,
            None => &self.others,
        }
    }
}
