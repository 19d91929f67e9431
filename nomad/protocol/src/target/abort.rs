//! Abort, the target's way out while it has not said Prepared, and after that if the source says that it is off.

use crate::actions::{Action, Event, Notice, TargetAction, TargetEvent};
use crate::context::{Context, Input};
use crate::identity::BootId;
use crate::messages::Step;
use crate::reasons::{AbortReason, PhaseName, Side};
use crate::record::Progressed;
use crate::timers::Timer;

use super::Phase;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Discarding {
    why: AbortReason,
}

impl Discarding {
    /// Gives back what was reserved. The source is told once; should that get lost, its limits or the stream tell it.
    pub(super) fn enter(context: &mut Context<'_>, why: AbortReason) -> Phase {
        context.enter(PhaseName::Abort);
        // A copy that was prepared is not complete any more from here on, also for a restarted nomad.
        context.record(Progressed::TargetOpen);
        context.act(Action::CloseStream);
        context.send(Step::Abort(why));
        context.act(Action::Target(TargetAction::DiscardCopy));
        Phase::Abort(Discarding { why })
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        match input {
            // The record goes last: a restarted nomad must find what is yet to be discarded.
            Input::Event(Event::Target(TargetEvent::Discarded)) => {
                context.act(Action::Forget);
                context.notify(Notice::Aborted(self.why));
                Phase::Finished
            }
            _ => Phase::Abort(self),
        }
    }
}

/// Why this input ends a transaction in `phase` while the target is not prepared, if it does.
pub(super) fn reason(input: &Input, phase: PhaseName, peer_boot: BootId) -> Option<AbortReason> {
    match input {
        Input::Cancel => Some(AbortReason::Cancelled),
        Input::Timer(Timer::Limit) => Some(AbortReason::TooLong { phase }),
        Input::Event(Event::StreamBroken) => Some(AbortReason::StreamBroken),
        Input::Event(Event::Failed(failure)) => Some(AbortReason::Failed {
            on: Side::Target,
            failure: *failure,
        }),
        Input::Heard {
            step: Step::Abort(why),
            ..
        } => Some(*why),
        Input::Heard { boot, .. } if *boot != peer_boot => Some(AbortReason::PeerRestarted),
        Input::Heard {
            step: Step::Unknown,
            ..
        } => Some(AbortReason::PeerForgot),
        _ => None,
    }
}
