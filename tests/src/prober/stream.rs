//! The TCP connection: bytes in and out without waiting, and its life.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::protocol::{REPLY_BYTES, Reply, Request};

/// How long the connection may take to come about: it stops a hang.
const CONNECT_LIMIT: Duration = Duration::from_secs(60);

/// How much is kept for a domain that does not read; further requests are not made meanwhile.
const PENDING_BYTES_MAX: usize = 64 << 10;

/// One connection.
#[derive(Debug)]
pub struct Stream {
    connection: TcpStream,
    /// What is still to be written.
    pending: Vec<u8>,
    /// What was read of a reply that is not whole yet.
    partial: Vec<u8>,
}

impl Stream {
    /// Connects to `address`.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let connection = TcpStream::connect_timeout(&address, CONNECT_LIMIT)?;
        connection.set_nodelay(true)?;
        connection.set_nonblocking(true)?;
        Ok(Self {
            connection,
            pending: Vec::new(),
            partial: Vec::new(),
        })
    }

    /// The socket, to be polled.
    pub fn socket(&self) -> &TcpStream {
        &self.connection
    }

    /// Whether there is room for another request.
    pub fn has_room(&self) -> bool {
        self.pending.len() < PENDING_BYTES_MAX
    }

    /// Queues a request.
    pub fn push(&mut self, request: Request) {
        self.pending.extend(request.encode());
    }

    /// Writes what the connection takes.
    pub fn write(&mut self) -> io::Result<()> {
        while !self.pending.is_empty() {
            match self.connection.write(&self.pending) {
                Ok(count) => drop(self.pending.drain(..count)),
                Err(error) if is_patience(&error) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what has come, and hands each whole reply to `judge`. The other side's end of the stream is an error.
    pub fn read(&mut self, mut judge: impl FnMut(Reply)) -> io::Result<()> {
        let mut buffer = [0; 4096];
        let ended = loop {
            match self.connection.read(&mut buffer) {
                Ok(0) => {
                    break Err(io::Error::new(
                        ErrorKind::UnexpectedEof,
                        "closed by the domain",
                    ));
                }
                Ok(count) => self.partial.extend(&buffer[..count]),
                Err(error) if is_patience(&error) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        let (replies, rest) = self.partial.as_chunks::<REPLY_BYTES>();
        replies.iter().for_each(|bytes| judge(Reply::decode(bytes)));
        self.partial = rest.to_vec();
        ended
    }
}

fn is_patience(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
