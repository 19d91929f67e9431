//! The transaction: one move of a domain, as one of its two machines sees it.
//!
//! It owns what both sides have in common: the constants ([`Facts`]), the timers and the queue of actions. Its phase is
//! one of the source's or of the destination's. The transitions are in `source` and `destination`, one file per phase.
//! `resume` continues from a record after a restart.

mod resume;

use alloc::collections::VecDeque;

use nomad_planner::{Goals, MoveOptions};
use serde::{Deserialize, Serialize};

use crate::actions::{Action, Event};
use crate::context::{Context, Facts, Force, Input};
use crate::destination::{self, Admitting};
use crate::ids::{BootId, MachineId};
use crate::messages::{Step, StreamHeader};
use crate::offer::Offer;
use crate::reasons::{Doubt, PhaseName, Side};
use crate::source::{self, Offering};
use crate::time::Instant;
use crate::timers::{Timer, Timers, Timing};

pub use resume::DomainState;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Transaction {
    facts: Facts,
    phase: Phase,
    timers: Timers,
    actions: VecDeque<Action>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Source(source::Phase),
    Destination(destination::Phase),
}

/// The result of a request to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cancelled {
    /// The transaction is aborted.
    Now,
    /// The kernel is retiring the domain right now; the transaction is aborted if that fails.
    IfNotTooLate,
}

/// A transaction cannot be cancelled: its commit point is passed, or it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLate;

impl Transaction {
    /// Starts to move a domain from here.
    pub(crate) fn outgoing(now: Instant, timing: Timing, facts: Facts, goals: Goals) -> Self {
        Self::start(now, timing, facts, |context| {
            Phase::Source(Offering::enter(context, goals))
        })
    }

    /// Accepts an offer that the source sent in this boot.
    pub(crate) fn incoming(
        now: Instant,
        timing: Timing,
        facts: Facts,
        source_boot: BootId,
    ) -> Self {
        Self::start(now, timing, facts, |context| {
            Phase::Destination(Admitting::enter(context, source_boot))
        })
    }

    fn start(
        now: Instant,
        timing: Timing,
        facts: Facts,
        enter: impl FnOnce(&mut Context<'_>) -> Phase,
    ) -> Self {
        let (mut timers, mut actions) = (Timers::new(timing), VecDeque::new());
        let phase = enter(&mut Context {
            now,
            facts: &facts,
            timers: &mut timers,
            actions: &mut actions,
        });
        Transaction {
            facts,
            phase,
            timers,
            actions,
        }
    }

    /// Handles a step from this boot of the peer.
    pub(crate) fn handle_message(&mut self, now: Instant, boot: BootId, step: Step) {
        self.step(now, Input::Message { boot, step });
    }

    /// Handles a report from the shell.
    pub(crate) fn handle_event(&mut self, now: Instant, event: Event) {
        self.step(now, Input::Event(event));
    }

    /// Handles all timers that are due.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.due(now) {
            self.expire(now, timer);
        }
    }

    /// Fires one armed timer, due or not. Correctness must not depend on clock rates, so exploration fires them early.
    pub(crate) fn expire(&mut self, now: Instant, timer: Timer) {
        if self.timers.is_armed(timer) {
            self.timers.fired(now, timer);
            self.step(now, Input::Timer(timer));
        }
    }

    /// Queries the peer about the outcome at once, if a reply is awaited.
    pub(crate) fn probe(&mut self, now: Instant) {
        self.expire(now, Timer::Repeat);
    }

    /// Cancels the move, as this machine's operator asked.
    pub(crate) fn cancel(&mut self, now: Instant) -> Result<Cancelled, TooLate> {
        let cancelled = match &self.phase {
            Phase::Source(phase) => phase.cancelled()?,
            Phase::Destination(phase) => phase.cancelled()?,
        };
        self.step(now, Input::Cancel);
        Ok(cancelled)
    }

    /// Settles a doubt, as the operator decided. Returns whether there was a doubt that this decision settles.
    pub(crate) fn force(&mut self, now: Instant, force: Force) -> bool {
        let settles = self.doubt().is_some_and(|doubt| doubt.is_settled_by(force));
        let settles = settles && self.forced().is_none();
        if settles {
            self.step(now, Input::Force(force));
        }
        settles
    }

    /// Whether this is a destination that awaits a segment with this header.
    pub(crate) fn awaits(&self, header: &StreamHeader) -> bool {
        match &self.phase {
            Phase::Source(_) => false,
            Phase::Destination(phase) => phase.awaits(header),
        }
    }

    /// Whether there is a next action.
    pub(crate) fn has_action(&self) -> bool {
        !self.actions.is_empty()
    }

    /// The next action, if there is one.
    pub(crate) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to call [`Transaction::handle_timeout`].
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    pub(crate) fn is_armed(&self, timer: Timer) -> bool {
        self.timers.is_armed(timer)
    }

    pub(crate) fn side(&self) -> Side {
        match self.phase {
            Phase::Source(_) => Side::Source,
            Phase::Destination(_) => Side::Destination,
        }
    }

    /// The other machine.
    pub(crate) fn peer(&self) -> MachineId {
        self.facts.peer
    }

    pub(crate) fn is_incoming_from(&self, source: MachineId) -> bool {
        self.side() == Side::Destination && self.peer() == source
    }

    pub(crate) fn offer(&self) -> &Offer {
        &self.facts.offer
    }

    pub(crate) fn options(&self) -> &MoveOptions {
        &self.facts.options
    }

    pub(crate) fn phase(&self) -> PhaseName {
        match &self.phase {
            Phase::Source(phase) => phase.name(),
            Phase::Destination(phase) => phase.name(),
        }
    }

    /// The reason the outcome is in doubt, if it is.
    pub(crate) fn doubt(&self) -> Option<Doubt> {
        match &self.phase {
            Phase::Source(phase) => phase.doubt(),
            Phase::Destination(phase) => phase.doubt(),
        }
    }

    /// Whether the domain runs here once this machine has completed its own steps: an activation, or the start of a
    /// copy in doubt, which an operator has forced or the destination has declined.
    pub(crate) fn is_about_to_run(&self) -> bool {
        self.phase() == PhaseName::Activate || self.forced() == Some(Force::RunHere)
    }

    /// Whether the transaction no longer concerns a copy of the domain on this machine.
    pub(crate) fn is_settled(&self) -> bool {
        match &self.phase {
            Phase::Source(phase) => phase.is_released(),
            Phase::Destination(phase) => phase.is_discarded(),
        }
    }

    fn forced(&self) -> Option<Force> {
        match &self.phase {
            Phase::Source(phase) => phase.forced(),
            Phase::Destination(_) => None,
        }
    }

    fn step(&mut self, now: Instant, input: Input) {
        let context = &mut Context {
            now,
            facts: &self.facts,
            timers: &mut self.timers,
            actions: &mut self.actions,
        };
        match &mut self.phase {
            Phase::Source(phase) => phase.step(context, input),
            Phase::Destination(phase) => phase.step(context, input),
        }
    }
}
