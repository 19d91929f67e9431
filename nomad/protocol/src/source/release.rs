//! Release: the target runs the domain; the copy here is given back, and the target is told.

use crate::actions::{Action, Event, Notice, SourceAction, SourceEvent};
use crate::context::{Context, Input};
use crate::identity::BootId;
use crate::messages::Step;
use crate::reasons::{Doubt, PhaseName};
use crate::record::Progressed;
use crate::timers::Timer;

use super::Phase;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Releasing {
    peer_boot: BootId,
    progress: Progress,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Progress {
    Destroying,
    /// `silent`: the target was not heard for long.
    Telling {
        silent: bool,
    },
}

impl Releasing {
    /// The target has confirmed that its copy is complete and runs: only now may the one here go.
    pub(super) fn enter(context: &mut Context<'_>, peer_boot: BootId) -> Phase {
        // Durable before the copy goes, since a domain that is gone cannot be asked whether it was retired.
        context.record(Progressed::SourceReleasing { peer_boot });
        Self::destroy(context, peer_boot)
    }

    pub(super) fn resume(context: &mut Context<'_>, progress: Progressed) -> Phase {
        match progress {
            Progressed::SourceReleasing { peer_boot } => Self::destroy(context, peer_boot),
            Progressed::SourceReleased { peer_boot } => {
                context.enter(PhaseName::Release);
                Self::tell(context, peer_boot)
            }
            _ => unreachable!("resumed from a record of another phase: {progress:?}"),
        }
    }

    fn destroy(context: &mut Context<'_>, peer_boot: BootId) -> Phase {
        context.enter(PhaseName::Release);
        context.act(Action::CloseStream);
        context.act(Action::Source(SourceAction::Destroy));
        Phase::Release(Releasing {
            peer_boot,
            progress: Progress::Destroying,
        })
    }

    fn tell(context: &mut Context<'_>, peer_boot: BootId) -> Phase {
        context.send(Step::Released);
        context.repeat();
        context.limit(context.timing().release_limit_us);
        Phase::Release(Releasing {
            peer_boot,
            progress: Progress::Telling { silent: false },
        })
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        match (&self.progress, input) {
            (Progress::Destroying, Input::Event(Event::Source(SourceEvent::Destroyed))) => {
                // Durable before the target is told: it may send the domain back, and that one is not to be destroyed.
                context.record(Progressed::SourceReleased {
                    peer_boot: self.peer_boot,
                });
                Self::tell(context, self.peer_boot)
            }
            (
                Progress::Telling { .. },
                Input::Heard {
                    step: Step::ReleaseHeard,
                    ..
                },
            ) => Self::finish(context),
            // A restarted target has nothing left to be told.
            (Progress::Telling { .. }, Input::Heard { boot, .. }) if boot != self.peer_boot => {
                Self::finish(context)
            }
            (
                Progress::Telling { .. },
                Input::Heard {
                    step: Step::Activated { .. },
                    ..
                },
            ) => Self::tell(context, self.peer_boot),
            (Progress::Telling { .. }, Input::Timer(Timer::Repeat)) => {
                context.send(Step::Released);
                Phase::Release(self)
            }
            (Progress::Telling { .. }, Input::Timer(Timer::Limit)) => {
                context.notify(Notice::InDoubt(Doubt::NotHeard));
                Phase::Release(Releasing {
                    progress: Progress::Telling { silent: true },
                    ..self
                })
            }
            (Progress::Telling { .. }, Input::Force(_)) => Self::finish(context),
            _ => Phase::Release(self),
        }
    }

    fn finish(context: &mut Context<'_>) -> Phase {
        context.enter(PhaseName::Finished);
        context.act(Action::Forget);
        context.notify(Notice::Finished);
        Phase::Finished
    }

    pub(super) fn is_destroyed(&self) -> bool {
        matches!(self.progress, Progress::Telling { .. })
    }

    pub(super) fn doubt(&self) -> Option<Doubt> {
        (self.progress == Progress::Telling { silent: true }).then_some(Doubt::NotHeard)
    }
}
