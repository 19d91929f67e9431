//! Commit: **the commit point is here**, in [`Committing::commit_point`].
//!
//! ```text
//!   Retiring --Retired--> Committed --Activated--> Release
//!      |   `--VersionMoved--> Freeze, replacing (ATTEMPTS_MAX times, then Abort)
//!      `--NotRetired--> Abort
//! ```
//!
//! While the kernel decides (*Retiring*) nothing may be undone: a wish to abort waits for its answer. Once *Committed*
//! no path leads back to a running domain; a test-only variant that has one must be caught by the model checker.

use crate::actions::{Action, Event, Notice, SourceAction, SourceEvent};
use crate::context::{Context, Input};
use crate::identity::{Attempt, BootId, StateVersion};
use crate::messages::Step;
use crate::reasons::{AbortReason, Doubt, Interference, PhaseName, Side};
use crate::record::Progressed;
use crate::time::Instant;
use crate::timers::Timer;

use super::freeze::Freezing;
use super::in_doubt::InDoubt;
use super::release::Releasing;
use super::{Phase, abort};

/// So many freezes are tried when something keeps changing the frozen domain.
pub const ATTEMPTS_MAX: Attempt = Attempt(3);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Committing {
    peer_boot: BootId,
    attempt: Attempt,
    /// When the domain's clock was read; not known after a restart.
    exported: Option<Instant>,
    /// When Prepared was heard last.
    asked: Instant,
    progress: Progress,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Progress {
    /// The kernel was asked. If it turns out not to be too late, `abort` is done.
    Retiring {
        rounds: u32,
        abort: Option<AbortReason>,
    },
    /// The domain is the target's. `silent`: the target was not heard for long.
    Committed { silent: bool },
}

impl Committing {
    /// Freeze number `attempt` was exported at that moment, and the target is prepared for it.
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
            asked: context.now,
            progress,
        }
    }

    /// The target is prepared for exactly what was exported at `version`: ask the kernel to retire exactly that.
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
        // Durable before the kernel is asked: a restarted nomad must know which freeze the target was prepared for.
        context.record(Progressed::SourceCommitting { attempt, peer_boot });
        context.act(Action::Source(SourceAction::Retire { version }));
        let abort = None;
        Phase::Commit(Committing {
            progress: Progress::Retiring { rounds, abort },
            ..self
        })
    }

    /// nomad was restarted, and the kernel says that the domain is retired.
    pub(super) fn resume(context: &mut Context<'_>, progress: Progressed) -> Phase {
        let Progressed::SourceCommitting { attempt, peer_boot } = progress else {
            unreachable!("resumed from a record of another phase: {progress:?}");
        };
        context.notify(Notice::Phase(PhaseName::Commit));
        Committing::new(context, peer_boot, attempt, None).commit_point(context)
    }

    /// **The commit point.** The kernel has retired the domain, at the version that the target is prepared for.
    ///
    /// Before it the source runs and the target is empty, whatever happens. From here on the target runs the domain or
    /// nobody does; the source only repeats Commit and keeps its copy.
    fn commit_point(self, context: &mut Context<'_>) -> Phase {
        assert!(!self.is_committed(), "a domain is retired once");
        context.timers.clear();
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
            Input::Event(Event::Source(SourceEvent::NotRetired(failure))) => abort::enter(
                context,
                abort.unwrap_or(AbortReason::Failed {
                    on: Side::Source,
                    failure,
                }),
            ),
            _ => {
                let abort = abort
                    .or_else(|| abort::reason(&input, PhaseName::Commit, Some(self.peer_boot)));
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
            Input::Heard { boot, step } if boot == self.peer_boot => match step {
                Step::Activated { .. } => Releasing::enter(context, self.peer_boot),
                // It was prepared and does not know of it any more, without a restart: its operator threw it away.
                Step::Unknown => InDoubt::enter(context, Doubt::DiscardedByOperator),
                Step::Prepared { .. } => {
                    context.limit(context.timing().silence_limit_us);
                    let asked = context.now;
                    Committing { asked, ..self }.say_commit(context, false)
                }
                _ => Phase::Commit(self),
            },
            Input::Heard {
                step: Step::Unknown,
                ..
            } => InDoubt::enter(context, Doubt::TargetRestarted),
            Input::Timer(Timer::Repeat) => self.say_commit(context, silent),
            Input::Timer(Timer::Limit) => {
                context.notify(Notice::InDoubt(Doubt::Silent));
                Phase::Commit(Committing {
                    progress: Progress::Committed { silent: true },
                    ..self
                })
            }
            Input::Force(force) => InDoubt::forced(context, Doubt::Silent, force),
            _ => Phase::Commit(self),
        }
    }

    fn say_commit(self, context: &mut Context<'_>, silent: bool) -> Phase {
        self.send_commit(context);
        Phase::Commit(Committing {
            progress: Progress::Committed { silent },
            ..self
        })
    }

    fn send_commit(&self, context: &mut Context<'_>) {
        let stood_us = self
            .exported
            .map_or(0, |exported| context.now.us_since(exported));
        context.send(Step::Commit {
            attempt: self.attempt,
            stood_us,
            held_us: context.now.us_since(self.asked),
        });
    }

    pub(super) fn is_committed(&self) -> bool {
        matches!(self.progress, Progress::Committed { .. })
    }

    pub(super) fn doubt(&self) -> Option<Doubt> {
        matches!(self.progress, Progress::Committed { silent: true }).then_some(Doubt::Silent)
    }
}
