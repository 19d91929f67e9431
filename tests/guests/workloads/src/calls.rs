//! System calls as the workloads make them.

use runtime::abi::calls::{
    Call, CapabilityInspect, MemoryDiscard, MemoryPopulate, Receive, Received, ReplyAndReceive,
    Signal, Wait, Yield,
};
use runtime::abi::register::{PageCount, PageIndex};
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

/// A reply of one word, and the next receive.
pub fn reply_and_receive(endpoint: Slot, w0: u64, reply: Slot) -> ReplyAndReceive {
    ReplyAndReceive::new(endpoint, one_word(), [w0, 0, 0, 0], reply)
}

/// Waits for a notification without a deadline.
pub fn wait(notification: Slot) -> Result<u64, Error> {
    wait_until(notification, NO_DEADLINE)
}

/// Waits for a notification until a deadline.
pub fn wait_until(notification: Slot, deadline: u64) -> Result<u64, Error> {
    invoke(Wait {
        notification,
        deadline,
    })
}

/// Signals a notification.
pub fn signal(notification: Slot, flags: u64) -> Result<(), Error> {
    invoke(Signal {
        notification,
        flags,
    })
}

/// Yields to other threads this many times.
pub fn yield_times(times: u64) {
    for _ in 0..times {
        // `Yield` cannot fail.
        let _ = invoke(Yield {});
    }
}

/// Populates pages of a Memory.
pub fn populate(memory: Slot, first: u64, count: u64) -> Result<(), Error> {
    invoke(MemoryPopulate {
        memory,
        first_page: PageIndex(first),
        page_count: PageCount(count),
    })
}

/// Discards pages of a Memory.
pub fn discard(memory: Slot, first: u64, count: u64) -> Result<(), Error> {
    invoke(MemoryDiscard {
        memory,
        first_page: PageIndex(first),
        page_count: PageCount(count),
    })
}

/// Whether a slot is empty.
pub fn is_empty(slot: Slot) -> bool {
    invoke(CapabilityInspect { slot }).map(|(kind, ..)| kind) == Ok(0)
}

/// Whether this many slots, from the first one on, are empty.
pub fn are_empty(first: Slot, count: u32) -> bool {
    (first.0..first.0 + count).all(|slot| is_empty(Slot(slot)))
}

/// The shape of a message of one word.
pub fn one_word() -> MessageInfo {
    MessageInfo::from_register(1).unwrap_or(MessageInfo::EMPTY)
}

/// The first word of a received message.
pub fn word_of(board: Board, request: Result<Received, Error>, failure: u64) -> u64 {
    board.check(request.is_ok(), failure);
    request.map_or(0, |request| request.words[0])
}
