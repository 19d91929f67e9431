//! InDoubt: the domain is retired here, and only an operator can find out whether the destination has a copy.
//!
//! The copy stays, frozen and listed, until an operator forces one outcome by name.

use crate::actions::{Action, Event, Notice, SourceAction, SourceEvent};
use crate::context::{Context, Force, Input};
use crate::messages::Step;
use crate::reasons::{Doubt, PhaseName};

use super::Phase;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct InDoubt {
    why: Doubt,
    /// The operator's decision, while it is being carried out.
    forced: Option<Force>,
}

impl InDoubt {
    pub(crate) fn enter(context: &mut Context<'_>, why: Doubt) -> Phase {
        context.enter(PhaseName::InDoubt);
        context.notify(Notice::InDoubt(why));
        Phase::InDoubt(InDoubt { why, forced: None })
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        match input {
            // The destination sent this in its earlier boot, and the Unknown of its later boot arrived first. So the
            // domain ran there, and is gone.
            Input::Message {
                step: Step::Activated { .. },
                ..
            } if self.why == Doubt::DestinationRestarted && self.forced.is_none() => {
                context.notify(Notice::InDoubt(Doubt::LostAfterActivated));
                Phase::InDoubt(InDoubt {
                    why: Doubt::LostAfterActivated,
                    ..self
                })
            }
            Input::Force(force) if self.forced.is_none() => Self::force(context, self.why, force),
            Input::Event(Event::Source(done)) if self.forced.map(done_by) == Some(done) => {
                Self::finish(context)
            }
            // The copy cannot be run. The operator may still drop it.
            Input::Event(Event::Failed(_)) if self.forced == Some(Force::RunHere) => {
                Self::enter(context, self.why)
            }
            _ => Phase::InDoubt(self),
        }
    }

    /// Carries out the operator's decision. The copy stays in doubt until that is done: a server restarted before then
    /// lists it as in doubt again.
    pub(super) fn force(context: &mut Context<'_>, why: Doubt, force: Force) -> Phase {
        context.act(Action::Source(match force {
            Force::RunHere => SourceAction::Unretire,
            Force::DropCopy => SourceAction::Destroy,
        }));
        context.timers.clear();
        Phase::InDoubt(InDoubt {
            why,
            forced: Some(force),
        })
    }

    fn finish(context: &mut Context<'_>) -> Phase {
        context.enter(PhaseName::Finished);
        context.act(Action::CloseStream);
        context.act(Action::Forget);
        context.notify(Notice::Finished);
        Phase::Finished
    }

    pub(super) fn why(&self) -> Doubt {
        self.why
    }

    /// The operator's decision, while it is being carried out.
    pub(super) fn forced(&self) -> Option<Force> {
        self.forced
    }
}

/// The event that reports that the decision was carried out.
fn done_by(force: Force) -> SourceEvent {
    match force {
        Force::RunHere => SourceEvent::Unretired,
        Force::DropCopy => SourceEvent::Destroyed,
    }
}
