//! The operations on an Endpoint, which carries messages, and on a reply right, which carries one reply.

use abi::Error;
use abi::calls;
use abi::register::Slot;

use super::{Cap, Endpoint, Reply};
use crate::message::{self, Incoming, Message};
use crate::system_call::invoke;

impl Cap<Endpoint> {
    /// Sends a message once and waits for the reply, which may not carry capabilities.
    ///
    /// # Errors
    /// The error of `Call`. `Interrupted`: this domain was moved before the reply arrived, and it is unknown whether the service
    /// executed the request; the next call goes to the service on the domain's new machine.
    pub fn call(self, message: &Message) -> Result<Message, Error> {
        let (info, words) = message.post()?;
        let reply = invoke(calls::Call::new(self.slot(), info, words));
        reply.map(|reply| Incoming::collect(reply).message)
    }

    /// As [`Cap::call`], for a request that its protocol allows to be repeated: if a move of this domain interrupts the call, the
    /// request is sent again.
    ///
    /// # Errors
    /// The error of `Call`, except `Interrupted`.
    pub fn call_idempotent(self, message: &Message) -> Result<Message, Error> {
        loop {
            match self.call(message) {
                Err(Error::Interrupted) => continue,
                reply => return reply,
            }
        }
    }

    /// As [`Cap::call_idempotent`], with a reply that may carry up to this many capabilities.
    ///
    /// # Errors
    /// As for [`Cap::call_idempotent`], or the lack of a free slot.
    pub fn call_idempotent_accepting(
        self,
        message: &Message,
        capabilities: usize,
    ) -> Result<Message, Error> {
        let reply = message::arm(capabilities).and_then(|()| self.call_idempotent(message));
        message::disarm();
        reply
    }

    /// Sends a message and returns once it is received.
    ///
    /// # Errors
    /// The error of `Send`.
    pub fn send(self, message: &Message) -> Result<(), Error> {
        let (info, words) = message.post()?;
        invoke(calls::Send::new(self.slot(), info, words))
    }

    /// Waits for a message. Its reply right is put into `reply`, an empty slot.
    ///
    /// # Errors
    /// The error of `Receive`.
    pub fn receive(self, reply: Option<Slot>) -> Result<Incoming, Error> {
        invoke(calls::Receive::new(self.slot(), reply)).map(Incoming::collect)
    }

    /// Replies through `reply`, then waits for the next message, whose reply right is put into the same slot.
    ///
    /// # Errors
    /// The error of `ReplyAndReceive`.
    pub fn reply_and_receive(
        self,
        reply: Cap<Reply>,
        message: &Message,
    ) -> Result<Incoming, Error> {
        let (info, words) = message.post()?;
        invoke(calls::ReplyAndReceive::new(
            self.slot(),
            info,
            words,
            reply.slot(),
        ))
        .map(Incoming::collect)
    }
}

impl Cap<Reply> {
    /// Sends the reply. This consumes the right: its slot is then empty, but still allocated.
    ///
    /// # Errors
    /// The error of `Reply`: [`Error::Gone`] if the right is stale, which empties its slot too.
    pub fn reply(self, message: &Message) -> Result<(), Error> {
        let (info, words) = message.post()?;
        invoke(calls::Reply::new(self.slot(), info, words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{self, CallResult, DONE};
    use abi::Request;
    use core::cell::Cell;

    std::thread_local! {
        /// The number of this thread's next calls that a move interrupts.
        static MOVES: Cell<usize> = const { Cell::new(0) };
    }

    /// A kernel that moves the domain while it waits for a reply.
    fn moving(request: &Request) -> CallResult {
        assert!(matches!(request, Request::Call(_)));
        match MOVES.get() {
            0 => DONE,
            moves => {
                MOVES.set(moves - 1);
                Err(Error::Interrupted)
            }
        }
    }

    fn calls(
        moves: usize,
        call: fn(Cap<Endpoint>, &Message) -> Result<Message, Error>,
    ) -> (Option<Error>, usize) {
        MOVES.set(moves);
        let endpoint = Cap::from_slot(Slot(5));
        let act = || call(endpoint, &Message::new()).err();
        let (error, calls) = host::with_kernel(moving, act);
        (error, calls.len())
    }

    #[test]
    fn a_call_interrupted_by_a_move_is_sent_once_and_fails() {
        assert_eq!(calls(1, Cap::call), (Some(Error::Interrupted), 1));
        assert_eq!(calls(0, Cap::call), (None, 1));
    }

    #[test]
    fn an_idempotent_call_is_repeated_until_the_reply_arrives() {
        assert_eq!(calls(3, Cap::call_idempotent), (None, 4));
        let accepting = |endpoint: Cap<Endpoint>, message: &Message| {
            endpoint.call_idempotent_accepting(message, 0)
        };
        assert_eq!(calls(2, accepting), (None, 3));
    }
}
