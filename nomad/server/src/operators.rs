//! Who asks for something, and who may: operators, in a session with the operator's key.

use alloc::vec;
use core::cell::RefCell;

use embassy_net::IpEndpoint;
use nomad_channel::{OperatorSession, Random};
use nomad_client::operator::{Request, Server};
use nomad_client::{Event, RequestId};

use crate::network::Network;
use crate::server::now;

/// Where an operator's tool is, and the session to speak to it in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The session.
    pub session: OperatorSession,
    /// Where its last message came from.
    pub endpoint: IpEndpoint,
}

/// What operators have asked for.
pub struct Operators {
    server: RefCell<Server<Asker>>,
}

impl Operators {
    /// Nothing yet.
    pub fn new(random: Random) -> Operators {
        Operators {
            server: RefCell::new(Server::new(random)),
        }
    }

    /// An operator says this: a command, if it is to be obeyed now.
    pub fn hear(
        &self,
        session: OperatorSession,
        endpoint: IpEndpoint,
        message: &[u8],
    ) -> Option<Request> {
        let asker = Asker { session, endpoint };
        self.server.borrow_mut().handle_message(asker, message)
    }

    /// Sends an event to an operator.
    pub fn send_event(&self, to: RequestId, event: Event) {
        self.server.borrow_mut().send_event(to, event);
    }

    /// Puts what operators shall hear into the outbox.
    pub fn answer(&self, network: &Network) {
        loop {
            let next = self.server.borrow_mut().poll_message();
            let Some((Asker { session, endpoint }, message)) = next else {
                return;
            };
            let mut sessions = network.sessions.borrow_mut();
            // A tool whose session is gone begins a new one, and asks again.
            if let Some(datagram) = sessions.answer(now().as_us(), session, &message) {
                network.post(endpoint, vec![datagram]);
            }
        }
    }
}
