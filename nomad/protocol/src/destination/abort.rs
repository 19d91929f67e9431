//! Abort: the destination discards its copy. Before the destination has sent Prepared, any failure leads here. After
//! that only the source leads here, by Abort or Unknown, or the operator.

use crate::actions::{Action, DestinationAction, DestinationEvent, Event, Notice};
use crate::context::{Context, Input};
use crate::ids::BootId;
use crate::messages::Step;
use crate::reasons::{AbortReason, PhaseName, Side};
use crate::record::RecordedProgress;
use crate::timers::Timer;

use super::Phase;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Discarding {
    why: AbortReason,
}

impl Discarding {
    /// Releases the reservation. Abort is sent once. If it is lost, the source ends its side by a time limit or because
    /// the stream breaks.
    pub(crate) fn enter(context: &mut Context<'_>, why: AbortReason) -> Phase {
        context.enter(PhaseName::Abort);
        // From here on a prepared copy counts as incomplete, also for a restarted server.
        context.record(RecordedProgress::DestinationOpen);
        context.act(Action::CloseStream);
        context.send(Step::Abort(why));
        context.act(Action::Destination(DestinationAction::DiscardCopy));
        Phase::Abort(Discarding { why })
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        match input {
            // The record is dropped last: until then a restarted server finds the copy that is to be discarded.
            Input::Event(Event::Destination(DestinationEvent::Discarded)) => {
                context.act(Action::Forget);
                context.notify(Notice::Aborted(self.why));
                Phase::Finished
            }
            _ => Phase::Abort(self),
        }
    }
}

/// The reason to abort, if this input aborts a transaction in `phase` whose destination is not prepared.
pub(super) fn reason(input: &Input, phase: PhaseName, peer_boot: BootId) -> Option<AbortReason> {
    match input {
        Input::Cancel => Some(AbortReason::Cancelled),
        Input::Timer(Timer::Limit) => Some(AbortReason::TooLong { phase }),
        Input::Event(Event::StreamBroken) => Some(AbortReason::StreamBroken),
        Input::Event(Event::Failed(failure)) => Some(AbortReason::Failed {
            on: Side::Destination,
            failure: *failure,
        }),
        Input::Message {
            step: Step::Abort(why),
            ..
        } => Some(*why),
        Input::Message { boot, .. } if *boot != peer_boot => Some(AbortReason::PeerRestarted),
        Input::Message {
            step: Step::Unknown,
            ..
        } => Some(AbortReason::PeerForgot),
        _ => None,
    }
}
