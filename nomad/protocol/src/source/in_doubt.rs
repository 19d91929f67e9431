//! InDoubt: the domain is retired here, and whether the target has a copy only its operator can find out.
//!
//! The copy stays, frozen and listed, until an operator forces one outcome by name.

use crate::actions::{Action, Event, Notice, SourceAction, SourceEvent};
use crate::context::{Context, Force, Input};
use crate::messages::Step;
use crate::reasons::{Doubt, PhaseName};

use super::Phase;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct InDoubt {
    why: Doubt,
    dropping: bool,
}

impl InDoubt {
    pub(super) fn enter(context: &mut Context<'_>, why: Doubt) -> Phase {
        context.enter(PhaseName::InDoubt);
        context.notify(Notice::InDoubt(why));
        Phase::InDoubt(InDoubt {
            why,
            dropping: false,
        })
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        match input {
            // Said by the target's earlier boot and overtaken by the later one's Unknown: it ran there, and is gone.
            Input::Heard {
                step: Step::Activated { .. },
                ..
            } if self.why == Doubt::TargetRestarted => {
                context.notify(Notice::InDoubt(Doubt::LostAfterActivated));
                Phase::InDoubt(InDoubt {
                    why: Doubt::LostAfterActivated,
                    ..self
                })
            }
            Input::Force(force) if !self.dropping => Self::forced(context, force),
            Input::Event(Event::Source(SourceEvent::Destroyed)) if self.dropping => {
                Self::finish(context)
            }
            _ => Phase::InDoubt(self),
        }
    }

    /// The operator answers for what follows.
    pub(super) fn forced(context: &mut Context<'_>, force: Force) -> Phase {
        match force {
            Force::RunHere => {
                context.act(Action::Source(SourceAction::Unretire));
                Self::finish(context)
            }
            Force::DropCopy => {
                context.act(Action::Source(SourceAction::Destroy));
                context.timers.clear();
                Phase::InDoubt(InDoubt {
                    why: Doubt::Silent,
                    dropping: true,
                })
            }
        }
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
}
