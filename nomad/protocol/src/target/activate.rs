//! Activate: Commit was heard, so the domain runs here and nowhere else; then waits until the source has released its copy.
//!
//! ```text
//!   Thawing --Activated--> Running --Released, or the source's new boot--> Finished
//!      ^  |
//!      +--+ Failed: again, since nobody else can run the domain any more
//! ```
//!
//! Until *Finished* the domain may not be moved on: the source still holds a copy that it must be able to ask about.

use crate::actions::{Action, Event, Notice, TargetAction, TargetEvent};
use crate::context::{Context, Input};
use crate::identity::BootId;
use crate::messages::Step;
use crate::reasons::{Doubt, PhaseName};
use crate::record::Progressed;
use crate::stood::Stood;
use crate::timers::Timer;

use super::Phase;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Activating {
    peer_boot: BootId,
    progress: Progress,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Progress {
    Thawing(Stood),
    /// `silent`: the source was not heard for long.
    Running {
        silent: bool,
    },
}

impl Activating {
    pub(super) fn enter(context: &mut Context<'_>, peer_boot: BootId, stood: Stood) -> Phase {
        // Durable before the domain runs: a restarted nomad must not take the copy for one that has never run.
        context.record(Progressed::TargetActivating { peer_boot });
        Self::thaw(context, peer_boot, stood)
    }

    pub(super) fn resume(context: &mut Context<'_>, progress: Progressed) -> Phase {
        match progress {
            Progressed::TargetActivating { peer_boot } => {
                Self::thaw(context, peer_boot, Stood::since(context.now))
            }
            Progressed::TargetActivated { peer_boot } => {
                context.enter(PhaseName::Activate);
                Self::running(context, peer_boot)
            }
            _ => unreachable!("resumed from a record of another phase: {progress:?}"),
        }
    }

    fn thaw(context: &mut Context<'_>, peer_boot: BootId, stood: Stood) -> Phase {
        context.enter(PhaseName::Activate);
        context.act(Action::CloseStream);
        let incarnation = context.facts.offer.incarnation.next();
        context.act(Action::Target(TargetAction::Activate {
            incarnation,
            stood_us: stood.us(context.now),
        }));
        Phase::Activate(Activating {
            peer_boot,
            progress: Progress::Thawing(stood),
        })
    }

    fn running(context: &mut Context<'_>, peer_boot: BootId) -> Phase {
        Self::say_activated(context);
        context.repeat();
        context.limit(context.timing().release_limit_us);
        Phase::Activate(Activating {
            peer_boot,
            progress: Progress::Running { silent: false },
        })
    }

    fn say_activated(context: &mut Context<'_>) {
        let offer = &context.facts.offer;
        let (domain, incarnation) = (offer.domain, offer.incarnation.next());
        context.send(Step::Activated {
            domain,
            incarnation,
        });
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        match self.progress {
            Progress::Thawing(stood) => self.step_thawing(context, input, stood),
            Progress::Running { .. } => self.step_running(context, input),
        }
    }

    fn step_thawing(self, context: &mut Context<'_>, input: Input, stood: Stood) -> Phase {
        match input {
            Input::Event(Event::Target(TargetEvent::Activated)) => {
                let Activating { peer_boot, .. } = self;
                context.record(Progressed::TargetActivated { peer_boot });
                context.act(Action::Target(TargetAction::Announce));
                context.notify(Notice::Activated);
                Self::running(context, peer_boot)
            }
            Input::Event(Event::Failed(_)) => {
                context.repeat();
                Phase::Activate(self)
            }
            Input::Timer(Timer::Repeat) => Self::thaw(context, self.peer_boot, stood),
            _ => Phase::Activate(self),
        }
    }

    fn step_running(self, context: &mut Context<'_>, input: Input) -> Phase {
        match input {
            Input::Heard {
                step: Step::Released,
                ..
            } => {
                context.enter(PhaseName::Finished);
                context.act(Action::Forget);
                context.send(Step::ReleaseHeard);
                context.notify(Notice::Finished);
                Phase::Finished
            }
            // The source has nothing left of it: it was restarted, or an operator has settled it there.
            Input::Heard {
                step: Step::Unknown,
                ..
            }
            | Input::Force(_) => {
                context.enter(PhaseName::Finished);
                context.act(Action::Forget);
                context.notify(Notice::Finished);
                Phase::Finished
            }
            Input::Heard {
                step: Step::Commit { .. },
                ..
            } => Self::running(context, self.peer_boot),
            Input::Timer(Timer::Repeat) => {
                Self::say_activated(context);
                Phase::Activate(self)
            }
            Input::Timer(Timer::Limit) => {
                context.notify(Notice::InDoubt(Doubt::NotReleased));
                let progress = Progress::Running { silent: true };
                Phase::Activate(Activating { progress, ..self })
            }
            _ => Phase::Activate(self),
        }
    }

    pub(super) fn doubt(&self) -> Option<Doubt> {
        let silent = Progress::Running { silent: true };
        (self.progress == silent).then_some(Doubt::NotReleased)
    }
}
