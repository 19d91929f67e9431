//! The source: the machine that a domain leaves.
//!
//! ```text
//!   new -> Offer --Admit--> Rounds --planner--> Freeze --Prepared--> Commit --Activated--> Release --ReleaseAck--> Finished
//!            |                |                  |  ^                 | |
//!            |                |                  |  +--VersionMoved---+ | retired: THE COMMIT POINT is in commit.rs
//!            v                v                  v     (twice)        | v
//!          Abort <---- cancel, limit, refusal, broken stream <--------+ InDoubt <-- the destination lost or dropped its copy
//!        (runs on)                                      (third time)    (frozen, listed, the operator decides)
//! ```
//!
//! Invariant: before the commit point every failure leaves the domain running here. After it the domain never runs here
//! again (unless an operator forces it), and its copy is kept until the destination reports that it runs there.

mod abort;
mod commit;
mod freeze;
mod in_doubt;
mod offer;
mod release;
mod rounds;

use alloc::collections::VecDeque;
use core::mem;

use nomad_planner::Goals;
use serde::{Deserialize, Serialize};

use crate::actions::{Action, Event};
use crate::context::{Context, Facts, Force, Input};
use crate::ids::{BootId, MachineId, TransactionId};
use crate::messages::Step;
use crate::offer::Offer;
use crate::reasons::{AbortReason, Doubt, PhaseName, Side};
use crate::record::{Record, RecordedProgress};
use crate::time::Instant;
use crate::timers::{Timer, Timers, Timing};

pub use commit::ATTEMPTS_MAX;
use commit::Committing;
use freeze::Freezing;
use in_doubt::InDoubt;
use offer::Offering;
use release::Releasing;
use rounds::Rounds;

/// One transaction, seen from the source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    facts: Facts,
    phase: Phase,
    timers: Timers,
    actions: VecDeque<Action>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Offer(Offering),
    Rounds(Rounds),
    Freeze(Freezing),
    Commit(Committing),
    Release(Releasing),
    InDoubt(InDoubt),
    Finished,
}

/// The kernel's state of a domain when the migration server was restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DomainState {
    /// It runs.
    Running,
    /// It is frozen, not retired.
    Frozen,
    /// It is retired.
    Retired,
    /// It does not exist.
    Gone,
}

/// The record belongs to the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongSide(pub RecordedProgress);

/// The result of a request to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cancelled {
    /// The transaction is aborted.
    Now,
    /// The kernel is retiring the domain right now; the transaction is aborted if that fails.
    IfNotTooLate,
    /// The commit point is passed, or the transaction has ended.
    TooLate,
}

impl Source {
    /// Starts to move a domain to `destination`.
    pub fn new(
        now: Instant,
        local_boot: BootId,
        destination: MachineId,
        transaction: TransactionId,
        offer: Offer,
        goals: Goals,
        timing: Timing,
    ) -> Self {
        let facts = Facts {
            transaction,
            local_boot,
            peer: destination,
            offer,
        };
        Self::start(now, facts, timing, |context| {
            Offering::enter(context, goals)
        })
    }

    /// Continues after a restart of the migration server, from the record and the kernel's state of the domain.
    pub fn resume(
        now: Instant,
        local_boot: BootId,
        record: Record,
        domain: DomainState,
        timing: Timing,
    ) -> Result<Self, WrongSide> {
        let Record {
            transaction,
            peer,
            offer,
            progress,
        } = record;
        let enter: fn(&mut Context<'_>, RecordedProgress) -> Phase = match (progress, domain) {
            (
                RecordedProgress::SourceOpen | RecordedProgress::SourceCommitting { .. },
                DomainState::Running | DomainState::Frozen,
            ) => {
                |context, _| abort::enter(context, AbortReason::NomadRestarted { on: Side::Source })
            }
            (RecordedProgress::SourceCommitting { .. }, DomainState::Retired) => Committing::resume,
            (
                RecordedProgress::SourceReleasing { .. } | RecordedProgress::SourceReleased { .. },
                _,
            ) => Releasing::resume,
            (RecordedProgress::SourceOpen | RecordedProgress::SourceCommitting { .. }, _) => {
                |context, _| InDoubt::enter(context, Doubt::RecordContradicted)
            }
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
        let mut source = Source {
            facts,
            phase: Phase::Finished,
            timers: Timers::new(timing),
            actions: VecDeque::new(),
        };
        source.phase = enter(&mut Context {
            now,
            facts: &source.facts,
            timers: &mut source.timers,
            actions: &mut source.actions,
        });
        source
    }

    /// Handles a step from this boot of the destination.
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

    /// Cancels the move, as the operator asked.
    pub fn cancel(&mut self, now: Instant) -> Cancelled {
        let retiring =
            matches!(&self.phase, Phase::Commit(committing) if !committing.is_committed());
        let too_late = !retiring && !self.is_before_commit();
        if too_late {
            return Cancelled::TooLate;
        }
        self.step(now, Input::Cancel);
        if retiring {
            Cancelled::IfNotTooLate
        } else {
            Cancelled::Now
        }
    }

    /// Settles a doubt, as the operator decided; returns whether there was one that this settles.
    pub fn force(&mut self, now: Instant, force: Force) -> bool {
        let is_forced =
            matches!(&self.phase, Phase::InDoubt(in_doubt) if in_doubt.forced().is_some());
        let settles = self.doubt().is_some_and(|doubt| doubt.is_settled_by(force));
        let settles = settles && !is_forced;
        if settles {
            self.step(now, Input::Force(force));
        }
        settles
    }

    /// The next action, if there is one.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to call [`Source::handle_timeout`].
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
            Phase::Offer(_) => PhaseName::Offer,
            Phase::Rounds(_) => PhaseName::Rounds,
            Phase::Freeze(_) => PhaseName::Freeze,
            Phase::Commit(_) => PhaseName::Commit,
            Phase::Release(_) => PhaseName::Release,
            Phase::InDoubt(_) => PhaseName::InDoubt,
            Phase::Finished => PhaseName::Finished,
        }
    }

    /// The reason the outcome is in doubt, if it is.
    pub fn doubt(&self) -> Option<Doubt> {
        match &self.phase {
            Phase::Commit(committing) => committing.doubt(),
            Phase::Release(releasing) => releasing.doubt(),
            Phase::InDoubt(in_doubt) => Some(in_doubt.why()),
            _ => None,
        }
    }

    /// Whether an operator has forced the copy to run, and that is being carried out.
    pub fn is_about_to_run(&self) -> bool {
        matches!(&self.phase, Phase::InDoubt(in_doubt) if in_doubt.forced() == Some(Force::RunHere))
    }

    /// Whether the copy here is destroyed and only the destination's acknowledgement is awaited.
    pub fn is_released(&self) -> bool {
        matches!(&self.phase, Phase::Release(releasing) if releasing.is_destroyed())
    }

    /// The other machine.
    pub fn destination(&self) -> MachineId {
        self.facts.peer
    }

    /// The offered domain.
    pub fn offer(&self) -> &Offer {
        &self.facts.offer
    }

    fn is_before_commit(&self) -> bool {
        matches!(
            self.phase,
            Phase::Offer(_) | Phase::Rounds(_) | Phase::Freeze(_)
        )
    }

    fn step(&mut self, now: Instant, input: Input) {
        let context = &mut Context {
            now,
            facts: &self.facts,
            timers: &mut self.timers,
            actions: &mut self.actions,
        };
        self.phase = match mem::replace(&mut self.phase, Phase::Finished) {
            Phase::Offer(phase) => phase.step(context, input),
            Phase::Rounds(phase) => phase.step(context, input),
            Phase::Freeze(phase) => phase.step(context, input),
            Phase::Commit(phase) => phase.step(context, input),
            Phase::Release(phase) => phase.step(context, input),
            Phase::InDoubt(phase) => phase.step(context, input),
            Phase::Finished => Phase::Finished,
        };
    }
}
