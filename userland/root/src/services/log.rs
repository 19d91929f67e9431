//! `log`: what domains print, with their names.

use runtime::message::Message;
use runtime::protocol::log;
use runtime::server::Answer;

use crate::badge::DomainNumber;
use crate::supervisor::Supervisor;
use crate::{clock, console};

/// Prints one line or several. What is malformed is answered all the same: it is the caller's loss.
pub fn handle(root: &mut Supervisor, domain: DomainNumber, message: &Message) -> Answer {
    if let (Some(index), Ok(text)) = (root.by_number(domain), log::unpack(message.words())) {
        let text = text.as_bytes();
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        for line in text.split(|byte| *byte == b'\n') {
            print(root, index, line);
        }
    }
    Answer::Now(Message::new())
}

/// Prints a line, unless its domain said too much lately.
fn print(root: &mut Supervisor, index: usize, line: &[u8]) {
    let domain = &mut root.domains[index];
    let Some(left_out) = domain.allowance.pay(clock::now_ns(), line.len()) else {
        return;
    };
    let name = domain.name;
    if left_out > 0 {
        ::log::warn!("{left_out} lines of {name} dropped: it said too much");
    }
    console::print(name, line);
}
