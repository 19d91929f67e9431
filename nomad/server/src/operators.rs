//! The operators' side of the server: requests in sessions with the operator's key, and their replies.

use alloc::vec;
use core::cell::RefCell;

use embassy_net::IpEndpoint;
use nomad_channel::{OperatorSession, Random};
use nomad_client::operator::{Request, Server};
use nomad_client::{Event, RequestId};

use crate::network::Network;
use crate::now::now;

/// The address of an operator's tool, and its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatorAddress {
    pub session: OperatorSession,
    /// The endpoint that its last message came from.
    pub endpoint: IpEndpoint,
}

/// The requests of operators.
pub struct Operators {
    server: RefCell<Server<OperatorAddress>>,
}

impl Operators {
    pub fn new(random: Random) -> Operators {
        Operators {
            server: RefCell::new(Server::new(random)),
        }
    }

    /// Handles an operator's message; returns the action to perform now, if there is one.
    pub fn handle_message(
        &self,
        session: OperatorSession,
        endpoint: IpEndpoint,
        message: &[u8],
    ) -> Option<Request> {
        let address = OperatorAddress { session, endpoint };
        self.server.borrow_mut().handle_message(address, message)
    }

    /// Sends an event to an operator.
    pub fn send_event(&self, to: RequestId, event: Event) {
        self.server.borrow_mut().send_event(to, event);
    }

    /// Puts the replies to operators into the outbox.
    pub fn post_replies(&self, network: &Network) {
        loop {
            let next = self.server.borrow_mut().poll_message();
            let Some((OperatorAddress { session, endpoint }, message)) = next else {
                return;
            };
            let mut sessions = network.sessions.borrow_mut();
            // A tool whose session is gone begins a new session, and repeats its request.
            if let Some(datagram) = sessions.reply(now().as_us(), session, &message) {
                network.post(endpoint, vec![datagram]);
            }
        }
    }
}
