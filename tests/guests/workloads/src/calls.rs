//! System calls as the workloads make them.

use runtime::abi::calls::{Call, Receive, Received, ReplyAndReceive, Wait};
use runtime::abi::{MessageInfo, NO_DEADLINE, Register};
use runtime::system_call::invoke;
use runtime::{Error, Slot};

use crate::board::Board;

/// A call with one word.
pub fn call(endpoint: Slot, w0: u64) -> Call {
    Call::new(endpoint, one_word(), [w0, 0, 0, 0])
}

/// A receive, with a slot for the reply right.
pub fn receive(endpoint: Slot, reply: Slot) -> Receive {
    Receive::new(endpoint, Some(reply))
}

/// An answer of one word, and the next receive.
pub fn reply_and_receive(endpoint: Slot, w0: u64, reply: Slot) -> ReplyAndReceive {
    ReplyAndReceive::new(endpoint, one_word(), [w0, 0, 0, 0], reply)
}

/// Waits for a notification without a deadline.
pub fn wait(notification: Slot) -> Result<u64, Error> {
    let deadline = NO_DEADLINE;
    invoke(Wait {
        notification,
        deadline,
    })
}

/// The shape of a message of one word.
pub fn one_word() -> MessageInfo {
    MessageInfo::from_register(1).unwrap_or(MessageInfo::EMPTY)
}

/// The first word of a received message.
pub fn word_of(board: Board, request: Result<Received, Error>, complaint: u64) -> u64 {
    board.check(request.is_ok(), complaint);
    request.map_or(0, |request| request.words[0])
}
