//! The destination: the machine that a domain moves to.
//!
//! ```text
//!   new -> Admit --Reserved--> Receive --FreezeReceived--> Verify --Prepared, Commit--> Activate --Released--> Finished
//!            |                   |  ^                       |  |
//!            | Refused           |  +--replacing freeze-----+  +--Unknown, another boot--> InDoubt
//!            v                   v                          |                     (frozen, listed, the operator decides)
//!        Finished              Abort <----------------------+
//!                            (empty)   not prepared: any failure
//!                                      prepared: only Abort, or Unknown under the source's boot
//! ```
//!
//! Invariant: the copy never runs before Commit is received. Until it has sent Prepared a destination may abort by
//! itself; after that only the source knows the outcome, and the destination stays frozen and queries it.

mod abort;
mod activate;
mod admit;
mod in_doubt;
mod receive;
mod verify;

use alloc::collections::VecDeque;
use core::mem;

use crate::actions::{Action, Event};
use crate::context::{Context, Facts, Force, Input};
use crate::ids::{BootId, MachineId, TransactionId};
use crate::messages::Step;
use crate::offer::Offer;
use crate::reasons::{AbortReason, Doubt, PhaseName, Side};
use crate::record::{Record, RecordedProgress};
use crate::source::{Cancelled, WrongSide};
use crate::time::Instant;
use crate::timers::{Timer, Timers, Timing};

use abort::Discarding;
use activate::Activating;
use admit::Admitting;
use in_doubt::InDoubt;
use receive::Receiving;
use verify::Verifying;

/// One transaction, seen from the destination.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    facts: Facts,
    phase: Phase,
    timers: Timers,
    actions: VecDeque<Action>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Admit(Admitting),
    Receive(Receiving),
    Verify(Verifying),
    Activate(Activating),
    InDoubt(InDoubt),
    Abort(Discarding),
    Finished,
}

/// An offer with its sender.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IncomingOffer {
    /// The transaction.
    pub transaction: TransactionId,
    /// The source.
    pub source: MachineId,
    /// Its boot.
    pub boot: BootId,
    /// The offered domain.
    pub offer: Offer,
}

impl Destination {
    /// Accepts an offer.
    pub fn new(now: Instant, local_boot: BootId, offered: IncomingOffer, timing: Timing) -> Self {
        let IncomingOffer {
            transaction,
            source,
            boot,
            offer,
        } = offered;
        let facts = Facts {
            transaction,
            local_boot,
            peer: source,
            offer,
        };
        Self::start(now, facts, timing, |context| {
            Admitting::enter(context, boot)
        })
    }

    /// Continues after a restart of the migration server.
    pub fn resume(
        now: Instant,
        local_boot: BootId,
        record: Record,
        timing: Timing,
    ) -> Result<Self, WrongSide> {
        let Record {
            transaction,
            peer,
            offer,
            progress,
        } = record;
        let enter: fn(&mut Context<'_>, RecordedProgress) -> Phase = match progress {
            RecordedProgress::DestinationOpen => |context, _| {
                Discarding::enter(
                    context,
                    AbortReason::NomadRestarted {
                        on: Side::Destination,
                    },
                )
            },
            RecordedProgress::DestinationPrepared { .. } => Verifying::resume,
            RecordedProgress::DestinationActivating { .. }
            | RecordedProgress::DestinationActivated { .. } => Activating::resume,
            _ => return Err(WrongSide(progress)),
        };
        let facts = Facts {
            transaction,
            local_boot,
            peer,
            offer,
        };
        Ok(Self::start(now, facts, timing, |context| {
            enter(context, progress)
        }))
    }

    fn start(
        now: Instant,
        facts: Facts,
        timing: Timing,
        enter: impl FnOnce(&mut Context<'_>) -> Phase,
    ) -> Self {
        let mut destination = Destination {
            facts,
            phase: Phase::Finished,
            timers: Timers::new(timing),
            actions: VecDeque::new(),
        };
        destination.phase = enter(&mut Context {
            now,
            facts: &destination.facts,
            timers: &mut destination.timers,
            actions: &mut destination.actions,
        });
        destination
    }

    /// Handles a step from this boot of the source.
    pub fn handle_message(&mut self, now: Instant, boot: BootId, step: Step) {
        self.step(now, Input::Message { boot, step });
    }

    /// Handles a report of the shell's.
    pub fn handle_event(&mut self, now: Instant, event: Event) {
        self.step(now, Input::Event(event));
    }

    /// Handles all timers that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.due(now) {
            self.expire(now, timer);
        }
    }

    /// Fires one armed timer, due or not. Correctness must not depend on clock rates, so exploration fires them early.
    pub fn expire(&mut self, now: Instant, timer: Timer) {
        if self.timers.is_armed(timer) {
            self.timers.fired(now, timer);
            self.step(now, Input::Timer(timer));
        }
    }

    /// Cancels the move, as this machine's operator asked. Once prepared, only the source can cancel.
    pub fn cancel(&mut self, now: Instant) -> Cancelled {
        let early = match &self.phase {
            Phase::Admit(_) | Phase::Receive(_) => true,
            Phase::Verify(verifying) => !verifying.is_prepared(),
            _ => false,
        };
        if !early {
            return Cancelled::TooLate;
        }
        self.step(now, Input::Cancel);
        Cancelled::Now
    }

    /// Settles a doubt, as the operator decided; returns whether there was one that this settles.
    pub fn force(&mut self, now: Instant, force: Force) -> bool {
        let settles = self.doubt().is_some_and(|doubt| doubt.is_settled_by(force));
        if settles {
            self.step(now, Input::Force(force));
        }
        settles
    }

    /// Whether the domain runs here, or does as soon as root adopts it.
    pub fn is_about_to_run(&self) -> bool {
        self.phase() == PhaseName::Activate
    }

    /// Queries the source about the outcome at once, if an answer is awaited.
    pub fn probe(&mut self, now: Instant) {
        self.expire(now, Timer::Repeat);
    }

    /// The next action, if there is one.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to call [`Destination::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Whether this timer is armed.
    pub fn is_armed(&self, timer: Timer) -> bool {
        self.timers.is_armed(timer)
    }

    /// The current phase.
    pub fn phase(&self) -> PhaseName {
        match self.phase {
            Phase::Admit(_) => PhaseName::Admit,
            Phase::Receive(_) => PhaseName::Receive,
            Phase::Verify(_) => PhaseName::Verify,
            Phase::Activate(_) => PhaseName::Activate,
            Phase::InDoubt(_) => PhaseName::InDoubt,
            Phase::Abort(_) => PhaseName::Abort,
            Phase::Finished => PhaseName::Finished,
        }
    }

    /// The reason the outcome is in doubt, if it is.
    pub fn doubt(&self) -> Option<Doubt> {
        match &self.phase {
            Phase::Verify(verifying) => verifying.doubt(),
            Phase::Activate(activating) => activating.doubt(),
            Phase::InDoubt(_) => Some(Doubt::SourceRestarted),
            _ => None,
        }
    }

    /// Whether a complete copy is here that may not run yet.
    pub fn is_prepared(&self) -> bool {
        match &self.phase {
            Phase::Verify(verifying) => verifying.is_prepared(),
            Phase::InDoubt(_) => true,
            _ => false,
        }
    }

    /// The other machine.
    pub fn source(&self) -> MachineId {
        self.facts.peer
    }

    /// The offered domain.
    pub fn offer(&self) -> &Offer {
        &self.facts.offer
    }

    fn context(&mut self, now: Instant) -> Context<'_> {
        Context {
            now,
            facts: &self.facts,
            timers: &mut self.timers,
            actions: &mut self.actions,
        }
    }

    fn step(&mut self, now: Instant, input: Input) {
        let phase = mem::replace(&mut self.phase, Phase::Finished);
        let context = &mut self.context(now);
        self.phase = match phase {
            Phase::Admit(phase) => phase.step(context, input),
            Phase::Receive(phase) => phase.step(context, input),
            Phase::Verify(phase) => phase.step(context, input),
            Phase::Activate(phase) => phase.step(context, input),
            Phase::InDoubt(phase) => phase.step(context, input),
            Phase::Abort(phase) => phase.step(context, input),
            Phase::Finished => Phase::Finished,
        };
    }
}
