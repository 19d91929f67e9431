//! Activate: Commit was received and the copy is verified, so the domain runs here and nowhere else. The phase lasts until
//! the source has released its copy.
//!
//! ```text
//!   Thawing --Activated--> Running --Released, or the source's new boot--> Finished
//!      ^  |
//!      +--+ Failed: retried, since no other machine can run the domain any more
//! ```
//!
//! If the retries fail for too long, the domain is listed. An operator may then make this machine decline it.
//!
//! Until *Finished* the domain may not be moved on: the source still holds a copy, and must be able to query this
//! transaction's outcome.

use crate::actions::{Action, DestinationAction, DestinationEvent, Event, Notice};
use crate::context::{Context, Input};
use crate::downtime::Downtime;
use crate::ids::{Admission, AdmissionId, BootId};
use crate::messages::Step;
use crate::reasons::{AbortReason, Doubt, PhaseName};
use crate::record::RecordedProgress;
use crate::timers::Timer;

use super::Phase;
use super::decline::Declining;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Activating {
    peer_boot: BootId,
    progress: Progress,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Progress {
    /// `is_stuck`: the activation has failed for too long.
    Thawing {
        admission: AdmissionId,
        downtime: Downtime,
        is_stuck: bool,
    },
    /// `silent`: the source has not replied for too long.
    Running { silent: bool },
}

impl Activating {
    pub(super) fn enter(
        context: &mut Context<'_>,
        admission: Admission,
        downtime: Downtime,
    ) -> Phase {
        // Durable before the domain runs: a restarted server must not take the copy for one that has never run.
        context.record(RecordedProgress::DestinationActivating { admission });
        Self::thaw(context, admission, downtime)
    }

    /// Resumes after a restart that may have come before the domain was thawed.
    pub(crate) fn resume_thawing(context: &mut Context<'_>, admission: Admission) -> Phase {
        Self::thaw(context, admission, Downtime::since(context.now))
    }

    /// Resumes after a restart, with the domain running here.
    pub(crate) fn resume_running(context: &mut Context<'_>, peer_boot: BootId) -> Phase {
        context.enter(PhaseName::Activate);
        Self::running(context, peer_boot)
    }

    fn thaw(context: &mut Context<'_>, admission: Admission, downtime: Downtime) -> Phase {
        context.enter(PhaseName::Activate);
        context.act(Action::CloseStream);
        context.limit(context.timing().silence_limit_us);
        let thawing = Activating {
            peer_boot: admission.peer_boot,
            progress: Progress::Thawing {
                admission: admission.number,
                downtime,
                is_stuck: false,
            },
        };
        thawing.activate(context, downtime)
    }

    fn activate(self, context: &mut Context<'_>, downtime: Downtime) -> Phase {
        let incarnation = context.facts.offer.incarnation.next();
        context.act(Action::Destination(DestinationAction::Activate {
            incarnation,
            downtime_us: downtime.us(context.now),
        }));
        Phase::Activate(self)
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
            Progress::Thawing {
                admission,
                downtime,
                ..
            } => self.step_thawing(context, input, admission, downtime),
            Progress::Running { .. } => self.step_running(context, input),
        }
    }

    fn step_thawing(
        self,
        context: &mut Context<'_>,
        input: Input,
        admission: AdmissionId,
        downtime: Downtime,
    ) -> Phase {
        match input {
            Input::Event(Event::Destination(DestinationEvent::Activated)) => {
                let Activating { peer_boot, .. } = self;
                context.timers.clear();
                context.record(RecordedProgress::DestinationActivated { peer_boot });
                context.act(Action::Destination(DestinationAction::Announce));
                context.notify(Notice::Activated);
                Self::running(context, peer_boot)
            }
            Input::Event(Event::Failed(_)) => {
                context.repeat();
                Phase::Activate(self)
            }
            Input::Timer(Timer::Repeat) => self.activate(context, downtime),
            Input::Timer(Timer::Limit) => {
                context.notify(Notice::InDoubt(Doubt::NotActivated));
                let progress = Progress::Thawing {
                    admission,
                    downtime,
                    is_stuck: true,
                };
                Phase::Activate(Activating { progress, ..self })
            }
            // The source still has its copy, since it has not received Activated.
            Input::Force(_) => {
                context.cancel_activation();
                Declining::enter(context, admission, AbortReason::Cancelled)
            }
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
        match self.progress {
            Progress::Thawing { is_stuck: true, .. } => Some(Doubt::NotActivated),
            Progress::Running { silent: true } => Some(Doubt::NotReleased),
            _ => None,
        }
    }
}
