//! `log`: what domains say, with their names.

use runtime::message::Message;
use runtime::protocol::log;
use runtime::server::Answer;

use crate::badge::DomainNumber;
use crate::supervisor::Supervisor;
use crate::{clock, console};

/// Keeps a line. What is malformed is answered all the same: it is the caller's loss.
pub fn handle(root: &mut Supervisor, domain: DomainNumber, message: &Message) -> Answer {
    if let (Some(index), Ok(text)) = (root.by_number(domain), log::unpack(message.words())) {
        let text = text.as_bytes();
        keep(root, index, text.strip_suffix(b"\n").unwrap_or(text));
    }
    Answer::Now(Message::new())
}

/// Keeps a line, unless its domain said too much lately.
fn keep(root: &mut Supervisor, index: usize, line: &[u8]) {
    let domain = &mut root.domains[index];
    let name = domain.name;
    let bytes = console::bytes_of_line(name, line);
    let Some(left_out) = domain.allowance.pay(clock::now_ns(), bytes) else {
        return;
    };
    if left_out > 0 {
        ::log::warn!("{left_out} lines of {name} dropped: it said too much");
    }
    console::keep(name, line);
}
