//! `ports`: commands for the switch, which polls for them.

use runtime::message::Message;
use runtime::protocol::ports::{COMMANDS_FLAG, Command, Poll, Reply};
use runtime::protocol::root::done;
use runtime::protocol::{decode, encode};
use runtime::server::Answer;

use crate::supervisor::Supervisor;
use crate::switchboard::Change;

/// Records the step that the switch has completed, and answers with the next one.
pub fn handle(root: &mut Supervisor, message: &Message) -> Answer {
    let Ok(poll) = decode::<Poll>(message.words()) else {
        return Answer::Never;
    };
    root.switchboard.heap_free = poll.heap_free;
    if let Some(change) = root.switchboard.completed(poll.executed) {
        root.apply(change);
    }
    let step = root.switchboard.next_step();
    let command = match step.command {
        Command::Nothing { .. } => Command::Nothing {
            ask_again_in_ns: root.next_check_in_ns(),
        },
        command => command,
    };
    let serial = step.serial;
    let answer = Message::of(encode(&Reply { serial, command }).as_slice());
    Answer::Now(match (command, step.capabilities) {
        (Command::Attach { .. }, Some((ring, wake))) => answer.capability(ring).capability(wake),
        _ => answer,
    })
}

impl Supervisor {
    fn apply(&mut self, change: Change) {
        match change {
            Change::Served => {}
            Change::Gone(ring) => self.destroy_ring(ring),
            Change::Quiet(domain) => self.answer_awaiting_quiet(&done(), |of| of == domain),
        }
    }

    /// Wakes the switch if there is a command for it.
    pub fn ring_for_commands(&self) {
        if self.switchboard.has_work() {
            self.ring();
        }
    }

    /// Wakes the switch: it polls for a command, and learns the time of its next poll.
    pub fn ring(&self) {
        // Cannot fail: the doorbell is root's own.
        let _ = self.machine.doorbell.signal(COMMANDS_FLAG);
    }
}
