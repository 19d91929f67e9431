//! Decline: the destination cannot run the domain, and the source may have retired it already. So the destination never
//! runs its copy, makes that durable, and notifies the source, which then continues to run the domain.
//!
//! ```text
//!   enter --record--> discards the copy, repeats Declined --Discarded; Abort or Unknown--> Finished
//! ```
//!
//! Once the copy is discarded, the domain may be offered again before the source has replied. The record then states that
//! the copy is gone, so that a restarted server does not discard the copy of the later move.
//!
//! The record stays until the source has replied. Without it, the reply to the source's Commit would be Unknown, from
//! which the source could not conclude that the domain does not run here.

use crate::actions::{Action, DestinationAction, DestinationEvent, Event, Notice};
use crate::context::{Context, Input};
use crate::ids::AdmissionId;
use crate::messages::Step;
use crate::reasons::{AbortReason, Doubt, PhaseName};
use crate::record::RecordedProgress;
use crate::timers::Timer;

use super::Phase;
use super::abort::is_for_another_admission;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Declining {
    admission: AdmissionId,
    why: AbortReason,
    /// Whether the copy is gone.
    is_discarded: bool,
    /// Whether the source knows.
    is_answered: bool,
    /// Whether the source has not replied for too long.
    is_silent: bool,
}

impl Declining {
    pub(crate) fn enter(
        context: &mut Context<'_>,
        admission: AdmissionId,
        why: AbortReason,
    ) -> Phase {
        // Durable before it is sent: a restarted server must not run a copy of a domain that the source continues to
        // run.
        record(context, admission, why, false);
        Self::resume(context, admission, why, false)
    }

    /// Resumes after a restart.
    pub(crate) fn resume(
        context: &mut Context<'_>,
        admission: AdmissionId,
        why: AbortReason,
        is_discarded: bool,
    ) -> Phase {
        context.enter(PhaseName::Decline);
        context.notify(Notice::Declined(why));
        context.send(Step::Declined(why));
        if !is_discarded {
            context.act(Action::CloseStream);
            context.act(Action::Destination(DestinationAction::DiscardCopy));
        }
        context.repeat();
        context.limit(context.timing().release_limit_us);
        Phase::Decline(Declining {
            admission,
            why,
            is_discarded,
            is_answered: false,
            is_silent: false,
        })
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        match input {
            Input::Event(Event::Destination(DestinationEvent::Discarded)) => {
                self.discarded(context)
            }
            Input::Message { step, .. } => self.handle_message(context, &step),
            Input::Force(_) => self.answered(context),
            Input::Timer(Timer::Repeat) => self.send_declined(context),
            Input::Timer(Timer::Limit) => {
                context.notify(Notice::InDoubt(Doubt::NotAnswered));
                let is_silent = true;
                Phase::Decline(Declining { is_silent, ..self })
            }
            _ => Phase::Decline(self),
        }
    }

    fn discarded(self, context: &mut Context<'_>) -> Phase {
        if !self.is_answered {
            // Durable before pages of a later move can arrive: those are handled after this action is performed.
            record(context, self.admission, self.why, true);
        }
        Declining {
            is_discarded: true,
            ..self
        }
        .finish_if_done(context)
    }

    fn handle_message(self, context: &mut Context<'_>, step: &Step) -> Phase {
        match step {
            // From any boot of the source: an earlier boot that has retired the domain has lost it.
            Step::Abort(_) | Step::Unknown => self.answered(context),
            // The source no longer replies to any message of this admission.
            step if is_for_another_admission(step, self.admission) => self.answered(context),
            Step::Commit { .. } if !self.is_answered => self.send_declined(context),
            _ => Phase::Decline(self),
        }
    }

    fn send_declined(self, context: &mut Context<'_>) -> Phase {
        context.send(Step::Declined(self.why));
        Phase::Decline(self)
    }

    /// Nobody needs the record any more.
    fn answered(self, context: &mut Context<'_>) -> Phase {
        context.timers.clear();
        Declining {
            is_answered: true,
            is_silent: false,
            ..self
        }
        .finish_if_done(context)
    }

    /// The record is dropped last: until then a restarted server finds the copy that is to be discarded.
    fn finish_if_done(self, context: &mut Context<'_>) -> Phase {
        if !self.is_discarded || !self.is_answered {
            return Phase::Decline(self);
        }
        context.act(Action::Forget);
        context.notify(Notice::Aborted(self.why));
        Phase::Finished
    }

    pub(super) fn is_discarded(&self) -> bool {
        self.is_discarded
    }

    pub(super) fn doubt(&self) -> Option<Doubt> {
        self.is_silent.then_some(Doubt::NotAnswered)
    }
}

fn record(context: &mut Context<'_>, admission: AdmissionId, why: AbortReason, is_discarded: bool) {
    context.record(RecordedProgress::DestinationDeclined {
        why,
        admission,
        is_discarded,
    });
}
