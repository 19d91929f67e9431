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
//! itself. After that only the source knows the outcome: the copy stays frozen, and the destination queries the source.

mod abort;
mod activate;
mod admit;
mod in_doubt;
mod receive;
mod verify;

use core::mem;

use crate::context::{Context, Input};
use crate::reasons::{Doubt, PhaseName};
use crate::transaction::Cancelled;

pub(crate) use abort::Discarding;
pub(crate) use activate::Activating;
pub(crate) use admit::Admitting;
use in_doubt::InDoubt;
use receive::Receiving;
pub(crate) use verify::Verifying;

/// The phase of a destination.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    Admit(Admitting),
    Receive(Receiving),
    Verify(Verifying),
    Activate(Activating),
    InDoubt(InDoubt),
    Abort(Discarding),
    Finished,
}

impl Phase {
    pub(crate) fn step(&mut self, context: &mut Context<'_>, input: Input) {
        *self = match mem::replace(self, Phase::Finished) {
            Phase::Admit(phase) => phase.step(context, input),
            Phase::Receive(phase) => phase.step(context, input),
            Phase::Verify(phase) => phase.step(context, input),
            Phase::Activate(phase) => phase.step(context, input),
            Phase::InDoubt(phase) => phase.step(context, input),
            Phase::Abort(phase) => phase.step(context, input),
            Phase::Finished => Phase::Finished,
        };
    }

    pub(crate) fn name(&self) -> PhaseName {
        match self {
            Phase::Admit(_) => PhaseName::Admit,
            Phase::Receive(_) => PhaseName::Receive,
            Phase::Verify(_) => PhaseName::Verify,
            Phase::Activate(_) => PhaseName::Activate,
            Phase::InDoubt(_) => PhaseName::InDoubt,
            Phase::Abort(_) => PhaseName::Abort,
            Phase::Finished => PhaseName::Finished,
        }
    }

    pub(crate) fn doubt(&self) -> Option<Doubt> {
        match self {
            Phase::Verify(verifying) => verifying.doubt(),
            Phase::Activate(activating) => activating.doubt(),
            Phase::InDoubt(_) => Some(Doubt::SourceRestarted),
            _ => None,
        }
    }

    /// The result of a request to cancel in this phase. Once prepared, only the source can cancel.
    pub(crate) fn cancelled(&self) -> Cancelled {
        match self {
            Phase::Admit(_) | Phase::Receive(_) => Cancelled::Now,
            Phase::Verify(verifying) if !verifying.is_prepared() => Cancelled::Now,
            _ => Cancelled::TooLate,
        }
    }
}
