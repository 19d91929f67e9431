//! `ports`: commands for the switch, which polls for them.

use runtime::message::Message;
use runtime::protocol::ports::{Command, Poll, Reply};
use runtime::protocol::root::done;
use runtime::protocol::{decode, encode};
use runtime::server::Handled;

use super::root::outgoing;
use crate::provision::ports::destroy_ring;
use crate::supervisor::Supervisor;
use crate::switchboard::Change;

/// Records the step that the switch has completed, and replies with the next one.
pub fn handle(root: &mut Supervisor, message: &Message) -> Handled {
    let Ok(poll) = decode::<Poll>(message.words()) else {
        return Handled::NoReply;
    };
    root.switchboard.heap_free = poll.heap_free;
    if let Some(change) = root.switchboard.completed(poll.executed) {
        apply(root, change);
    }
    let step = root.switchboard.next_step();
    let command = match step.command {
        Command::Nothing { .. } => Command::Nothing {
            poll_again_in_ns: outgoing::next_check_in_ns(root),
        },
        command => command,
    };
    let serial = step.serial;
    let reply = Message::of(encode(&Reply { serial, command }).as_slice());
    Handled::Reply(match (command, step.capabilities) {
        (Command::Attach { .. }, Some((ring, wake))) => reply.capability(ring).capability(wake),
        _ => reply,
    })
}

fn apply(root: &mut Supervisor, change: Change) {
    match change {
        Change::Served => {}
        Change::Gone(ring) => destroy_ring(ring),
        Change::Quiet(domain) => root.quiet_waiters.reply(domain, &done()),
    }
}
