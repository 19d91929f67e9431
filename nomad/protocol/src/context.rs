//! The context of every phase on either side: the transaction's constants, its timers and its queue of actions. Also
//! the [`Input`] of a phase.

use alloc::collections::VecDeque;

use nomad_planner::MoveOptions;

use crate::actions::{Action, DestinationAction, Event, Notice};
use crate::ids::{BootId, MachineId, TransactionId};
use crate::messages::{Envelope, Message, Step};
use crate::offer::Offer;
pub(crate) use crate::reasons::Force;
use crate::reasons::PhaseName;
use crate::record::{Record, RecordedProgress};
use crate::time::Instant;
use crate::timers::{Timer, Timers, Timing};

/// The constants of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Facts {
    pub transaction: TransactionId,
    /// This machine's boot.
    pub local_boot: BootId,
    /// The other machine.
    pub peer: MachineId,
    pub offer: Offer,
    /// The options of the operator who began the move here. A restart of the migration server loses them: the resumed
    /// move is aborted, or was already committed.
    pub options: MoveOptions,
}

/// An input to a phase.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// A step from this boot of the peer.
    Message { boot: BootId, step: Step },
    /// The result of an action, or another report from the shell.
    Event(Event),
    /// A timer has fired.
    Timer(Timer),
    /// The operator cancels.
    Cancel,
    /// The operator settles a doubt.
    Force(Force),
}

/// The time, facts, timers and action queue with which a transaction handles one input.
pub(crate) struct Context<'a> {
    pub now: Instant,
    pub facts: &'a Facts,
    pub timers: &'a mut Timers,
    pub actions: &'a mut VecDeque<Action>,
}

impl Context<'_> {
    pub(crate) fn timing(&self) -> Timing {
        *self.timers.timing()
    }

    pub(crate) fn act(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    pub(crate) fn send(&mut self, step: Step) {
        let message = Message::Transaction(self.facts.transaction, step);
        let envelope = Envelope {
            boot: self.facts.local_boot,
            message,
        };
        self.act(Action::Send {
            to: self.facts.peer,
            envelope,
        });
    }

    /// Makes the transaction's progress durable. Messages sent afterwards may rely on it.
    pub(crate) fn record(&mut self, progress: RecordedProgress) {
        let Facts {
            transaction,
            peer,
            offer,
            ..
        } = self.facts;
        let record = Record {
            transaction: *transaction,
            peer: *peer,
            offer: offer.clone(),
            progress,
        };
        self.act(Action::Record(record));
    }

    /// Removes an activation that is not performed yet.
    pub(crate) fn cancel_activation(&mut self) {
        let is_it = |action: &Action| {
            matches!(
                action,
                Action::Destination(DestinationAction::Activate { .. })
            )
        };
        self.actions.retain(|action| !is_it(action));
    }

    pub(crate) fn notify(&mut self, notice: Notice) {
        self.act(Action::Notify(notice));
    }

    /// Begins a phase: disarms the timers of the phase before, except the move's deadline, and sends a notice of the
    /// new phase.
    pub(crate) fn enter(&mut self, phase: PhaseName) {
        self.timers.clear();
        self.notify(Notice::Phase(phase));
    }

    pub(crate) fn repeat(&mut self) {
        self.timers.repeat(self.now);
    }

    pub(crate) fn limit(&mut self, limit_us: u64) {
        self.timers.limit(self.now, limit_us);
    }

    /// Arms the deadline of the whole move, if the operator has set one.
    pub(crate) fn set_deadline(&mut self) {
        if let Some(timeout_us) = self.facts.options.timeout_us {
            self.timers.set_deadline(self.now, timeout_us);
        }
    }
}
