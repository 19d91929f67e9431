//! Verify: rebuilds the domain, frozen; then the target is prepared, and only the source knows the outcome.
//!
//! ```text
//!   Rebuilding --Rebuilt--> Prepared --Commit--> Activate
//!       ^                      |
//!       +--replacing freeze----+
//! ```
//!
//! A prepared target repeats Prepared: that is its question. It hears Commit, Abort, or Unknown.

use crate::actions::{Action, Event, Notice, TargetAction, TargetEvent};
use crate::context::{Context, Force, Input};
use crate::identity::{Attempt, BootId, Digest};
use crate::messages::Step;
use crate::reasons::{AbortReason, Doubt, PhaseName};
use crate::record::Progressed;
use crate::stood::Stood;
use crate::time::Instant;
use crate::timers::Timer;

use super::Phase;
use super::abort::{self, Discarding};
use super::activate::Activating;
use super::in_doubt::InDoubt;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Verifying {
    peer_boot: BootId,
    attempt: Attempt,
    digest: Digest,
    progress: Progress,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Progress {
    Rebuilding,
    /// `said`: when it was last said, to learn how long the way is.
    Prepared {
        silent: bool,
        said: Instant,
    },
}

impl Verifying {
    pub(super) fn enter(
        context: &mut Context<'_>,
        peer_boot: BootId,
        attempt: Attempt,
        digest: Digest,
    ) -> Phase {
        context.enter(PhaseName::Verify);
        context.limit(context.timing().receive_limit_us);
        context.act(Action::Target(TargetAction::Rebuild { attempt }));
        Phase::Verify(Verifying {
            peer_boot,
            attempt,
            digest,
            progress: Progress::Rebuilding,
        })
    }

    /// nomad was restarted; the copy stands complete.
    pub(super) fn resume(context: &mut Context<'_>, progress: Progressed) -> Phase {
        let Progressed::TargetPrepared {
            attempt,
            digest,
            peer_boot,
        } = progress
        else {
            unreachable!("resumed from a record of another phase: {progress:?}");
        };
        context.notify(Notice::Phase(PhaseName::Verify));
        Verifying {
            peer_boot,
            attempt,
            digest,
            progress: Progress::Rebuilding,
        }
        .prepared(context)
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        match self.progress {
            Progress::Rebuilding => self.step_rebuilding(context, input),
            Progress::Prepared { silent, said } => self.step_prepared(context, input, silent, said),
        }
    }

    fn step_rebuilding(self, context: &mut Context<'_>, input: Input) -> Phase {
        if let Some(why) = abort::reason(&input, PhaseName::Verify, self.peer_boot) {
            return Discarding::enter(context, why);
        }
        match input {
            Input::Event(Event::Target(TargetEvent::Rebuilt { attempt, digest }))
                if attempt == self.attempt =>
            {
                if digest != self.digest {
                    return Discarding::enter(context, AbortReason::DigestMismatch);
                }
                let Verifying { peer_boot, .. } = self;
                // Durable before it is said: from here on this machine may not give up by itself.
                context.record(Progressed::TargetPrepared {
                    attempt,
                    digest,
                    peer_boot,
                });
                self.prepared(context)
            }
            _ => Phase::Verify(self),
        }
    }

    fn prepared(self, context: &mut Context<'_>) -> Phase {
        context.timers.clear();
        self.say_prepared(context);
        context.repeat();
        context.limit(context.timing().silence_limit_us);
        Phase::Verify(Verifying {
            progress: Progress::Prepared {
                silent: false,
                said: context.now,
            },
            ..self
        })
    }

    fn step_prepared(
        self,
        context: &mut Context<'_>,
        input: Input,
        silent: bool,
        said: Instant,
    ) -> Phase {
        match input {
            Input::Heard {
                step:
                    Step::Commit {
                        attempt,
                        stood_us,
                        held_us,
                    },
                boot,
            } if attempt == self.attempt && boot == self.peer_boot => {
                let way_us = context.now.us_since(said).saturating_sub(held_us) / 2;
                let stood = Stood::heard(context.now, stood_us, way_us);
                Activating::enter(context, self.peer_boot, stood)
            }
            Input::Heard {
                step: Step::Abort(why),
                ..
            } => Discarding::enter(context, why),
            Input::Heard {
                step: Step::Unknown,
                boot,
            } if boot == self.peer_boot => Discarding::enter(context, AbortReason::PeerForgot),
            Input::Heard {
                step: Step::Unknown,
                ..
            } => InDoubt::enter(context, self.peer_boot, self.attempt),
            Input::Event(Event::Target(TargetEvent::FreezeReceived {
                attempt, digest, ..
            })) if attempt > self.attempt => {
                // The source took the freeze back before it sent another: the copy is incomplete again.
                context.record(Progressed::TargetOpen);
                Verifying::enter(context, self.peer_boot, attempt, digest)
            }
            Input::Timer(Timer::Repeat) => {
                self.say_prepared(context);
                let said = context.now;
                Phase::Verify(Verifying {
                    progress: Progress::Prepared { silent, said },
                    ..self
                })
            }
            Input::Timer(Timer::Limit) => {
                context.notify(Notice::InDoubt(Doubt::Silent));
                Phase::Verify(Verifying {
                    progress: Progress::Prepared { silent: true, said },
                    ..self
                })
            }
            Input::Force(Force::RunHere) => {
                Activating::enter(context, self.peer_boot, Stood::since(context.now))
            }
            Input::Force(Force::DropCopy) => Discarding::enter(context, AbortReason::Cancelled),
            _ => Phase::Verify(self),
        }
    }

    fn say_prepared(&self, context: &mut Context<'_>) {
        context.send(Step::Prepared {
            attempt: self.attempt,
            digest: self.digest,
        });
    }

    pub(super) fn is_prepared(&self) -> bool {
        matches!(self.progress, Progress::Prepared { .. })
    }

    pub(super) fn doubt(&self) -> Option<Doubt> {
        matches!(self.progress, Progress::Prepared { silent: true, .. }).then_some(Doubt::Silent)
    }
}
