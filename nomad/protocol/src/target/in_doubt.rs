//! InDoubt: a complete copy stands here, and the source was restarted: it may have committed, or aborted and gone on.
//!
//! The copy stays, frozen and listed. A Commit of the source's earlier boot, late on the wire, still settles it: it
//! proves that nothing ran since. Otherwise an operator forces one outcome by name.

use crate::actions::Notice;
use crate::context::{Context, Force, Input};
use crate::identity::{Attempt, BootId};
use crate::messages::Step;
use crate::reasons::{AbortReason, Doubt, PhaseName};
use crate::stood::Stood;

use super::Phase;
use super::abort::Discarding;
use super::activate::Activating;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct InDoubt {
    peer_boot: BootId,
    attempt: Attempt,
}

impl InDoubt {
    pub(super) fn enter(context: &mut Context<'_>, peer_boot: BootId, attempt: Attempt) -> Phase {
        context.enter(PhaseName::InDoubt);
        context.notify(Notice::InDoubt(Doubt::SourceRestarted));
        Phase::InDoubt(InDoubt { peer_boot, attempt })
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        match input {
            Input::Heard {
                step: Step::Commit {
                    attempt, stood_us, ..
                },
                boot,
            } if attempt == self.attempt && boot == self.peer_boot => {
                let stood = Stood::heard(context.now, stood_us, 0);
                Activating::enter(context, self.peer_boot, stood)
            }
            Input::Heard {
                step: Step::Abort(why),
                ..
            } => Discarding::enter(context, why),
            Input::Force(Force::RunHere) => {
                Activating::enter(context, self.peer_boot, Stood::since(context.now))
            }
            Input::Force(Force::DropCopy) => Discarding::enter(context, AbortReason::Cancelled),
            _ => Phase::InDoubt(self),
        }
    }
}
