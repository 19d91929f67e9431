//! Abort: the source leaves a phase before the commit point, and the domain continues to run.

use crate::actions::{Action, Event, Notice, SourceAction};
use crate::context::{Context, Input};
use crate::ids::Admission;
use crate::messages::Step;
use crate::reasons::{AbortReason, PhaseName, Side};
use crate::timers::Timer;

use super::Phase;

/// Undoes all steps so far. Abort is sent once: if it is lost, the destination queries the outcome and receives
/// Unknown.
pub(crate) fn enter(context: &mut Context<'_>, why: AbortReason) -> Phase {
    context.enter(PhaseName::Abort);
    context.timers.clear_all();
    context.act(Action::CloseStream);
    context.act(Action::Source(SourceAction::EndCapture));
    context.act(Action::Source(SourceAction::Thaw));
    context.act(Action::Forget);
    context.send(Step::Abort(why));
    context.notify(Notice::Aborted(why));
    Phase::Finished
}

/// The reason to abort, if this input aborts a transaction in `phase`. If the destination states the reason, which may
/// be false, a notice reports it as the destination's. `admission` is the destination's admission of the domain, if
/// there is one yet.
pub(super) fn reason(
    context: &mut Context<'_>,
    input: &Input,
    phase: PhaseName,
    admission: Option<Admission>,
) -> Option<AbortReason> {
    match input {
        Input::Cancel => Some(AbortReason::Cancelled),
        Input::Timer(Timer::Limit) => Some(AbortReason::TooLong { phase }),
        Input::Timer(Timer::Deadline) => Some(AbortReason::TimedOut {
            after_us: context.facts.options.timeout_us.unwrap_or(0),
        }),
        Input::Event(Event::StreamBroken) => Some(AbortReason::StreamBroken),
        Input::Event(Event::Failed(failure)) => Some(AbortReason::Failed {
            on: Side::Source,
            failure: *failure,
        }),
        Input::Message {
            step: Step::Refuse(why),
            ..
        } => Some(AbortReason::Refused(*why)),
        Input::Message {
            step: Step::Abort(why) | Step::Declined(why),
            ..
        } => {
            context.notify(Notice::Declined(*why));
            Some(*why)
        }
        Input::Message { boot, .. } if admission.is_some_and(|known| known.peer_boot != *boot) => {
            Some(AbortReason::PeerRestarted)
        }
        // The destination has forgotten that admission and has admitted the domain again, without the rounds that were
        // sent before.
        Input::Message {
            step:
                Step::Admit {
                    admission: number, ..
                }
                | Step::Received {
                    admission: number, ..
                },
            ..
        } if admission.is_some_and(|known| known.number != *number) => {
            Some(AbortReason::PeerForgot)
        }
        Input::Message {
            step: Step::Unknown,
            ..
        } => Some(AbortReason::PeerForgot),
        _ => None,
    }
}
