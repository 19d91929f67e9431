//! A connection without its socket: bytes in, bytes out.
//!
//! ```text
//! received bytes -> Parser -> Request -> command -> Replies -> bytes to send
//!                                           |
//!                                        Service
//! ```
//!
//! While many bytes are waiting to be sent, no input is taken, so that a client that sends without reading blocks only itself.

use alloc::vec::Vec;

use crate::command;
use crate::reply::Replies;
use crate::resp::Parser;
use crate::service::Service;

/// The state of a connection's client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The client's number, from 1.
    pub id: u64,
    /// The client's name; empty if it has none.
    pub name: Vec<u8>,
    /// Whether the connection will be closed.
    pub is_leaving: bool,
}

/// The state of a connection.
#[derive(Debug)]
pub struct Session {
    parser: Parser,
    replies: Replies,
    client: Client,
}

impl Session {
    /// Opens a session for a new client. The caller must call [`Session::close`] when the client is gone.
    pub fn open(service: &mut Service) -> Session {
        service.statistics.connections += 1;
        service.statistics.clients += 1;
        Session {
            parser: Parser::new(service.buffers.clone()),
            replies: Replies::new(service.buffers.clone()),
            client: Client {
                id: service.statistics.connections,
                ..Client::default()
            },
        }
    }

    /// Closes the session of a client that is gone.
    pub fn close(self, service: &mut Service) {
        service.statistics.clients -= 1;
    }

    /// Takes bytes from the client and executes the commands in them; returns the number of bytes taken. Call it again with
    /// the rest after the bytes of [`Session::to_send`] were sent.
    pub fn receive(&mut self, service: &mut Service, input: &[u8]) -> usize {
        let mut taken = 0;
        while taken < input.len() && !self.is_over() && !self.replies.should_be_sent() {
            taken += self.receive_one(service, &input[taken..]);
        }
        taken
    }

    /// The bytes to send to the client.
    pub fn to_send(&self) -> &[u8] {
        self.replies.as_slice()
    }

    /// Removes the bytes of [`Session::to_send`], after they were sent.
    pub fn sent(&mut self) {
        self.replies.clear();
    }

    /// Whether to close the connection after everything is sent.
    pub fn is_over(&self) -> bool {
        self.client.is_leaving
    }

    fn receive_one(&mut self, service: &mut Service, input: &[u8]) -> usize {
        match self.parser.feed(input) {
            Ok(parsed) => {
                if parsed.is_complete {
                    self.execute(service);
                }
                parsed.consumed
            }
            Err(error) => {
                self.replies.begin();
                self.replies.replace_by_error(format_args!("ERR {error}"));
                self.client.is_leaving = true;
                input.len()
            }
        }
    }

    fn execute(&mut self, service: &mut Service) {
        self.replies.begin();
        let call = command::Call {
            request: self.parser.request(),
            service,
            client: &mut self.client,
            replies: &mut self.replies,
        };
        command::execute(call);
        self.replies.end();
        self.parser.clear();
    }
}
