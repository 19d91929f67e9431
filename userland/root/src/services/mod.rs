//! What root does for those who call it, an interface a file. Root answers; it never calls, and so never waits for
//! one of its clients.

pub mod incoming;
pub mod journal;
pub mod log;
pub mod ports;
pub mod root;

use runtime::capability::{Cap, Reply};
use runtime::message::Message;
use runtime::protocol::Words;
use runtime::server::{Answer, Event, Server};
use runtime::slots;

use crate::badge::{self, Interface};
use crate::supervisor::Supervisor;

/// Most capabilities that a call brings: those of a domain that is to be kept.
pub const CAPABILITIES_MAX: usize = runtime::protocol::root::KEEP_CAPABILITIES;

/// Does what a message asks for.
pub fn handle(root: &mut Supervisor, server: &mut Server, event: Event) -> Answer {
    match event {
        Event::Fault { badge, fault } => {
            if let Some((Interface::Faults, domain)) = badge::decode(badge) {
                root.fault(domain, fault);
            }
            // The thread stands still until its domain is ended.
            Answer::Never
        }
        Event::Call { badge, mut message } => {
            let answer = call(root, server, badge, &message);
            // What was kept was copied.
            message.discard_capabilities();
            answer
        }
        Event::Notified { .. } => Answer::Never,
    }
}

fn call(root: &mut Supervisor, server: &mut Server, badge: u64, message: &Message) -> Answer {
    root.look_after_exports();
    match badge::decode(badge) {
        Some((Interface::Log, domain)) => log::handle(root, domain, message),
        Some((Interface::Journal, _)) => journal::handle(message),
        Some((Interface::Root, _)) => root::handle(root, server, message),
        Some((Interface::Ports, _)) => ports::handle(root, message),
        // Nobody but the kernel has a capability with such a badge.
        Some((Interface::Faults, _)) | None => Answer::Never,
    }
}

/// Answers now.
fn now(words: &Words) -> Answer {
    Answer::Now(Message::of(words.as_slice()))
}

/// Answers a call whose reply right was kept.
pub fn answer_later(reply: Cap<Reply>, words: &Words) {
    // A caller that is gone needs no answer; the right is used up or void.
    if reply.reply(&Message::of(words.as_slice())).is_err() {
        let _ = reply.delete();
    }
    slots::give_back(reply.slot());
}

#[cfg(test)]
mod tests;
