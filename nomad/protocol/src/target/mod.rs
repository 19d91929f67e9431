//! The target: the machine that a domain comes to.
//!
//! ```text
//!   new -> Admit --Reserved--> Receive --FreezeReceived--> Verify --Prepared, Commit--> Activate --Released--> Finished
//!            |                   |  ^                       |  |
//!            | Refused           |  +--replacing freeze-----+  +--Unknown, another boot--> InDoubt
//!            v                   v                          |                     (frozen, listed, the operator decides)
//!        Finished              Abort <----------------------+
//!                            (empty)   not prepared: whatever goes wrong
//!                                      prepared: only Abort, or Unknown under the source's boot
//! ```
//!
//! Invariant: the copy never runs before Commit was heard. Until it has said Prepared a target may give up by itself;
//! after that only the source knows the outcome, and the target stands frozen and asks.

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
use crate::identity::{BootId, MachineId, TransactionId};
use crate::messages::Step;
use crate::offer::Offer;
use crate::reasons::{AbortReason, Doubt, PhaseName, Side};
use crate::record::{Progressed, Record};
use crate::source::{Cancelled, WrongSide};
use crate::time::Instant;
use crate::timers::{Timer, Timers, Timing};

use abort::Discarding;
use activate::Activating;
use admit::Admitting;
use in_doubt::InDoubt;
use receive::Receiving;
use verify::Verifying;

/// One transaction, seen from the target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
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

/// An offer as it arrived.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Offered {
    /// The transaction.
    pub transaction: TransactionId,
    /// The source.
    pub source: MachineId,
    /// Its boot.
    pub boot: BootId,
    /// What it offers.
    pub offer: Offer,
}

impl Target {
    /// Takes up an offer.
    pub fn new(now: Instant, here: BootId, offered: Offered, timing: Timing) -> Self {
        let Offered {
            transaction,
            source,
            boot,
            offer,
        } = offered;
        let facts = Facts {
            transaction,
            here,
            peer: source,
            offer,
        };
        Self::start(now, facts, timing, |context| {
            Admitting::enter(context, boot)
        })
    }

    /// Goes on after nomad was restarted.
    pub fn resume(
        now: Instant,
        here: BootId,
        record: Record,
        timing: Timing,
    ) -> Result<Self, WrongSide> {
        let Record {
            transaction,
            peer,
            offer,
            progress,
        } = record;
        let enter: fn(&mut Context<'_>, Progressed) -> Phase = match progress {
            Progressed::TargetOpen => |context, _| {
                Discarding::enter(context, AbortReason::NomadRestarted { on: Side::Target })
            },
            Progressed::TargetPrepared { .. } => Verifying::resume,
            Progressed::TargetActivating { .. } | Progressed::TargetActivated { .. } => {
                Activating::resume
            }
            _ => return Err(WrongSide(progress)),
        };
        let facts = Facts {
            transaction,
            here,
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
        let mut target = Target {
            facts,
            phase: Phase::Finished,
            timers: Timers::new(timing),
            actions: VecDeque::new(),
        };
        target.phase = enter(&mut Context {
            now,
            facts: &target.facts,
            timers: &mut target.timers,
            actions: &mut target.actions,
        });
        target
    }

    /// The source's boot `boot` says `step`.
    pub fn handle_message(&mut self, now: Instant, boot: BootId, step: Step) {
        self.step(now, Input::Heard { boot, step });
    }

    /// The shell answers an action or reports.
    pub fn handle_event(&mut self, now: Instant, event: Event) {
        self.step(now, Input::Event(event));
    }

    /// Lets everything happen that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.due(now) {
            self.expire(now, timer);
        }
    }

    /// Lets one armed timer fire, due or not: how fast clocks run must not matter, and so it can be explored.
    pub fn expire(&mut self, now: Instant, timer: Timer) {
        if self.timers.is_armed(timer) {
            self.timers.fired(now, timer);
            self.step(now, Input::Timer(timer));
        }
    }

    /// This machine's operator does not want the domain. Once it is prepared only the source can cancel.
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

    /// The operator settles what is in doubt. Says whether there was a doubt that this settles.
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

    /// Asks the source at once what became of the transaction, if it was not heard of for a while.
    pub fn ask(&mut self, now: Instant) {
        self.expire(now, Timer::Repeat);
    }

    /// The next thing to do, if any.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to call [`Target::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Can this timer fire?
    pub fn is_armed(&self, timer: Timer) -> bool {
        self.timers.is_armed(timer)
    }

    /// The phase's name.
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

    /// Why the outcome is in doubt, if it is.
    pub fn doubt(&self) -> Option<Doubt> {
        match &self.phase {
            Phase::Verify(verifying) => verifying.doubt(),
            Phase::Activate(activating) => activating.doubt(),
            Phase::InDoubt(_) => Some(Doubt::SourceRestarted),
            _ => None,
        }
    }

    /// Does a complete copy stand here that may not run yet?
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

    /// What was offered.
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
