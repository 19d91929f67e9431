//! A migration server, as it is asked: [`Asking`] drives a [`Client`] over a socket.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::net::{SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use nomad_channel::Random;
use nomad_client::{Client, End, Failure};
use nomad_protocol::{DATAGRAM_BYTES_MAX, Instant as Moment};

/// The longest datagram that is heard: a message and what the channel adds to it.
const BYTES_MAX: usize = DATAGRAM_BYTES_MAX + 64;
/// The shortest wait: a socket takes no shorter one.
const WAIT_MIN: Duration = Duration::from_millis(1);

/// Who may ask.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The fleet's secret.
    pub secret: String,
}

/// What happens while a command is obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening<'a> {
    /// The server says this.
    Line(&'a str),
    /// Time passes.
    Waiting,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Error {
    /// This host cannot ask.
    Host(io::Error),
    /// There was no answer; the network may have said why.
    Failure(Failure, Option<io::Error>),
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Host(error) => write!(formatter, "{error}"),
            Error::Failure(failure, None) => write!(formatter, "{failure}"),
            Error::Failure(failure, Some(error)) => write!(formatter, "{failure} ({error})"),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Host(error)
    }
}

impl Asking {
    /// Asks a server, and tells what happens until the command is over.
    ///
    /// # Errors
    /// [`Error`].
    pub fn ask(
        &self,
        server: SocketAddrV4,
        command: &str,
        mut tell: impl FnMut(Happening<'_>),
    ) -> Result<End, Error> {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        let begun = Instant::now();
        let now = || Moment::from_us(begun.elapsed().as_micros() as u64);
        let mut client = Client::ask(now(), &self.secret, *server.ip(), random()?, command);
        let mut complaint = None;
        let mut datagram = [0; BYTES_MAX];
        loop {
            while let Some(datagram) = client.poll_datagram() {
                complaint = socket.send_to(&datagram, server).err().or(complaint);
            }
            while let Some(line) = client.poll_line() {
                tell(Happening::Line(&line));
            }
            if let Some(end) = client.end() {
                return end.map_err(|failure| Error::Failure(failure, complaint));
            }
            if let Some(at) = client.poll_timeout() {
                let wait = Duration::from_micros(at.as_us().saturating_sub(now().as_us()));
                socket.set_read_timeout(Some(wait.max(WAIT_MIN)))?;
            }
            match socket.recv_from(&mut datagram) {
                Ok((length, from)) if from == server.into() => {
                    client.handle_datagram(now(), &datagram[..length]);
                }
                Ok(_) => {}
                Err(error) if is_nothing(&error) => tell(Happening::Waiting),
                Err(error) => complaint = Some(error),
            }
            client.handle_timeout(now());
        }
    }

    /// The lines that a server answers with, when it has said all.
    ///
    /// # Errors
    /// As [`Asking::ask`].
    pub fn lines(&self, server: SocketAddrV4, command: &str) -> Result<(End, Vec<String>), Error> {
        let mut lines = Vec::new();
        let end = self.ask(server, command, |happening| {
            if let Happening::Line(line) = happening {
                lines.push(line.to_owned());
            }
        })?;
        Ok((end, lines))
    }
}

fn is_nothing(error: &io::Error) -> bool {
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
