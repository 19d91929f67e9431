//! This machine's migration server, as it is asked: [`Nomad`] drives a [`Client`] over the console's own stack.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::net::Ipv4Addr;

use nomad_channel::Random;
use nomad_client::{Client, Failure};
use nomad_protocol::{DATAGRAM_BYTES_MAX, Instant as Moment, PORT};
use runtime::Start;
use runtime::embassy_net::udp::{PacketMetadata, UdpSocket};
use runtime::embassy_net::{IpEndpoint, Stack};
use runtime::embassy_time::{Instant, with_deadline};
use runtime::executor::Tasks;
use runtime::net;

/// The port that answers come to.
const OWN_PORT: u16 = 7410;
/// The longest datagram that is heard: a message and what the channel adds to it.
const BYTES_MAX: usize = DATAGRAM_BYTES_MAX + 64;
/// Datagrams that may wait to be heard or sent.
const DATAGRAMS_MAX: usize = 8;

/// The migration server, and who may ask it.
pub struct Nomad {
    stack: Stack<'static>,
    server: Ipv4Addr,
    secret: &'static str,
    random: RefCell<Random>,
}

impl Nomad {
    /// The server that the argument `nomad` names, with the fleet's `secret`; starts the stack to reach it with.
    ///
    /// # Panics
    /// If something is missing: whoever started the console forgot it.
    pub fn reach(start: Start, tasks: Tasks) -> Nomad {
        Nomad {
            server: start.require_argument("nomad"),
            secret: start.argument("secret").expect("secret=TEXT"),
            random: RefCell::new(Random::new(runtime::random::fork())),
            stack: net::stack(start, tasks),
        }
    }

    /// Asks the server and hands over each line of its answer, the last included; what goes wrong is such a line too.
    pub async fn ask(&self, line: &str, mut hear: impl FnMut(&str)) {
        let random = self.random.borrow_mut().fork();
        let mut client = Client::ask(now(), self.secret, self.server, random, line);
        match self.drive(&mut client, &mut hear).await {
            Ok(()) => {}
            Err(Some(failure)) => hear(&format!("failed: {failure}")),
            Err(None) => hear("failed: the console's port is taken"),
        }
    }

    async fn drive(
        &self,
        client: &mut Client,
        hear: &mut impl FnMut(&str),
    ) -> Result<(), Option<Failure>> {
        let (mut heard_metadata, mut heard) = (metadata(), buffer());
        let (mut sent_metadata, mut sent) = (metadata(), buffer());
        let mut socket = UdpSocket::new(
            self.stack,
            &mut heard_metadata,
            &mut heard,
            &mut sent_metadata,
            &mut sent,
        );
        socket.bind(OWN_PORT).map_err(|_| None)?;
        let server = IpEndpoint::new(self.server.into(), PORT);
        let mut datagram = vec![0; BYTES_MAX];
        loop {
            while let Some(datagram) = client.poll_datagram() {
                // One that is not sent counts as lost.
                let _ = socket.send_to(&datagram, server).await;
            }
            while let Some(line) = client.poll_line() {
                hear(&line);
            }
            if let Some(end) = client.end() {
                return end.map(|_| ()).map_err(Some);
            }
            let due = client.poll_timeout().unwrap_or(now());
            let due = Instant::from_micros(due.as_us());
            if let Ok(Ok((count, from))) = with_deadline(due, socket.recv_from(&mut datagram)).await
                && from.endpoint == server
            {
                client.handle_datagram(now(), &datagram[..count]);
            }
            client.handle_timeout(now());
        }
    }
}

fn now() -> Moment {
    Moment::from_us(Instant::now().as_micros())
}

fn metadata() -> [PacketMetadata; DATAGRAMS_MAX] {
    [PacketMetadata::EMPTY; DATAGRAMS_MAX]
}

fn buffer() -> Vec<u8> {
    vec![0; DATAGRAMS_MAX * BYTES_MAX]
}
