//! `domains`: listing the machine's domains and its memory, for the console. No request changes anything or gets a capability: what
//! starts, stops and moves domains is accepted on `root` alone, which the migration server has.

use runtime::message::Message;
use runtime::protocol::decode;
use runtime::protocol::root::{Refusal, Request, refused};
use runtime::server::Handled;

use super::{now, root};
use crate::supervisor::Supervisor;

/// Replies with the requested record.
pub fn handle(root: &Supervisor, message: &Message) -> Handled {
    let Ok(request) = decode(message.words()) else {
        return now(&refused(Refusal::Malformed));
    };
    let response = match request {
        Request::List { index } => root::list(root, index),
        Request::Memory => root::memory(root),
        _ => Err(Refusal::NotPermitted),
    };
    match response {
        Ok((words, _)) => now(&words),
        Err(refusal) => now(&refused(refusal)),
    }
}
