//! Abort: the destination discards its copy. Before it has sent Prepared, any failure leads here; after that, only an
//! abort by the source.

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
    /// Releases the reservation. Abort is sent once: if it is lost, the source notices by its limits or by the stream.
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
            // The record goes last: a restarted server must find the copy that is yet to be discarded.
            Input::Event(Event::Destination(DestinationEvent::Discarded)) => {
                context.act(Action::Forget);
                context.notify(Notice::Aborted(self.why));
                Phase::Finished
            }
            _ => Phase::Abort(self),
        }
    }
}

/// The reason this input aborts a transaction in `phase` while the destination is not prepared, if it does.
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
