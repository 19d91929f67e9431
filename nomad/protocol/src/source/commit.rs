//! Commit: **the commit point is here**, in [`Committing::commit_point`].
//!
//! ```text
//!   Retiring --Retired--> Committed --Activated--> Release
//!      |   |                  `--Declined--> InDoubt, until the retirement is undone
//!      |   `--VersionMoved--> Freeze, replacing (after attempt ATTEMPTS_MAX: Abort)
//!      `--RetireFailed--> Abort
//! ```
//!
//! While the kernel decides (*Retiring*), nothing may be undone: a request to abort waits for the decision. Once
//! *Committed*, only the destination decides. If it has declined, in the boot that took part, the domain continues to
//! run here. Nothing else leads back to a running domain: not silence, and not Unknown. Mutants in `nomad-simulator`
//! take such paths, and the model checker must catch them.

use identity::Digest;

use crate::actions::{Action, Event, Notice, SourceAction, SourceEvent};
use crate::context::{Context, Force, Input};
use crate::downtime::Downtime;
use crate::ids::{Admission, Attempt, StateVersion};
use crate::messages::Step;
use crate::reasons::{AbortReason, Doubt, PhaseName, Side};
use crate::record::RecordedProgress;
use crate::timers::Timer;

use super::dropped::Dropped;
use super::freeze::Freezing;
use super::in_doubt::InDoubt;
use super::release::Releasing;
use super::{Phase, abort};

/// The most freezes tried when something keeps changing the frozen domain.
pub const ATTEMPTS_MAX: Attempt = Attempt(3);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Committing {
    admission: Admission,
    frozen: Frozen,
    progress: Progress,
}

/// The freeze that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Frozen {
    pub attempt: Attempt,
    pub digest: Digest,
    /// The time since the domain's clock was read, plus the time that a message takes to the destination. `None` after
    /// a restart, when both are unknown.
    pub downtime: Option<Downtime>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Progress {
    /// The kernel was asked to retire the domain. If it does not, `abort` takes effect.
    Retiring {
        rounds: u32,
        abort: Option<AbortReason>,
    },
    /// The destination owns the domain. `silent`: it has not replied for too long.
    Committed { silent: bool },
}

impl Frozen {
    /// A freeze from a record, which does not contain its downtime.
    pub(crate) fn recorded(attempt: Attempt, digest: Digest) -> Frozen {
        Frozen {
            attempt,
            digest,
            downtime: None,
        }
    }

    /// Has the destination run the domain as it was frozen.
    pub(super) fn send_commit(&self, context: &mut Context<'_>, admission: Admission) {
        let Frozen {
            attempt,
            digest,
            downtime,
        } = *self;
        context.send(Step::Commit {
            admission: admission.number,
            attempt,
            digest,
            downtime_us: downtime.map_or(0, |downtime| downtime.us(context.now)),
        });
    }
}

impl Committing {
    /// Begins when the stream has accepted all of the freeze.
    pub(super) fn new(admission: Admission, frozen: Frozen) -> Self {
        let progress = Progress::Retiring {
            rounds: 0,
            abort: None,
        };
        Committing {
            admission,
            frozen,
            progress,
        }
    }

    /// Asks the kernel to retire the domain at `version`, the version that was sent.
    pub(super) fn retire(
        self,
        context: &mut Context<'_>,
        rounds: u32,
        version: StateVersion,
    ) -> Phase {
        let Committing {
            admission, frozen, ..
        } = self;
        let Frozen {
            attempt, digest, ..
        } = frozen;
        context.notify(Notice::Phase(PhaseName::Commit));
        // Durable before the kernel is asked: a restarted server must know which freeze the destination is to run.
        context.record(RecordedProgress::SourceCommitting {
            attempt,
            digest,
            admission,
        });
        context.act(Action::Source(SourceAction::Retire { version }));
        let abort = None;
        Phase::Commit(Committing {
            progress: Progress::Retiring { rounds, abort },
            ..self
        })
    }

    /// Resumes after a restart, with the domain retired in the kernel.
    pub(crate) fn resume(
        context: &mut Context<'_>,
        admission: Admission,
        (attempt, digest): (Attempt, Digest),
    ) -> Phase {
        context.notify(Notice::Phase(PhaseName::Commit));
        Committing::new(admission, Frozen::recorded(attempt, digest)).commit_point(context)
    }

    /// Continues to wait for the destination: an operator decided to run the domain here, and that has failed. The
    /// outcome remains in doubt.
    pub(super) fn go_on(context: &mut Context<'_>, admission: Admission, frozen: Frozen) -> Phase {
        context.enter(PhaseName::Commit);
        context.notify(Notice::InDoubt(Doubt::Silent));
        frozen.send_commit(context, admission);
        context.repeat();
        Phase::Commit(Committing {
            admission,
            frozen,
            progress: Progress::Committed { silent: true },
        })
    }

    /// **The commit point.** The kernel has retired the domain, at the version that was sent.
    ///
    /// Before it the source can always continue to run the domain. From here on the destination decides whether the
    /// domain runs there; the source just repeats Commit and keeps its copy.
    fn commit_point(self, context: &mut Context<'_>) -> Phase {
        assert!(!self.is_committed(), "a domain is retired once");
        context.timers.clear_all();
        context.notify(Notice::Committed);
        self.frozen.send_commit(context, self.admission);
        context.repeat();
        context.limit(context.timing().silence_limit_us);
        Phase::Commit(Committing {
            progress: Progress::Committed { silent: false },
            ..self
        })
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        match self.progress {
            Progress::Retiring { rounds, abort } => {
                self.step_retiring(context, input, rounds, abort)
            }
            Progress::Committed { .. } => self.step_committed(context, input),
        }
    }

    fn step_retiring(
        self,
        context: &mut Context<'_>,
        input: Input,
        rounds: u32,
        abort: Option<AbortReason>,
    ) -> Phase {
        match input {
            Input::Event(Event::Source(SourceEvent::Retired)) => self.commit_point(context),
            Input::Event(Event::Source(SourceEvent::VersionMoved)) => match abort {
                Some(why) => abort::enter(context, why),
                None => self.version_moved(context, rounds),
            },
            Input::Event(Event::Source(SourceEvent::RetireFailed(failure))) => abort::enter(
                context,
                abort.unwrap_or(AbortReason::Failed {
                    on: Side::Source,
                    failure,
                }),
            ),
            _ => {
                let abort = abort.or_else(|| {
                    abort::reason(context, &input, PhaseName::Commit, Some(self.admission))
                });
                Phase::Commit(Committing {
                    progress: Progress::Retiring { rounds, abort },
                    ..self
                })
            }
        }
    }

    fn version_moved(self, context: &mut Context<'_>, rounds: u32) -> Phase {
        if self.frozen.attempt >= ATTEMPTS_MAX {
            return abort::enter(context, AbortReason::Interfered);
        }
        Freezing::replace(context, self.admission, rounds, self.frozen.attempt.next())
    }

    fn step_committed(self, context: &mut Context<'_>, input: Input) -> Phase {
        match input {
            Input::Message { boot, step } if boot == self.admission.peer_boot => match step {
                Step::Activated { .. } => Releasing::enter(context, self.admission.peer_boot),
                Step::Declined(why) => InDoubt::decline(context, self.admission.peer_boot, why),
                // The destination keeps its record until this machine has replied that its part is over. So the
                // destination's operator has ended the transaction, and may have run the domain.
                Step::Unknown => self.in_doubt(context, Doubt::EndedByOperator),
                // The destination queries the outcome. That is not progress: Commit may not reach it, and both copies
                // are stopped.
                Step::Admit { .. } | Step::Received { .. } => self.repeat_commit(context),
                _ => Phase::Commit(self),
            },
            Input::Message {
                step: Step::Unknown,
                ..
            } => self.in_doubt(context, Doubt::DestinationRestarted),
            Input::Timer(Timer::Repeat) => self.repeat_commit(context),
            Input::Timer(Timer::Limit) => {
                context.notify(Notice::InDoubt(Doubt::Silent));
                Phase::Commit(Committing {
                    progress: Progress::Committed { silent: true },
                    ..self
                })
            }
            Input::Force(Force::RunHere) => InDoubt::run(context, self.admission, self.frozen),
            Input::Force(Force::DropCopy) => Dropped::enter(context, self.admission, self.frozen),
            _ => Phase::Commit(self),
        }
    }

    fn in_doubt(self, context: &mut Context<'_>, why: Doubt) -> Phase {
        InDoubt::enter(context, self.admission.peer_boot, why)
    }

    fn repeat_commit(self, context: &mut Context<'_>) -> Phase {
        self.frozen.send_commit(context, self.admission);
        Phase::Commit(self)
    }

    pub(super) fn is_committed(&self) -> bool {
        matches!(self.progress, Progress::Committed { .. })
    }

    pub(super) fn doubt(&self) -> Option<Doubt> {
        matches!(self.progress, Progress::Committed { silent: true }).then_some(Doubt::Silent)
    }
}
