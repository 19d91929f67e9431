//! Verify: rebuilds the domain, frozen; then the destination is prepared, and only the source knows the outcome.
//!
//! ```text
//!   Rebuilding --Rebuilt--> Prepared --Commit--> Activate
//!       ^                      |
//!       +--replacing freeze----+
//! ```
//!
//! A prepared destination queries the outcome by repeating Prepared. The reply is Commit, Abort or Unknown.

use identity::Digest;

use crate::actions::{Action, DestinationAction, DestinationEvent, Event, Notice};
use crate::context::{Context, Force, Input};
use crate::downtime::Downtime;
use crate::ids::{Attempt, BootId};
use crate::messages::Step;
use crate::reasons::{AbortReason, Doubt, PhaseName};
use crate::record::RecordedProgress;
use crate::time::Instant;
use crate::timers::Timer;

use super::Phase;
use super::abort::{self, Discarding};
use super::activate::Activating;
use super::in_doubt::InDoubt;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Verifying {
    peer_boot: BootId,
    attempt: Attempt,
    digest: Digest,
    progress: Progress,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Progress {
    Rebuilding,
    /// `sent`: when Prepared was last sent, to measure the round trip.
    Prepared {
        silent: bool,
        sent: Instant,
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
        context.act(Action::Destination(DestinationAction::Rebuild { attempt }));
        Phase::Verify(Verifying {
            peer_boot,
            attempt,
            digest,
            progress: Progress::Rebuilding,
        })
    }

    /// Resumes after a restart, with a complete copy.
    pub(crate) fn resume(
        context: &mut Context<'_>,
        peer_boot: BootId,
        attempt: Attempt,
        digest: Digest,
    ) -> Phase {
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
            Progress::Prepared { silent, sent } => self.step_prepared(context, input, silent, sent),
        }
    }

    fn step_rebuilding(self, context: &mut Context<'_>, input: Input) -> Phase {
        if let Some(why) = abort::reason(&input, PhaseName::Verify, self.peer_boot) {
            return Discarding::enter(context, why);
        }
        match input {
            Input::Event(Event::Destination(DestinationEvent::Rebuilt { attempt, digest }))
                if attempt == self.attempt =>
            {
                if digest != self.digest {
                    return Discarding::enter(context, AbortReason::DigestMismatch);
                }
                let Verifying { peer_boot, .. } = self;
                // Durable before it is said: from here on this machine may not abort by itself.
                context.record(RecordedProgress::DestinationPrepared {
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
        self.send_prepared(context);
        context.repeat();
        context.limit(context.timing().silence_limit_us);
        self.awaiting_outcome(false, context.now)
    }

    fn awaiting_outcome(self, silent: bool, sent: Instant) -> Phase {
        Phase::Verify(Verifying {
            progress: Progress::Prepared { silent, sent },
            ..self
        })
    }

    fn step_prepared(
        self,
        context: &mut Context<'_>,
        input: Input,
        silent: bool,
        sent: Instant,
    ) -> Phase {
        match input {
            Input::Message { boot, step } => self.handle_outcome(context, boot, step, sent),
            Input::Event(Event::Destination(DestinationEvent::FreezeReceived {
                attempt,
                digest,
                ..
            })) if attempt > self.attempt => {
                // The source replaced the freeze: the copy is incomplete again.
                context.record(RecordedProgress::DestinationOpen);
                Verifying::enter(context, self.peer_boot, attempt, digest)
            }
            Input::Timer(Timer::Repeat) => {
                self.send_prepared(context);
                self.awaiting_outcome(silent, context.now)
            }
            Input::Timer(Timer::Limit) => {
                context.notify(Notice::InDoubt(Doubt::Silent));
                self.awaiting_outcome(true, sent)
            }
            Input::Force(Force::RunHere) => {
                Activating::enter(context, self.peer_boot, Downtime::since(context.now))
            }
            Input::Force(Force::DropCopy) => Discarding::enter(context, AbortReason::Cancelled),
            _ => Phase::Verify(self),
        }
    }

    /// Handles the source's reply to Prepared, which was last sent at `sent`.
    fn handle_outcome(
        self,
        context: &mut Context<'_>,
        boot: BootId,
        step: Step,
        sent: Instant,
    ) -> Phase {
        match step {
            Step::Commit {
                attempt,
                downtime_us,
                held_us,
            } if attempt == self.attempt && boot == self.peer_boot => {
                let delay_us = context.now.us_since(sent).saturating_sub(held_us) / 2;
                let downtime = Downtime::reported(context.now, downtime_us, delay_us);
                Activating::enter(context, self.peer_boot, downtime)
            }
            Step::Abort(why) => Discarding::enter(context, why),
            Step::Unknown if boot == self.peer_boot => {
                Discarding::enter(context, AbortReason::PeerForgot)
            }
            Step::Unknown => InDoubt::enter(context, self.peer_boot, self.attempt),
            _ => Phase::Verify(self),
        }
    }

    fn send_prepared(&self, context: &mut Context<'_>) {
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
