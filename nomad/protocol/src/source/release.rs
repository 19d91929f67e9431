//! Release: the destination runs the domain; the copy here is destroyed, and the destination is notified.

use crate::actions::{Action, Event, Notice, SourceAction, SourceEvent};
use crate::context::{Context, Input};
use crate::ids::BootId;
use crate::messages::Step;
use crate::reasons::{Doubt, PhaseName};
use crate::record::RecordedProgress;
use crate::timers::Timer;

use super::Phase;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Releasing {
    peer_boot: BootId,
    progress: Progress,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Progress {
    Destroying,
    /// `silent`: the destination has not replied for too long.
    AwaitingAck {
        silent: bool,
    },
}

impl Releasing {
    /// The destination has confirmed that its copy is complete and runs. Only now may the copy here be destroyed.
    pub(super) fn enter(context: &mut Context<'_>, peer_boot: BootId) -> Phase {
        // Durable before the copy is destroyed: once it is gone, nothing else shows whether it was retired.
        context.record(RecordedProgress::SourceReleasing { peer_boot });
        Self::destroy(context, peer_boot)
    }

    /// The destination runs the domain, and an operator has dropped the copy here before.
    pub(super) fn enter_destroyed(context: &mut Context<'_>, peer_boot: BootId) -> Phase {
        context.record(RecordedProgress::SourceReleased { peer_boot });
        Self::resume_destroyed(context, peer_boot)
    }

    /// Resumes after a restart, with the copy destroyed.
    pub(crate) fn resume_destroyed(context: &mut Context<'_>, peer_boot: BootId) -> Phase {
        context.enter(PhaseName::Release);
        Self::send_released(context, peer_boot)
    }

    /// Destroys the copy. A restarted server destroys it again, since it cannot know whether the copy is gone.
    pub(crate) fn destroy(context: &mut Context<'_>, peer_boot: BootId) -> Phase {
        context.enter(PhaseName::Release);
        context.act(Action::CloseStream);
        context.act(Action::Source(SourceAction::Destroy));
        Phase::Release(Releasing {
            peer_boot,
            progress: Progress::Destroying,
        })
    }

    fn send_released(context: &mut Context<'_>, peer_boot: BootId) -> Phase {
        context.send(Step::Released);
        context.repeat();
        context.limit(context.timing().release_limit_us);
        Phase::Release(Releasing {
            peer_boot,
            progress: Progress::AwaitingAck { silent: false },
        })
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        match (&self.progress, input) {
            (Progress::Destroying, Input::Event(Event::Source(SourceEvent::Destroyed))) => {
                // Durable before the destination is notified: the destination may then send the domain back, and that
                // new copy must survive.
                context.record(RecordedProgress::SourceReleased {
                    peer_boot: self.peer_boot,
                });
                Self::send_released(context, self.peer_boot)
            }
            (
                Progress::AwaitingAck { .. },
                Input::Message {
                    step: Step::ReleaseAck,
                    ..
                },
            ) => Self::finish(context),
            // A restarted destination has lost the transaction.
            (Progress::AwaitingAck { .. }, Input::Message { boot, .. })
                if boot != self.peer_boot =>
            {
                Self::finish(context)
            }
            (
                Progress::AwaitingAck { .. },
                Input::Message {
                    step: Step::Activated { .. },
                    ..
                },
            ) => Self::send_released(context, self.peer_boot),
            (Progress::AwaitingAck { .. }, Input::Timer(Timer::Repeat)) => {
                context.send(Step::Released);
                Phase::Release(self)
            }
            (Progress::AwaitingAck { .. }, Input::Timer(Timer::Limit)) => {
                context.notify(Notice::InDoubt(Doubt::NotAcknowledged));
                Phase::Release(Releasing {
                    progress: Progress::AwaitingAck { silent: true },
                    ..self
                })
            }
            (Progress::AwaitingAck { .. }, Input::Force(_)) => Self::finish(context),
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
        matches!(self.progress, Progress::AwaitingAck { .. })
    }

    pub(super) fn doubt(&self) -> Option<Doubt> {
        (self.progress == Progress::AwaitingAck { silent: true }).then_some(Doubt::NotAcknowledged)
    }
}
