//! The source: the machine that a domain leaves.
//!
//! ```text
//!   new -> Offer --Admit--> Rounds --planner--> Freeze --FreezeSent--> Commit --Activated--> Release --ReleaseAck--> Finished
//!            |                |                  |  ^                   | |
//!            |                |                  |  +---VersionMoved----+ | retired: THE COMMIT POINT is in commit.rs
//!            v                v                  v      (twice)         | v
//!          Abort <- cancel, limit, deadline, refusal, broken stream <---+ InDoubt <-- Declined, or the destination has lost
//!        (runs on)                                      (third time)      |           the transaction
//!            ^                                                            |           (frozen, listed, the operator decides)
//!            +------ the destination has declined: retirement undone -----+
//! ```
//!
//! Invariant: before the commit point every failure leaves the domain running here. After it the domain runs here again
//! only if the destination has declined, in the boot that took part, or an operator forces it. The copy here is kept until
//! the destination reports that the domain runs there.

pub(crate) mod abort;
mod commit;
mod freeze;
mod in_doubt;
mod offer;
mod release;
mod rounds;

use core::mem;

use crate::context::{Context, Force, Input};
use crate::reasons::{Doubt, PhaseName};
use crate::transaction::{Cancelled, TooLate};

pub use commit::ATTEMPTS_MAX;
pub(crate) use commit::Committing;
use freeze::Freezing;
pub(crate) use in_doubt::InDoubt;
pub(crate) use offer::Offering;
pub(crate) use release::Releasing;
use rounds::Rounds;

/// The phase of a source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    Offer(Offering),
    Rounds(Rounds),
    Freeze(Freezing),
    Commit(Committing),
    Release(Releasing),
    InDoubt(InDoubt),
    Finished,
}

impl Phase {
    pub(crate) fn step(&mut self, context: &mut Context<'_>, input: Input) {
        *self = match mem::replace(self, Phase::Finished) {
            Phase::Offer(phase) => phase.step(context, input),
            Phase::Rounds(phase) => phase.step(context, input),
            Phase::Freeze(phase) => phase.step(context, input),
            Phase::Commit(phase) => phase.step(context, input),
            Phase::Release(phase) => phase.step(context, input),
            Phase::InDoubt(phase) => phase.step(context, input),
            Phase::Finished => Phase::Finished,
        };
    }

    pub(crate) fn name(&self) -> PhaseName {
        match self {
            Phase::Offer(_) => PhaseName::Offer,
            Phase::Rounds(_) => PhaseName::Rounds,
            Phase::Freeze(_) => PhaseName::Freeze,
            Phase::Commit(_) => PhaseName::Commit,
            Phase::Release(_) => PhaseName::Release,
            Phase::InDoubt(_) => PhaseName::InDoubt,
            Phase::Finished => PhaseName::Finished,
        }
    }

    pub(crate) fn doubt(&self) -> Option<Doubt> {
        match self {
            Phase::Commit(committing) => committing.doubt(),
            Phase::Release(releasing) => releasing.doubt(),
            Phase::InDoubt(in_doubt) => Some(in_doubt.why()),
            _ => None,
        }
    }

    /// The result of a request to cancel in this phase.
    pub(crate) fn cancelled(&self) -> Result<Cancelled, TooLate> {
        match self {
            Phase::Offer(_) | Phase::Rounds(_) | Phase::Freeze(_) => Ok(Cancelled::Now),
            Phase::Commit(committing) if !committing.is_committed() => Ok(Cancelled::IfNotTooLate),
            _ => Err(TooLate),
        }
    }

    /// The decision about a copy in doubt, while it is being carried out.
    pub(crate) fn forced(&self) -> Option<Force> {
        match self {
            Phase::InDoubt(in_doubt) => in_doubt.forced(),
            _ => None,
        }
    }

    /// Whether the copy here is destroyed and only the destination's acknowledgement is awaited.
    pub(crate) fn is_released(&self) -> bool {
        matches!(self, Phase::Release(releasing) if releasing.is_destroyed())
    }
}
