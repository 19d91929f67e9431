//! `journal`: the log, for the console.

use runtime::message::Message;
use runtime::protocol::decode;
use runtime::protocol::journal::Request;
use runtime::protocol::root::{Refusal, granted, refused};
use runtime::server::Handled;

use super::now;
use crate::console;

/// Replies with the requested line.
pub fn handle(message: &Message) -> Handled {
    let Ok(request) = decode(message.words()) else {
        return now(&refused(Refusal::Malformed));
    };
    let line = match request {
        Request::Read { from } => console::line(from),
        Request::Next { written } => console::next_unwritten(written),
    };
    now(&line.map_or(refused(Refusal::NoSuchObject), |line| granted(&line)))
}
