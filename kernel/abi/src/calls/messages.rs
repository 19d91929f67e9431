//! Constructors of the calls that carry a message, from its shape and its first words.

use super::table::{Call, Receive, Reply, ReplyAndReceive, Send};
use crate::MessageInfo;
use crate::register::Slot;

impl Call {
    /// A call of `endpoint` with this message.
    #[inline(always)]
    pub const fn new(endpoint: Slot, info: MessageInfo, words: [u64; 4]) -> Call {
        let [w0, w1, w2, w3] = words;
        Call {
            endpoint,
            info,
            w0,
            w1,
            w2,
            w3,
        }
    }
}

impl Send {
    /// Sends this message to `endpoint`.
    #[inline(always)]
    pub const fn new(endpoint: Slot, info: MessageInfo, words: [u64; 4]) -> Send {
        let [w0, w1, w2, w3] = words;
        Send {
            endpoint,
            info,
            w0,
            w1,
            w2,
            w3,
        }
    }
}

impl Receive {
    /// Waits at `endpoint`. `reply` is a free slot for the reply right of a caller; without one, callers are refused.
    #[inline(always)]
    pub const fn new(endpoint: Slot, reply: Option<Slot>) -> Receive {
        Receive {
            endpoint,
            info: MessageInfo::EMPTY,
            w0: 0,
            w1: 0,
            w2: 0,
            w3: 0,
            reply,
        }
    }
}

impl Reply {
    /// Replies with this message through `reply`.
    #[inline(always)]
    pub const fn new(reply: Slot, info: MessageInfo, words: [u64; 4]) -> Reply {
        let [w0, w1, w2, w3] = words;
        Reply {
            reply,
            info,
            w0,
            w1,
            w2,
            w3,
        }
    }
}

impl ReplyAndReceive {
    /// Replies with this message through `reply`, then waits at `endpoint` for the next one.
    #[inline(always)]
    pub const fn new(
        endpoint: Slot,
        info: MessageInfo,
        words: [u64; 4],
        reply: Slot,
    ) -> ReplyAndReceive {
        let [w0, w1, w2, w3] = words;
        ReplyAndReceive {
            endpoint,
            info,
            w0,
            w1,
            w2,
            w3,
            reply,
        }
    }
}
