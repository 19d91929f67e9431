//! `log`: what domains print, with their names.

use runtime::message::Message;
use runtime::protocol::log;
use runtime::server::Answer;

use crate::badge::DomainNumber;
use crate::console;
use crate::supervisor::Supervisor;

/// Prints one line or several. What is malformed is answered all the same: it is the caller's loss.
pub fn handle(root: &Supervisor, domain: DomainNumber, message: &Message) -> Answer {
    let name = root.by_number(domain).map(|index| root.domains[index].name);
    if let (Some(name), Ok(text)) = (name, log::unpack(message.words())) {
        let text = text.as_bytes();
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        for line in text.split(|byte| *byte == b'\n') {
            console::print(name.as_str(), line);
        }
    }
    Answer::Now(Message::new())
}
