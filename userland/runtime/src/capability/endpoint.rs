//! What an Endpoint can do: carry messages. And what a reply right can: carry one answer.

use abi::Error;
use abi::calls::{self, Received};
use abi::register::Slot;

use super::{Cap, Endpoint, Reply};
use crate::message::{self, Incoming, Message};
use crate::system_call::invoke;

impl Cap<Endpoint> {
    /// Sends a message and waits for the answer, which may bring no capabilities.
    ///
    /// A call that a move of this domain interrupted is repeated: services answer the same call twice in the
    /// same way.
    ///
    /// # Errors
    /// What `Call` says.
    pub fn call(self, message: &Message) -> Result<Message, Error> {
        loop {
            let (info, words) = message.post()?;
            match invoke(calls::Call::new(self.slot(), info, words)) {
                Err(Error::Interrupted) => continue,
                answer => return answer.map(|answer| Incoming::collect(answer).message),
            }
        }
    }

    /// As [`Cap::call`], and the answer may bring up to this many capabilities.
    ///
    /// # Errors
    /// What `Call` says, or that no slot is free.
    pub fn call_accepting(self, message: &Message, capabilities: usize) -> Result<Message, Error> {
        let answer = message::arm(capabilities).and_then(|()| self.call(message));
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
