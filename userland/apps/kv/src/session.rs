//! A connection without its socket: bytes in, bytes out.
//!
//! ```text
//! received bytes -> Parser -> Request -> command -> Replies -> bytes to send
//!                                           |
//!                                        Service
//! ```
//!
//! While much waits to be sent no more is taken in, so that a client that sends and does not read holds up itself.

use alloc::vec::Vec;

use crate::command;
use crate::reply::Replies;
use crate::resp::Parser;
use crate::service::Service;

/// What a connection's client said of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Its number, from 1 on.
    pub id: u64,
    /// Its name; empty without one.
    pub name: Vec<u8>,
    /// It said farewell.
    pub is_leaving: bool,
}

/// The connection.
#[derive(Debug)]
pub struct Session {
    parser: Parser,
    replies: Replies,
    client: Client,
}

impl Session {
    /// A client has connected. Who calls this calls [`Session::close`] when it is gone.
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

    /// The client has gone.
    pub fn close(self, service: &mut Service) {
        service.statistics.clients -= 1;
    }

    /// Takes bytes from the client and executes the commands in them; returns how many were taken. The rest is
    /// for another call, when what [`Session::to_send`] returns was sent.
    pub fn receive(&mut self, service: &mut Service, input: &[u8]) -> usize {
        let mut taken = 0;
        while taken < input.len() && !self.is_over() && !self.replies.should_be_sent() {
            taken += self.receive_one(service, &input[taken..]);
        }
        taken
    }

    /// What the client shall be sent.
    pub fn to_send(&self) -> &[u8] {
        self.replies.as_slice()
    }

    /// All of it was sent.
    pub fn sent(&mut self) {
        self.replies.clear();
    }

    /// Whether the connection ends when everything is sent.
    pub fn is_over(&self) -> bool {
        self.client.is_leaving
    }

    fn receive_one(&mut self, service: &mut Service, input: &[u8]) -> usize {
        match self.parser.feed(input) {
            Ok(fed) => {
                if fed.is_complete {
                    self.execute(service);
                }
                fed.consumed
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
        self.parser.forget();
    }
}
