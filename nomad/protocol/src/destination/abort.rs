//! Abort: the destination discards its copy, because the source runs the domain on. Nothing has to be agreed: the source
//! has aborted, or cannot have frozen the domain yet.

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
    /// Releases the reservation, because the source has aborted.
    pub(super) fn enter(context: &mut Context<'_>, why: AbortReason) -> Phase {
        context.enter(PhaseName::Abort);
        // From here on a complete copy counts as incomplete, also for a restarted server.
        context.record(RecordedProgress::DestinationOpen);
        context.act(Action::CloseStream);
        context.act(Action::Destination(DestinationAction::DiscardCopy));
        Phase::Abort(Discarding { why })
    }

    /// Releases the reservation before the source can freeze the domain. Abort is sent once. If it is lost, the source
    /// ends its side by a time limit or because the stream breaks.
    pub(crate) fn abort(context: &mut Context<'_>, why: AbortReason) -> Phase {
        context.send(Step::Abort(why));
        Self::enter(context, why)
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

/// The end of a transaction whose destination has no verified copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum End {
    /// The source runs the domain on, or does not await anything of this boot.
    BySource(AbortReason),
    /// This machine cannot complete the move.
    Here(AbortReason),
}

impl End {
    /// The end that this input brings in `phase`, if it brings one.
    pub(super) fn of(
        context: &Context<'_>,
        input: &Input,
        phase: PhaseName,
        peer_boot: BootId,
    ) -> Option<End> {
        Some(match input {
            Input::Message { boot, step } => Self::of_message(context, *boot, step, peer_boot)?,
            Input::Cancel => End::Here(AbortReason::Cancelled),
            Input::Timer(Timer::Limit) => End::Here(AbortReason::TooLong { phase }),
            Input::Event(Event::StreamBroken) => End::Here(AbortReason::StreamBroken),
            Input::Event(Event::Failed(failure)) => End::Here(AbortReason::Failed {
                on: Side::Destination,
                failure: *failure,
            }),
            _ => return None,
        })
    }

    fn of_message(
        context: &Context<'_>,
        boot: BootId,
        step: &Step,
        peer_boot: BootId,
    ) -> Option<End> {
        match step {
            Step::Abort(why) => Some(End::BySource(*why)),
            _ if boot != peer_boot => Some(End::Here(AbortReason::PeerRestarted)),
            Step::Unknown => Some(End::BySource(AbortReason::PeerForgot)),
            step if is_for_another_boot(context, step) => {
                Some(End::BySource(AbortReason::PeerForgot))
            }
            _ => None,
        }
    }
}

/// Whether the source has committed to an earlier boot of this machine. It then awaits nothing of this one.
pub(super) fn is_for_another_boot(context: &Context<'_>, step: &Step) -> bool {
    matches!(step, Step::Commit { boot, .. } if *boot != context.facts.local_boot)
}
