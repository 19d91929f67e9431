//! What every phase of either side is given: facts that do not change, timers, and where to put actions; and the one
//! form in which everything reaches a phase ([`Input`]).

use alloc::collections::VecDeque;

use crate::actions::{Action, Event, Notice};
use crate::identity::{BootId, MachineId, TransactionId};
use crate::messages::{Envelope, Message, Step};
use crate::offer::Offer;
use crate::reasons::PhaseName;
use crate::record::{Progressed, Record};
use crate::time::Instant;
use crate::timers::{Timer, Timers, Timing};

/// What does not change while a transaction lasts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Facts {
    pub transaction: TransactionId,
    /// This machine's boot.
    pub here: BootId,
    /// The other machine.
    pub peer: MachineId,
    pub offer: Offer,
}

/// What may happen to a phase.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// The peer's boot `boot` says `step`.
    Heard { boot: BootId, step: Step },
    /// The shell answers or reports.
    Event(Event),
    /// A timer has fired.
    Timer(Timer),
    /// The operator wants it undone.
    Cancel,
    /// The operator settles a doubt.
    Force(Force),
}

/// How an operator settles what is in doubt, by name and knowingly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Force {
    /// Run the copy on this machine, whatever the other one does.
    RunHere,
    /// Destroy the copy on this machine.
    DropCopy,
}

/// A transaction's means to act, for the length of one input.
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
        let message = Message::About(self.facts.transaction, step);
        let envelope = Envelope {
            boot: self.facts.here,
            message,
        };
        self.act(Action::Send {
            to: self.facts.peer,
            envelope,
        });
    }

    /// Makes durable how far the transaction is. What is sent afterwards may rely on it.
    pub(crate) fn record(&mut self, progress: Progressed) {
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

    pub(crate) fn notify(&mut self, notice: Notice) {
        self.act(Action::Notify(notice));
    }

    /// Every phase begins here: no timer of the one before is left, and people are told.
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
}
