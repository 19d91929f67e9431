//! Who asks for something, and who may: operators, in a session with the operator's key.

use alloc::vec;
use core::fmt;

use embassy_net::IpEndpoint;
use nomad_channel::OperatorSession;
use nomad_client::Order;

use crate::shell::{Shell, now};

/// Where an operator's tool is, and the session to speak to it in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The session.
    pub session: OperatorSession,
    /// Where its last message came from.
    pub endpoint: IpEndpoint,
}

impl Shell {
    /// An operator says this.
    pub fn hear_operator(&self, session: OperatorSession, endpoint: IpEndpoint, message: &[u8]) {
        let asker = Asker { session, endpoint };
        let order = self.desk.borrow_mut().hear(asker, message);
        if let Some(Order { request, command }) = order {
            self.obey(command.as_bytes(), request);
        }
    }

    /// Puts what operators shall hear into the outbox.
    pub fn answer_operators(&self) {
        loop {
            let next = self.desk.borrow_mut().poll_message();
            let Some((Asker { session, endpoint }, message)) = next else {
                return;
            };
            let mut sessions = self.sessions.borrow_mut();
            // A tool whose session is gone begins a new one, and asks again.
            if let Some(datagram) = sessions.answer(now().as_us(), session, &message) {
                self.post(endpoint, vec![datagram]);
            }
        }
    }

    /// This datagram is of nobody who may be heard.
    pub fn turn_away(&self, from: IpEndpoint, why: &dyn fmt::Debug) {
        let count = self.turned_away.get().saturating_add(1);
        self.turned_away.set(count);
        log::debug!("from {from}: {why:?}, {count} turned away so far");
    }
}
