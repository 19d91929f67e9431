//! InDoubt: a complete copy is here, and the source was restarted. The source may have committed, or it may have
//! aborted and continued to run the domain.
//!
//! The copy stays, frozen and listed. A delayed Commit of the source's earlier boot still settles the doubt: it proves
//! that the source retired the domain and did not run it again. Otherwise an operator forces one outcome by name.

use identity::Digest;

use crate::actions::Notice;
use crate::context::{Context, Force, Input};
use crate::downtime::Downtime;
use crate::ids::{Admission, Attempt};
use crate::messages::Step;
use crate::reasons::{AbortReason, Doubt, PhaseName};

use super::Phase;
use super::abort::Discarding;
use super::activate::Activating;
use super::committed::Committed;
use super::decline::Declining;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct InDoubt {
    admission: Admission,
    attempt: Attempt,
    digest: Digest,
}

impl InDoubt {
    pub(super) fn enter(
        context: &mut Context<'_>,
        admission: Admission,
        (attempt, digest): (Attempt, Digest),
    ) -> Phase {
        context.enter(PhaseName::InDoubt);
        context.notify(Notice::InDoubt(Doubt::SourceRestarted));
        Phase::InDoubt(InDoubt {
            admission,
            attempt,
            digest,
        })
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        match Committed::of(context, &input, self.admission) {
            Some(committed) if committed.attempt == self.attempt => {
                return committed.decide(context, self.admission, self.digest);
            }
            _ => {}
        }
        match input {
            Input::Message {
                step: Step::Abort(why),
                ..
            } => Discarding::enter(context, why),
            Input::Force(Force::RunHere) => {
                Activating::enter(context, self.admission, Downtime::since(context.now))
            }
            Input::Force(Force::DropCopy) => {
                Declining::enter(context, self.admission.number, AbortReason::Cancelled)
            }
            _ => Phase::InDoubt(self),
        }
    }
}
