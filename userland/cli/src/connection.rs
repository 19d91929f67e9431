//! A request to a migration server over UDP: [`Connection`] drives a [`Client`] with a socket.

use std::fs::File;
use std::io::{self, Read};
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use nomad_channel::Random;
use nomad_client::{Client, Command, End, Event, Failure};
use nomad_protocol::{DATAGRAM_BYTES_MAX, Instant as Moment};

use crate::server::Server;

/// The longest datagram that is received: a message and the channel's overhead.
const BYTES_MAX: usize = DATAGRAM_BYTES_MAX + 64;
/// The shortest timeout that a socket accepts.
const WAIT_MIN: Duration = Duration::from_millis(1);

/// The authority to send commands to the machines of a fleet.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The fleet's secret.
    pub secret: String,
}

/// A step of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The server has sent this event.
    Event(Event),
    /// Time has passed.
    Waiting,
}

/// The reason there is no complete reply.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This host cannot send requests.
    #[error("{0}")]
    Host(io::Error),
    /// The reply cannot be shown.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
    /// There was no reply, and the network reported no error.
    #[error("{0}")]
    Failure(Failure),
    /// There was no reply, and the network reported this error.
    #[error("{1}: {0}")]
    Unreachable(Failure, io::Error),
}

impl Error {
    /// The error of a request that has failed, with the network's last error if there was one.
    fn of(failure: Failure, network_error: Option<io::Error>) -> Error {
        match network_error {
            None => Error::Failure(failure),
            Some(error) => Error::Unreachable(failure, error),
        }
    }

    /// Whether the machine is silent, as one that restarts is for a while.
    pub fn is_silence(&self) -> bool {
        match self {
            Error::Failure(failure) | Error::Unreachable(failure, _) => matches!(
                failure,
                Failure::NoReply | Failure::Silent | Failure::Forgotten
            ),
            Error::Host(_) | Error::Output(_) => false,
        }
    }
}

impl Connection {
    /// Sends a command with the data that belongs to it, and calls `on_step` until the command is over.
    ///
    /// # Errors
    /// [`Error`].
    pub fn send(
        &self,
        server: Server,
        command: Command,
        data: Vec<u8>,
        mut on_step: impl FnMut(Step),
    ) -> Result<End, Error> {
        let socket = UdpSocket::bind("0.0.0.0:0").map_err(Error::Host)?;
        let begun = Instant::now();
        let now = || Moment::from_us(begun.elapsed().as_micros() as u64);
        let authority = (server.target(), self.secret.as_str());
        let random = random().map_err(Error::Host)?;
        let client = Client::ask(now(), authority, random, command);
        let mut client = client.with_data(data);
        let mut network_error = None;
        let mut datagram = [0; BYTES_MAX];
        loop {
            while let Some(datagram) = client.poll_datagram() {
                network_error = socket
                    .send_to(&datagram, server.address)
                    .err()
                    .or(network_error);
            }
            while let Some(event) = client.poll_event() {
                on_step(Step::Event(event));
            }
            if let Some(end) = client.end() {
                return end.map_err(|failure| Error::of(failure, network_error));
            }
            if let Some(at) = client.poll_timeout() {
                limit_wait(&socket, now(), at).map_err(Error::Host)?;
            }
            match socket.recv_from(&mut datagram) {
                Ok((length, from)) if from == server.address.into() => {
                    client.handle_datagram(now(), &datagram[..length]);
                }
                Ok(_) => {}
                Err(error) if is_timeout(&error) => on_step(Step::Waiting),
                Err(error) => network_error = Some(error),
            }
            client.handle_timeout(now());
        }
    }

    /// Sends a command, and returns all events of its reply when it is over.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub fn events(&self, server: Server, command: Command) -> Result<(End, Vec<Event>), Error> {
        let mut events = Vec::new();
        let end = self.send(server, command, Vec::new(), |step| {
            if let Step::Event(event) = step {
                events.push(event);
            }
        })?;
        Ok((end, events))
    }
}

/// Makes the next wait for a datagram end at this time.
fn limit_wait(socket: &UdpSocket, now: Moment, at: Moment) -> io::Result<()> {
    let wait = Duration::from_micros(at.as_us().saturating_sub(now.as_us()));
    socket.set_read_timeout(Some(wait.max(WAIT_MIN)))
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

fn random() -> io::Result<Random> {
    let mut seed = [[0; 8]; 4];
    File::open("/dev/urandom")?.read_exact(seed.as_flattened_mut())?;
    Ok(Random::new(seed.map(u64::from_le_bytes)))
}
