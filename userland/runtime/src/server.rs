//! The loop that serves an endpoint: receive, handle, reply, repeat.
//!
//! ```
//! # use runtime::{Cap, Error, Message, capability::Endpoint, server::{Event, Handled, Server}};
//! # fn handle(badge: u64, message: &Message) -> Message { Message::new() }
//! # fn serve(endpoint: Cap<Endpoint>) -> Result<(), Error> {
//! Server::new(endpoint)?.run(|event| match event {
//!     Event::Call { badge, message } => Handled::Reply(handle(badge, &message)),
//!     Event::Fault { badge, fault } => Handled::NoReply,
//!     Event::Notified { flags } => Handled::NoReply,
//! })
//! # }
//! ```
//!
//! [`Server`] is for a domain that does nothing else. [`TaskServer`] serves an endpoint in a task, beside other tasks.

mod receiver;
mod task;

pub use task::{TaskServer, serve};

use abi::Error;
use abi::calls::CapabilityDelete;
use abi::register::Slot;

use crate::capability::{Cap, Endpoint, Reply};
use crate::fault::Fault;
use crate::message::{self, Incoming, Message};
use crate::slots;

/// An event received by a server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "messages are never allocated")]
pub enum Event {
    /// A message sent through a capability with this badge. Its capabilities now belong to the server.
    Call {
        /// The badge of the capability that the client called through.
        badge: u64,
        /// The client's message.
        message: Message,
    },
    /// A fault of a thread or Memory whose fault endpoint or pager has this badge.
    Fault {
        /// The badge of the thread's fault endpoint, or of the Memory's pager.
        badge: u64,
        /// The decoded fault.
        fault: Fault,
    },
    /// The server's bound notification was signalled.
    Notified {
        /// The flags that were raised.
        flags: u64,
    },
}

/// The result of handling an event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "messages are never allocated")]
pub enum Handled {
    /// Sends this message to the caller.
    Reply(Message),
    /// Sends nothing: the server took the reply right with [`Server::take_reply`], or there is no caller. A right that
    /// was not taken is deleted, and the caller's call ends with `Gone`.
    NoReply,
}

/// A server of an endpoint, which receives one message at a time.
#[derive(Debug)]
pub struct Server {
    endpoint: Cap<Endpoint>,
    reply: Slot,
    accepts: usize,
}

impl Server {
    /// Creates a server of this endpoint that accepts no capabilities.
    ///
    /// # Errors
    /// No slot is free.
    pub fn new(endpoint: Cap<Endpoint>) -> Result<Server, Error> {
        Ok(Server {
            endpoint,
            reply: slots::take()?,
            accepts: 0,
        })
    }

    /// The same server, accepting up to this many capabilities with each message.
    #[must_use]
    pub fn accepting(self, capabilities: usize) -> Server {
        Server {
            accepts: capabilities,
            ..self
        }
    }

    /// Waits for the next event.
    ///
    /// # Errors
    /// The error of `Receive`, or the lack of a free slot.
    pub fn receive(&mut self) -> Result<Event, Error> {
        loop {
            message::arm(self.accepts)?;
            let incoming = self.endpoint.receive(Some(self.reply))?;
            if let Some(event) = event(incoming) {
                return Ok(event);
            }
        }
    }

    /// Responds to the last event, then waits for the next. A reply cannot be delivered if, for example, the client has assigned no slot
    /// for a capability in it, or may not receive any. Then the client's call ends with `Gone`, and the server continues: no client
    /// can stop it.
    ///
    /// # Errors
    /// As for [`Server::receive`].
    pub fn respond_and_receive(&mut self, handled: Handled) -> Result<Event, Error> {
        let Handled::Reply(message) = handled else {
            forget_caller(self.reply);
            return self.receive();
        };
        message::arm(self.accepts)?;
        let reply = Cap::from_slot(self.reply);
        let Ok(incoming) = self.endpoint.reply_and_receive(reply, &message) else {
            forget_caller(self.reply);
            // If receiving failed, it fails again.
            return self.receive();
        };
        match event(incoming) {
            Some(event) => Ok(event),
            None => self.receive(),
        }
    }

    /// Takes the reply right of the last call, for a later [`Cap::reply`]. The caller has to free its slot.
    ///
    /// # Errors
    /// No slot is free for the next caller's reply right.
    pub fn take_reply(&mut self) -> Result<Cap<Reply>, Error> {
        let next = slots::take()?;
        Ok(Cap::from_slot(core::mem::replace(&mut self.reply, next)))
    }

    /// Serves until an error, with a handler that does not use the server itself.
    ///
    /// # Errors
    /// As for [`Server::receive`].
    pub fn run(mut self, mut handle: impl FnMut(Event) -> Handled) -> Result<(), Error> {
        let mut event = self.receive()?;
        loop {
            event = self.respond_and_receive(handle(event))?;
        }
    }
}

/// Empties the slot of a reply right.
fn forget_caller(reply: Slot) {
    // This fails only if the slot is empty already.
    let _ = crate::system_call::invoke(CapabilityDelete { slot: reply });
}

/// Decodes a message; `None` for a malformed fault.
fn event(incoming: Incoming) -> Option<Event> {
    let badge = incoming.badge;
    if incoming.info.is_notification() {
        return Some(Event::Notified { flags: badge });
    }
    if incoming.info.is_fault() {
        return Fault::decode(&incoming).map(|fault| Event::Fault { badge, fault });
    }
    Some(Event::Call {
        badge,
        message: incoming.message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{self, with_kernel};
    use abi::{MessageInfo, Request};

    fn incoming(info: MessageInfo) -> Incoming {
        Incoming {
            badge: 6,
            info,
            message: Message::of(&[1, 2, 3, 4]),
        }
    }

    #[test]
    fn distinguishes_calls_faults_and_notifications() {
        let call = MessageInfo::words_only(4).unwrap();
        assert!(matches!(
            event(incoming(call)),
            Some(Event::Call { badge: 6, .. })
        ));
        assert!(matches!(
            event(incoming(call.as_fault())),
            Some(Event::Fault {
                badge: 6,
                fault: Fault::Page { address: 2, .. }
            })
        ));
        assert_eq!(
            event(incoming(MessageInfo::notified())),
            Some(Event::Notified { flags: 6 })
        );
    }

    /// A kernel that cannot deliver any reply.
    fn refuse_replies(request: &Request) -> host::CallResult {
        match request {
            Request::ReplyAndReceive(_) => Err(Error::MessageSize),
            _ => host::DONE,
        }
    }

    #[test]
    fn a_reply_that_cannot_be_delivered_ends_the_call_and_not_the_server() {
        let too_long = Message::new().bytes(&[1; 8 * abi::message::WORDS_MAX]);
        for message in [Message::new(), too_long] {
            let ((event, slot), calls) = with_kernel(refuse_replies, || {
                let mut server = Server::new(Cap::from_slot(Slot(9))).unwrap();
                let event = server.respond_and_receive(Handled::Reply(message));
                (event, server.reply)
            });
            assert!(matches!(event, Ok(Event::Call { .. })), "{event:?}");
            let [.., delete, receive] = calls.as_slice() else {
                panic!("{calls:?}");
            };
            let expected = Request::CapabilityDelete(CapabilityDelete { slot });
            assert_eq!(*delete, expected);
            assert!(matches!(receive, Request::Receive(_)), "{receive:?}");
        }
    }
}
