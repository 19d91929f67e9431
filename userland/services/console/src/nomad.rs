//! Client for this machine's migration server: [`Nomad`] drives a [`Client`] over the console's own network stack.

use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::net::Ipv4Addr;

use nomad_channel::Random;
use nomad_client::{Client, Command, Failure, Target};
use nomad_protocol::{DATAGRAM_BYTES_MAX, Instant as Moment, PORT};
use runtime::Start;
use runtime::embassy_net::udp::{PacketMetadata, UdpSocket};
use runtime::embassy_net::{IpEndpoint, Stack};
use runtime::embassy_time::{Instant, with_deadline};
use runtime::executor::Tasks;
use runtime::net;

/// The UDP port for replies.
const OWN_PORT: u16 = 7410;
/// The maximum size of a datagram: a message and the channel's overhead.
const BYTES_MAX: usize = DATAGRAM_BYTES_MAX + 64;
/// The capacity of each of the socket's queues, in datagrams.
const DATAGRAMS_MAX: usize = 8;

/// The migration server's address, and the secret that authorizes requests.
pub struct Nomad {
    stack: Stack<'static>,
    server: Ipv4Addr,
    secret: &'static str,
    random: RefCell<Random>,
}

impl Nomad {
    /// Takes the arguments `nomad`, the server's address, and `secret`, the fleet's secret; starts the network stack.
    ///
    /// # Panics
    /// If an argument is missing, which is an error in the manifest.
    pub fn connect(start: Start, tasks: Tasks) -> Nomad {
        Nomad {
            server: start.require_argument("nomad"),
            secret: start.argument("secret").expect("secret=TEXT"),
            random: RefCell::new(Random::new(runtime::random::fork())),
            stack: net::stack(start, tasks),
        }
    }

    /// Sends a command, and passes each event of the reply to `on_line` as text, followed by the failure, if any.
    pub async fn request(&self, command: Command, mut on_line: impl FnMut(&str)) {
        let random = self.random.borrow_mut().fork();
        let target = Target {
            address: self.server,
            name: None,
        };
        let mut client = Client::ask(now(), (target, self.secret), random, command);
        match self.drive(&mut client, &mut on_line).await {
            Ok(()) => {}
            Err(Some(failure)) => on_line(&format!("failed: {failure}")),
            Err(None) => on_line("failed: the console's port is taken"),
        }
    }

    async fn drive(
        &self,
        client: &mut Client,
        on_line: &mut impl FnMut(&str),
    ) -> Result<(), Option<Failure>> {
        let (mut received_metadata, mut received) = (metadata(), buffer());
        let (mut sent_metadata, mut sent) = (metadata(), buffer());
        let mut socket = UdpSocket::new(
            self.stack,
            &mut received_metadata,
            &mut received,
            &mut sent_metadata,
            &mut sent,
        );
        socket.bind(OWN_PORT).map_err(|_| None)?;
        let server = IpEndpoint::new(self.server.into(), PORT);
        let mut datagram = vec![0; BYTES_MAX];
        loop {
            while let Some(datagram) = client.poll_datagram() {
                // A datagram that cannot be sent counts as lost.
                let _ = socket.send_to(&datagram, server).await;
            }
            while let Some(event) = client.poll_event() {
                on_line(&event.to_string());
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
