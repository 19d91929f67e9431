//! Abort: the destination discards its copy, because the source continues to run the domain. Nothing has to be agreed:
//! the source has aborted, or cannot have frozen the domain yet.

use crate::actions::{Action, DestinationAction, DestinationEvent, Event, Notice};
use crate::context::{Context, Input};
use crate::ids::{Admission, AdmissionId, BootId};
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

/// The source's boot, and the number of this admission once there is one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub peer_boot: BootId,
    pub number: Option<AdmissionId>,
}

impl From<Admission> for Known {
    fn from(admission: Admission) -> Known {
        Known {
            peer_boot: admission.peer_boot,
            number: Some(admission.number),
        }
    }
}

/// The end of a transaction whose destination has no verified copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum End {
    /// The source continues to run the domain, or no longer waits for anything under this admission.
    BySource(AbortReason),
    /// This machine cannot complete the move.
    Here(AbortReason),
}

impl End {
    /// The end that this input causes in `phase`, if it causes one.
    pub(super) fn of(input: &Input, phase: PhaseName, known: Known) -> Option<End> {
        Some(match input {
            Input::Message { boot, step } => Self::of_message(*boot, step, known)?,
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

    fn of_message(boot: BootId, step: &Step, known: Known) -> Option<End> {
        match step {
            Step::Abort(why) => Some(End::BySource(*why)),
            _ if boot != known.peer_boot => Some(End::Here(AbortReason::PeerRestarted)),
            Step::Unknown => Some(End::BySource(AbortReason::PeerForgot)),
            Step::Commit { admission, .. } if known.number != Some(*admission) => {
                Some(End::BySource(AbortReason::PeerForgot))
            }
            _ => None,
        }
    }
}

/// Whether this step shows that the source has committed to another admission, which this machine has forgotten,
/// perhaps by a restart. The source then no longer waits for anything under the admission `number`.
pub(super) fn is_for_another_admission(step: &Step, number: AdmissionId) -> bool {
    matches!(step, Step::Commit { admission, .. } if *admission != number)
}
