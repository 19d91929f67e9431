//! `log`: log lines of domains.

use runtime::message::Message;
use runtime::protocol::log;
use runtime::server::Handled;

use crate::badge::DomainNumber;
use crate::domain::Domain;
use crate::supervisor::Supervisor;
use crate::{clock, console};

/// Appends a line to the journal. A malformed line is dropped with the same reply: that harms only its sender.
pub fn handle(root: &mut Supervisor, domain: DomainNumber, message: &Message) -> Handled {
    let domain = root.domains.by_number_mut(domain);
    if let (Some(domain), Ok(text)) = (domain, log::unpack(message.words())) {
        let text = text.as_bytes();
        append(domain, text.strip_suffix(b"\n").unwrap_or(text));
    }
    Handled::Reply(Message::new())
}

/// Appends a line unless its domain has exceeded its quota.
fn append(domain: &mut Domain, line: &[u8]) {
    let name = domain.name;
    let bytes = console::bytes_of_line(name, line);
    let Some(dropped) = domain.log_quota.charge(clock::now_ns(), bytes) else {
        return;
    };
    if dropped > 0 {
        ::log::warn!("{dropped} lines of {name} dropped: it exceeded its log quota");
    }
    console::append(name, line);
}
