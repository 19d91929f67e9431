//! Dropped: an operator has dropped the copy of a domain that is retired here. The destination may have the only other copy,
//! and may await Commit to run it. So the source continues to repeat Commit until it knows what the destination has decided.
//!
//! ```text
//!   Destroying --Destroyed--> Destroyed --Activated--> Release
//!                                 |------Declined----> Finished: the domain is lost
//!                                 `------Unknown, or the operator ends it--> Finished
//! ```

use crate::actions::{Action, Event, Notice, SourceAction, SourceEvent};
use crate::context::{Context, Input};
use crate::ids::{Admission, BootId};
use crate::messages::Step;
use crate::reasons::{AbortReason, Doubt, PhaseName};
use crate::record::RecordedProgress;
use crate::timers::Timer;

use super::Phase;
use super::commit::Frozen;
use super::release::Releasing;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Dropped {
    admission: Admission,
    frozen: Frozen,
    is_destroyed: bool,
}

impl Dropped {
    /// Destroys the copy, as an operator has decided.
    pub(super) fn enter(context: &mut Context<'_>, admission: Admission, frozen: Frozen) -> Phase {
        let dropped = Dropped {
            admission,
            frozen,
            is_destroyed: false,
        };
        // Durable before the copy is destroyed, so that a restarted server does not take the missing copy for a
        // contradiction.
        dropped.record(context);
        dropped.destroy(context)
    }

    /// Resumes after a restart.
    pub(crate) fn resume(
        context: &mut Context<'_>,
        admission: Admission,
        frozen: Frozen,
        is_destroyed: bool,
    ) -> Phase {
        let dropped = Dropped {
            admission,
            frozen,
            is_destroyed,
        };
        if is_destroyed {
            dropped.await_reply(context)
        } else {
            dropped.destroy(context)
        }
    }

    fn record(&self, context: &mut Context<'_>) {
        context.record(RecordedProgress::SourceDropped {
            attempt: self.frozen.attempt,
            digest: self.frozen.digest,
            admission: self.admission,
            is_destroyed: self.is_destroyed,
        });
    }

    fn destroy(self, context: &mut Context<'_>) -> Phase {
        context.timers.clear();
        context.act(Action::CloseStream);
        context.act(Action::Source(SourceAction::Destroy));
        Phase::Dropped(self)
    }

    fn await_reply(self, context: &mut Context<'_>) -> Phase {
        context.enter(PhaseName::Commit);
        context.notify(Notice::InDoubt(Doubt::Dropped));
        self.frozen.send_commit(context, self.admission);
        context.repeat();
        Phase::Dropped(self)
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        match input {
            Input::Event(Event::Source(SourceEvent::Destroyed)) if !self.is_destroyed => {
                let dropped = Dropped {
                    is_destroyed: true,
                    ..self
                };
                // Durable: if a copy of the domain is here later, the domain has come back, and that copy must not be
                // destroyed.
                dropped.record(context);
                dropped.await_reply(context)
            }
            Input::Message { boot, step } if self.is_destroyed => {
                self.handle_message(context, boot, &step)
            }
            Input::Timer(Timer::Repeat) => {
                self.frozen.send_commit(context, self.admission);
                Phase::Dropped(self)
            }
            Input::Force(_) => finish(context, Notice::Finished),
            _ => Phase::Dropped(self),
        }
    }

    fn handle_message(self, context: &mut Context<'_>, boot: BootId, step: &Step) -> Phase {
        let took_part = boot == self.admission.peer_boot;
        match step {
            Step::Activated { .. } if took_part => Releasing::enter_destroyed(context, boot),
            Step::Declined(why) if took_part => lost(context, *why),
            // The destination is restarted, or its operator has ended the transaction there.
            Step::Unknown => finish(context, Notice::Finished),
            Step::Admit { .. } | Step::Received { .. } => {
                self.frozen.send_commit(context, self.admission);
                Phase::Dropped(self)
            }
            _ => Phase::Dropped(self),
        }
    }

    pub(super) fn is_destroyed(&self) -> bool {
        self.is_destroyed
    }

    pub(super) fn doubt(&self) -> Option<Doubt> {
        self.is_destroyed.then_some(Doubt::Dropped)
    }
}

/// No machine has the domain any more.
fn lost(context: &mut Context<'_>, why: AbortReason) -> Phase {
    context.send(Step::Abort(why));
    finish(context, Notice::Lost(why))
}

fn finish(context: &mut Context<'_>, notice: Notice) -> Phase {
    context.enter(PhaseName::Finished);
    context.act(Action::Forget);
    context.notify(notice);
    Phase::Finished
}
