//! Root's interfaces, one per file. Root replies and never calls, so it never waits for a client.

pub mod device;
pub mod domains;
pub mod faults;
pub mod inventory;
pub mod journal;
pub mod log;
pub mod ports;
pub mod root;

use runtime::message::Message;
use runtime::protocol::Words;
use runtime::server::{Event, Handled, Server};

use crate::badge::{self, Interface};
use crate::supervisor::Supervisor;

/// The maximum number of capabilities in a call. The request to keep a domain has this many.
pub const CAPABILITIES_MAX: usize = runtime::protocol::root::KEEP_CAPABILITIES;

/// Handles one event of root's endpoint.
pub fn handle(root: &mut Supervisor, server: &mut Server, event: Event) -> Handled {
    match event {
        Event::Fault { badge, fault } => {
            if let Some((Interface::Faults, domain)) = badge::decode(badge) {
                faults::handle(root, domain, fault);
            }
            // The thread stays stopped until its domain is ended.
            Handled::NoReply
        }
        Event::Call { badge, mut message } => {
            let reply = call(root, server, badge, &message);
            // The handlers have duplicated the capabilities that they keep.
            message.discard_capabilities();
            reply
        }
        Event::Notified { .. } => Handled::NoReply,
    }
}

fn call(root: &mut Supervisor, server: &mut Server, badge: u64, message: &Message) -> Handled {
    root::outgoing::check_due_exports(root);
    match badge::decode(badge) {
        Some((Interface::Log, domain)) => log::handle(root, domain, message),
        Some((Interface::Journal, _)) => journal::handle(message),
        Some((Interface::Inventory, _)) => inventory::handle(root, message),
        Some((Interface::Root, _)) => root::handle(root, server, message),
        Some((Interface::Domains, _)) => domains::handle(root, message),
        Some((Interface::Device, domain)) => device::handle(root, domain, message),
        Some((Interface::Ports, _)) => ports::handle(root, message),
        // A fault is not a call, and root mints no other badges.
        Some((Interface::Faults, _)) | None => Handled::NoReply,
    }
}

/// An immediate reply.
fn now(words: &Words) -> Handled {
    Handled::Reply(Message::of(words.as_slice()))
}

#[cfg(test)]
mod tests;
