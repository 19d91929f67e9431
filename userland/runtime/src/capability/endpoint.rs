//! What an Endpoint can do: carry messages. And what a reply right can: carry one answer.

use abi::Error;
use abi::calls::{self, Received};
use abi::register::Slot;

use super::{Cap, Endpoint, Reply};
use crate::message::{self, Incoming, Message};
use crate::system_call::invoke;

impl Cap<Endpoint> {
    /// Sends a message and waits for the answer, which may bring no capabilities. It is sent once.
    ///
    /// # Errors
    /// What `Call` says. `Interrupted`: this domain was moved before the answer came, and whether the service has done what it
    /// was asked to nobody knows; the service that hears the next call is that of the machine where the domain is now.
    pub fn call(self, message: &Message) -> Result<Message, Error> {
        let (info, words) = message.post()?;
        let answer = invoke(calls::Call::new(self.slot(), info, words));
        answer.map(|answer| Incoming::collect(answer).message)
    }

    /// As [`Cap::call`], for a request whose protocol says that it may be repeated: one that a move of this domain
    /// interrupted is sent again.
    ///
    /// # Errors
    /// What `Call` says, but `Interrupted`.
    pub fn call_idempotent(self, message: &Message) -> Result<Message, Error> {
        loop {
            match self.call(message) {
                Err(Error::Interrupted) => continue,
                answer => return answer,
            }
        }
    }

    /// As [`Cap::call_idempotent`], and the answer may bring up to this many capabilities.
    ///
    /// # Errors
    /// The same, or that no slot is free.
    pub fn call_idempotent_accepting(
        self,
        message: &Message,
        capabilities: usize,
    ) -> Result<Message, Error> {
        let answer = message::arm(capabilities).and_then(|()| self.call_idempotent(message));
        message::disarm();
        answer
    }

    /// Sends a message and returns when it was received.
    ///
    /// # Errors
    /// What `Send` says.
    pub fn send(self, message: &Message) -> Result<(), Error> {
        let (info, words) = message.post()?;
        invoke(calls::Send::new(self.slot(), info, words))
    }

    /// Waits for a message. The right to answer it comes into `reply`, an empty slot.
    ///
    /// # Errors
    /// What `Receive` says.
    pub fn receive(self, reply: Option<Slot>) -> Result<Incoming, Error> {
        self.receive_raw(reply).map(Incoming::collect)
    }

    /// Answers through `reply`, then waits for the next message, whose reply right comes into the same slot.
    ///
    /// # Errors
    /// What `ReplyAndReceive` says.
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

    fn receive_raw(self, reply: Option<Slot>) -> Result<Received, Error> {
        invoke(calls::Receive::new(
            self.slot(),
            reply.unwrap_or(Slot::NONE),
        ))
    }
}

impl Cap<Reply> {
    /// Answers. The right is used up; its slot stays the caller's, empty.
    ///
    /// # Errors
    /// What `Reply` says; a right that went stale is no error of the one who answers.
    pub fn reply(self, message: &Message) -> Result<(), Error> {
        let (info, words) = message.post()?;
        invoke(calls::Reply::new(self.slot(), info, words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{self, Answer, DONE};
    use abi::Request;
    use core::cell::Cell;

    std::thread_local! {
        /// How many calls of this thread are yet to be interrupted.
        static MOVES: Cell<usize> = const { Cell::new(0) };
    }

    /// A kernel whose domain is moved while it waits for an answer.
    fn moving(request: &Request) -> Answer {
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
    fn a_call_that_a_move_interrupts_is_sent_once_and_says_so() {
        assert_eq!(calls(1, Cap::call), (Some(Error::Interrupted), 1));
        assert_eq!(calls(0, Cap::call), (None, 1));
    }

    #[test]
    fn a_call_that_may_be_repeated_is_sent_until_it_is_answered() {
        assert_eq!(calls(3, Cap::call_idempotent), (None, 4));
        let accepting = |endpoint: Cap<Endpoint>, message: &Message| {
            endpoint.call_idempotent_accepting(message, 0)
        };
        assert_eq!(calls(2, accepting), (None, 3));
    }
}
