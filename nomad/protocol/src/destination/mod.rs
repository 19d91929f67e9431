//! The destination: the machine that a domain moves to.
//!
//! ```text
//!   new -> Admit --Reserved--> Receive --FreezeReceived--> Verify --verified, Commit--> Activate --Released--> Finished
//!            |                    ^                           |
//!            | Refused            +------another freeze-------+--verified; Unknown, another boot--> InDoubt
//!            v                                                              (frozen, listed, the operator decides)
//!        Finished
//!
//!   Receive, Verify, InDoubt --the copy cannot be completed, or the operator drops it--> Decline --reply--> Finished
//!   Receive, Verify          --Abort, or Unknown under the source's boot--------------> Abort ------------> Finished
//! ```
//!
//! Commit may arrive before the pages: the destination decides. The domain runs here if its copy is verified and Commit
//! has arrived. If the copy cannot be completed, the destination declines: it makes durable that it never runs this
//! copy, and notifies the source, which then continues to run the domain. Before the first round is acknowledged the
//! source cannot have frozen the domain, so a failure needs no agreement and leads to Abort.
//!
//! Invariant: the copy never runs before Commit is received, nor after the transaction was declined. A verified copy is
//! not given up by the destination itself: the source may have retired the domain and be gone. The copy stays frozen, and
//! the destination queries the source.

mod abort;
mod activate;
mod admit;
mod committed;
mod decline;
mod in_doubt;
mod receive;
mod verify;

use core::mem;

use crate::context::{Context, Input};
use crate::messages::StreamHeader;
use crate::reasons::{Doubt, PhaseName};
use crate::transaction::{Cancelled, TooLate};

pub(crate) use abort::Discarding;
pub(crate) use activate::Activating;
pub(crate) use admit::Admitting;
pub(crate) use decline::Declining;
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
    Decline(Declining),
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
            Phase::Decline(phase) => phase.step(context, input),
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
            Phase::Decline(_) => PhaseName::Decline,
            Phase::Abort(_) => PhaseName::Abort,
            Phase::Finished => PhaseName::Finished,
        }
    }

    pub(crate) fn doubt(&self) -> Option<Doubt> {
        match self {
            Phase::Verify(verifying) => verifying.doubt(),
            Phase::Activate(activating) => activating.doubt(),
            Phase::InDoubt(_) => Some(Doubt::SourceRestarted),
            Phase::Decline(declining) => declining.doubt(),
            _ => None,
        }
    }

    /// Whether a segment with this header is awaited. A freeze that has arrived is replaced only by a later one, so
    /// that a verified copy is not overwritten by a repetition.
    pub(crate) fn awaits(&self, header: &StreamHeader) -> bool {
        match (self, header) {
            (Phase::Receive(_), _) => true,
            (Phase::Verify(verifying), StreamHeader::Freeze { attempt, .. }) => {
                verifying.is_replaced_by(*attempt)
            }
            _ => false,
        }
    }

    /// The result of a request to cancel in this phase. Once the copy is verified, only the source can cancel.
    pub(crate) fn cancelled(&self) -> Result<Cancelled, TooLate> {
        match self {
            Phase::Admit(_) | Phase::Receive(_) => Ok(Cancelled::Now),
            Phase::Verify(verifying) if !verifying.is_verified() => Ok(Cancelled::Now),
            _ => Err(TooLate),
        }
    }

    /// Whether the copy here is discarded and only the source's reply is awaited.
    pub(crate) fn is_discarded(&self) -> bool {
        matches!(self, Phase::Decline(declining) if declining.is_discarded())
    }
}
