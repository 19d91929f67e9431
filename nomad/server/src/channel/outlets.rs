//! The sockets that datagrams leave by: [`Outlets`].
//!
//! What is for a machine that is off waits for an answer to the question for its Ethernet address, and holds up everything
//! behind it in the same socket. So each machine of the fleet has a socket of its own. All others share some: there, what waits for
//! too long is dropped with all that is behind it.
//!
//! Nothing is waited for. What does not fit, and what is dropped, is lost, as any datagram may be: what matters is repeated, and an
//! operator who is there asks again.

use alloc::vec;
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::task::Poll;

use embassy_futures::poll_once;
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{IpAddress, Stack};
use embassy_time::{Duration, Instant as Now};
use nomad_protocol::PORT;

use crate::late::outlet::WINDOW;
use crate::network::Datagram;

/// How many machines have a socket of their own.
const OUTLETS_MAX: usize = 12;
/// Datagrams that wait for one machine: late frames come many at a time.
const DATAGRAMS_MAX: usize = 4 + WINDOW;
/// How long the first datagram of a shared socket may wait: an answer to the question for an address takes one round trip. The stack
/// keeps a socket silent for as long after it has asked, also if the datagram is dropped meanwhile.
const WAIT_LIMIT: Duration = Duration::from_secs(1);

/// A socket, and how long something has waited in it.
pub struct Outlet {
    /// The socket.
    pub socket: UdpSocket<'static>,
    port: u16,
    /// Since when it was not seen empty.
    waiting_since: Option<Now>,
}

impl Outlet {
    /// Binds a socket to a port.
    ///
    /// # Panics
    /// If somebody else has the port.
    pub fn new(mut socket: UdpSocket<'static>, port: u16) -> Outlet {
        socket.bind(port).expect("a port that nobody else has");
        Outlet {
            socket,
            port,
            waiting_since: None,
        }
    }

    fn send(&self, Datagram { to, bytes }: &Datagram) {
        match poll_once(self.socket.send_to(bytes, *to)) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => log::debug!("to {to}: {error:?}"),
            Poll::Pending => log::debug!("to {to}: no room"),
        }
    }

    /// Drops what waits if it has waited for too long; else, if something waits, returns when to look again.
    fn look(&mut self, now: Now) -> Option<Now> {
        if poll_once(self.socket.flush()).is_ready() {
            self.waiting_since = None;
            return None;
        }
        let due = *self.waiting_since.get_or_insert(now) + WAIT_LIMIT;
        if now < due {
            return Some(due);
        }
        log::debug!("port {}: what nobody takes is dropped", self.port);
        // What has come and was not read goes along: that is repeated too.
        self.socket.close();
        self.socket
            .bind(self.port)
            .expect("the port was this one's");
        self.waiting_since = None;
        None
    }
}

/// The sockets.
pub struct Outlets {
    /// Receives from everybody, and answers operators.
    pub common: Outlet,
    machines: Vec<(Ipv4Addr, Outlet)>,
    /// For machines that are none of the fleet, or too many.
    others: Outlet,
}

impl Outlets {
    /// A socket for each of these machines, which hears nothing.
    ///
    /// # Panics
    /// If somebody else has the ports.
    pub fn new(
        stack: Stack<'static>,
        common: Outlet,
        machines: impl Iterator<Item = Ipv4Addr>,
        bytes_max: usize,
    ) -> Outlets {
        let outlet = |port| {
            let socket = UdpSocket::new(
                stack,
                &mut [],
                &mut [],
                vec![PacketMetadata::EMPTY; DATAGRAMS_MAX].leak(),
                vec![0; DATAGRAMS_MAX * bytes_max].leak(),
            );
            Outlet::new(socket, port)
        };
        let machines = (PORT + 2..).zip(machines.take(OUTLETS_MAX));
        Outlets {
            common,
            machines: machines
                .map(|(port, machine)| (machine, outlet(port)))
                .collect(),
            others: outlet(PORT + 1),
        }
    }

    /// Sends a datagram, or drops it.
    pub fn send(&self, datagram: &Datagram) {
        let IpAddress::Ipv4(address) = datagram.to.addr;
        let mut machines = self.machines.iter();
        let outlet = match machines.find(|(machine, _)| *machine == address) {
            _ if datagram.to.port != PORT => &self.common,
            Some((_, outlet)) => outlet,
            None => &self.others,
        };
        outlet.send(datagram);
    }

    /// Drops what has waited for too long where others wait behind it; returns when to look again, if something waits.
    pub fn look(&mut self, now: Now) -> Option<Now> {
        let shared = [&mut self.common, &mut self.others];
        shared
            .into_iter()
            .filter_map(|outlet| outlet.look(now))
            .min()
    }
}

#[cfg(test)]
mod tests;
