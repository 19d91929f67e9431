//! The TCP connection: nonblocking input and output, and its end.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::protocol::{REPLY_BYTES, Reply, Request};

/// How long connecting may take. Only a hang reaches this limit.
const CONNECT_LIMIT: Duration = Duration::from_secs(60);

/// The limit of unsent bytes, for a domain that does not read. Beyond it no further requests are queued.
const PENDING_BYTES_MAX: usize = 64 << 10;

/// One connection.
#[derive(Debug)]
pub struct Stream {
    connection: TcpStream,
    /// Bytes that are still to be written.
    pending: Vec<u8>,
    /// The bytes of an incomplete reply.
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

    /// The socket, for polling.
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

    /// Writes as much as the connection accepts.
    pub fn write(&mut self) -> io::Result<()> {
        while !self.pending.is_empty() {
            match self.connection.write(&self.pending) {
                Ok(count) => drop(self.pending.drain(..count)),
                Err(error) if is_transient(&error) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads available data, and passes each complete reply to `judge`. The end of the stream is an error.
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
                Err(error) if is_transient(&error) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        let (replies, rest) = self.partial.as_chunks::<REPLY_BYTES>();
        replies.iter().for_each(|bytes| judge(Reply::decode(bytes)));
        self.partial = rest.to_vec();
        ended
    }
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
