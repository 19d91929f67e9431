//! Commit: **the commit point is here**, in [`Committing::commit_point`].
//!
//! ```text
//!   Retiring --Retired--> Committed --Activated--> Release
//!      |   `--VersionMoved--> Freeze, replacing (after attempt ATTEMPTS_MAX: Abort)
//!      `--RetireFailed--> Abort
//! ```
//!
//! While the kernel decides (*Retiring*), nothing may be undone: a request to abort waits for the decision. Once
//! *Committed*, no path leads back to a running domain. A mutant in `nomad-simulator` takes such a path, and the model
//! checker must catch it.

use crate::actions::{Action, Event, Notice, SourceAction, SourceEvent};
use crate::context::{Context, Input};
use crate::ids::{Attempt, BootId, StateVersion};
use crate::messages::Step;
use crate::reasons::{AbortReason, Doubt, Interference, PhaseName, Side};
use crate::record::RecordedProgress;
use crate::time::Instant;
use crate::timers::Timer;

use super::freeze::Freezing;
use super::in_doubt::InDoubt;
use super::release::Releasing;
use super::{Phase, abort};

/// The most freezes tried when something keeps changing the frozen domain.
pub const ATTEMPTS_MAX: Attempt = Attempt(3);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Committing {
    peer_boot: BootId,
    attempt: Attempt,
    /// When the domain's clock was read; unknown after a restart.
    exported: Option<Instant>,
    /// When the last Prepared was received.
    prepared: Instant,
    progress: Progress,
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

impl Committing {
    /// Begins when the destination is prepared for freeze number `attempt`, which was exported at `exported`.
    pub(super) fn new(
        context: &Context<'_>,
        peer_boot: BootId,
        attempt: Attempt,
        exported: Option<Instant>,
    ) -> Self {
        let progress = Progress::Retiring {
            rounds: 0,
            abort: None,
        };
        Committing {
            peer_boot,
            attempt,
            exported,
            prepared: context.now,
            progress,
        }
    }

    /// Asks the kernel to retire the domain at `version`, the version that the destination is prepared for.
    pub(super) fn retire(
        self,
        context: &mut Context<'_>,
        rounds: u32,
        version: StateVersion,
    ) -> Phase {
        let Committing {
            peer_boot, attempt, ..
        } = self;
        context.notify(Notice::Phase(PhaseName::Commit));
        // Durable before the kernel is asked: a restarted server must know for which freeze the destination is
        // prepared.
        context.record(RecordedProgress::SourceCommitting { attempt, peer_boot });
        context.act(Action::Source(SourceAction::Retire { version }));
        let abort = None;
        Phase::Commit(Committing {
            progress: Progress::Retiring { rounds, abort },
            ..self
        })
    }

    /// Resumes after a restart, with the domain retired in the kernel.
    pub(crate) fn resume(context: &mut Context<'_>, peer_boot: BootId, attempt: Attempt) -> Phase {
        context.notify(Notice::Phase(PhaseName::Commit));
        Committing::new(context, peer_boot, attempt, None).commit_point(context)
    }

    /// **The commit point.** The kernel has retired the domain, at the version that the destination is prepared for.
    ///
    /// Before it the source can always run the domain on. From here on only the destination may run it; the source just
    /// repeats Commit and keeps its copy.
    fn commit_point(self, context: &mut Context<'_>) -> Phase {
        assert!(!self.is_committed(), "a domain is retired once");
        context.timers.clear_all();
        context.notify(Notice::Committed);
        self.send_commit(context);
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
            Progress::Committed { silent } => self.step_committed(context, input, silent),
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
            Input::Event(Event::Source(SourceEvent::VersionMoved { by })) => match abort {
                Some(why) => abort::enter(context, why),
                None => self.version_moved(context, rounds, by),
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
                    abort::reason(context, &input, PhaseName::Commit, Some(self.peer_boot))
                });
                Phase::Commit(Committing {
                    progress: Progress::Retiring { rounds, abort },
                    ..self
                })
            }
        }
    }

    fn version_moved(self, context: &mut Context<'_>, rounds: u32, by: Interference) -> Phase {
        if self.attempt >= ATTEMPTS_MAX {
            return abort::enter(context, AbortReason::Interfered { by });
        }
        Freezing::replace(context, self.peer_boot, rounds, self.attempt.next())
    }

    fn step_committed(self, context: &mut Context<'_>, input: Input, silent: bool) -> Phase {
        match input {
            Input::Message { boot, step } if boot == self.peer_boot => match step {
                Step::Activated { .. } => Releasing::enter(context, self.peer_boot),
                // The destination was prepared and has lost the record without a restart, so its operator discarded the
                // copy.
                Step::Unknown => InDoubt::enter(context, Doubt::DiscardedByOperator),
                Step::Prepared { .. } => {
                    context.limit(context.timing().silence_limit_us);
                    let prepared = context.now;
                    Committing { prepared, ..self }.repeat_commit(context, false)
                }
                _ => Phase::Commit(self),
            },
            Input::Message {
                step: Step::Unknown,
                ..
            } => InDoubt::enter(context, Doubt::DestinationRestarted),
            Input::Timer(Timer::Repeat) => self.repeat_commit(context, silent),
            Input::Timer(Timer::Limit) => {
                context.notify(Notice::InDoubt(Doubt::Silent));
                Phase::Commit(Committing {
                    progress: Progress::Committed { silent: true },
                    ..self
                })
            }
            Input::Force(force) => InDoubt::force(context, Doubt::Silent, force),
            _ => Phase::Commit(self),
        }
    }

    fn repeat_commit(self, context: &mut Context<'_>, silent: bool) -> Phase {
        self.send_commit(context);
        Phase::Commit(Committing {
            progress: Progress::Committed { silent },
            ..self
        })
    }

    fn send_commit(&self, context: &mut Context<'_>) {
        let downtime_us = self
            .exported
            .map_or(0, |exported| context.now.us_since(exported));
        context.send(Step::Commit {
            attempt: self.attempt,
            downtime_us,
            held_us: context.now.us_since(self.prepared),
        });
    }

    pub(super) fn is_committed(&self) -> bool {
        matches!(self.progress, Progress::Committed { .. })
    }

    pub(super) fn doubt(&self) -> Option<Doubt> {
        matches!(self.progress, Progress::Committed { silent: true }).then_some(Doubt::Silent)
    }
}
