//! Activate: Commit was received and the copy is verified, so the domain runs here and nowhere else. The phase lasts until
//! the source has released its copy.
//!
//! ```text
//!   Thawing --Activated--> Running --Released, or the source's new boot--> Finished
//!      ^  |
//!      +--+ Failed: retried, since no other machine can run the domain any more
//! ```
//!
//! Until *Finished* the domain may not be moved on: the source still holds a copy, and must be able to query this
//! transaction's outcome.

use crate::actions::{Action, DestinationAction, DestinationEvent, Event, Notice};
use crate::context::{Context, Input};
use crate::downtime::Downtime;
use crate::ids::BootId;
use crate::messages::Step;
use crate::reasons::{Doubt, PhaseName};
use crate::record::RecordedProgress;
use crate::timers::Timer;

use super::Phase;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Activating {
    peer_boot: BootId,
    progress: Progress,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Progress {
    Thawing(Downtime),
    /// `silent`: the source has not replied for too long.
    Running {
        silent: bool,
    },
}

impl Activating {
    pub(super) fn enter(context: &mut Context<'_>, peer_boot: BootId, downtime: Downtime) -> Phase {
        // Durable before the domain runs: a restarted server must not take the copy for one that has never run.
        context.record(RecordedProgress::DestinationActivating { peer_boot });
        Self::thaw(context, peer_boot, downtime)
    }

    /// Resumes after a restart that may have come before the domain was thawed.
    pub(crate) fn resume_thawing(context: &mut Context<'_>, peer_boot: BootId) -> Phase {
        Self::thaw(context, peer_boot, Downtime::since(context.now))
    }

    /// Resumes after a restart, with the domain running here.
    pub(crate) fn resume_running(context: &mut Context<'_>, peer_boot: BootId) -> Phase {
        context.enter(PhaseName::Activate);
        Self::running(context, peer_boot)
    }

    fn thaw(context: &mut Context<'_>, peer_boot: BootId, downtime: Downtime) -> Phase {
        context.enter(PhaseName::Activate);
        context.act(Action::CloseStream);
        let incarnation = context.facts.offer.incarnation.next();
        context.act(Action::Destination(DestinationAction::Activate {
            incarnation,
            downtime_us: downtime.us(context.now),
        }));
        Phase::Activate(Activating {
            peer_boot,
            progress: Progress::Thawing(downtime),
        })
    }

    fn running(context: &mut Context<'_>, peer_boot: BootId) -> Phase {
        Self::send_activated(context);
        context.repeat();
        context.limit(context.timing().release_limit_us);
        Phase::Activate(Activating {
            peer_boot,
            progress: Progress::Running { silent: false },
        })
    }

    fn send_activated(context: &mut Context<'_>) {
        let offer = &context.facts.offer;
        let (domain, incarnation) = (offer.domain, offer.incarnation.next());
        context.send(Step::Activated {
            domain,
            incarnation,
        });
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        match self.progress {
            Progress::Thawing(downtime) => self.step_thawing(context, input, downtime),
            Progress::Running { .. } => self.step_running(context, input),
        }
    }

    fn step_thawing(self, context: &mut Context<'_>, input: Input, downtime: Downtime) -> Phase {
        match input {
            Input::Event(Event::Destination(DestinationEvent::Activated)) => {
                let Activating { peer_boot, .. } = self;
                context.record(RecordedProgress::DestinationActivated { peer_boot });
                context.act(Action::Destination(DestinationAction::Announce));
                context.notify(Notice::Activated);
                Self::running(context, peer_boot)
            }
            Input::Event(Event::Failed(_)) => {
                context.repeat();
                Phase::Activate(self)
            }
            Input::Timer(Timer::Repeat) => Self::thaw(context, self.peer_boot, downtime),
            _ => Phase::Activate(self),
        }
    }

    fn step_running(self, context: &mut Context<'_>, input: Input) -> Phase {
        match input {
            Input::Message {
                step: Step::Released,
                ..
            } => {
                context.enter(PhaseName::Finished);
                context.act(Action::Forget);
                context.send(Step::ReleaseAck);
                context.notify(Notice::Finished);
                Phase::Finished
            }
            // The source has no copy left: it was restarted, or an operator has settled the transaction there.
            Input::Message {
                step: Step::Unknown,
                ..
            }
            | Input::Force(_) => {
                context.enter(PhaseName::Finished);
                context.act(Action::Forget);
                context.notify(Notice::Finished);
                Phase::Finished
            }
            Input::Message {
                step: Step::Commit { .. },
                ..
            } => Self::running(context, self.peer_boot),
            Input::Timer(Timer::Repeat) => {
                Self::send_activated(context);
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
