//! `inventory`: the machine's PCI functions and its log, for a report.

use runtime::message::Message;
use runtime::protocol::inventory::{FunctionRecord, Request};
use runtime::protocol::root::{Refusal, granted, refused};
use runtime::protocol::{Words, decode};
use runtime::server::Handled;

use super::now;
use crate::console;
use crate::supervisor::Supervisor;

/// Replies with the requested function or line.
pub fn handle(root: &Supervisor, message: &Message) -> Handled {
    let Ok(request) = decode(message.words()) else {
        return now(&refused(Refusal::Malformed));
    };
    let found: Option<Words> = match request {
        Request::Function { index } => function(root, index).map(|record| granted(&record)),
        Request::ReadLog { from } => console::line(from).map(|line| granted(&line)),
    };
    now(&found.unwrap_or_else(|| refused(Refusal::NoSuchObject)))
}

/// The record of a function, with the domain that has it.
fn function(root: &Supervisor, index: u32) -> Option<FunctionRecord> {
    let (function, record) = root.devices.record(index)?;
    let mut domains = root.domains.iter();
    let owner = domains.find(|domain| domain.device == Some(function));
    Some(FunctionRecord {
        domain: owner.map(|domain| (domain.name, domain.state)),
        ..record
    })
}
