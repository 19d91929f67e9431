//! Verify: rebuilds the domain, frozen, and compares it with what the source has exported. Then only the source knows
//! whether the domain is to run here, unless its Commit has arrived already.
//!
//! ```text
//!   Rebuilding --Rebuilt--> Verified --Commit--> Activate          at once, if Commit arrived before
//!       |                      |
//!       +---another freeze-----+--> Receive
//! ```
//!
//! A destination queries the outcome by repeating Received. The reply is Commit, Abort or Unknown.

use identity::Digest;

use crate::actions::{Action, DestinationAction, DestinationEvent, Event, Notice};
use crate::context::{Context, Force, Input};
use crate::downtime::Downtime;
use crate::ids::{Admission, Attempt, BootId};
use crate::messages::Step;
use crate::reasons::{AbortReason, Doubt, PhaseName};
use crate::record::RecordedProgress;
use crate::timers::Timer;

use super::Phase;
use super::abort::{Discarding, End, is_for_another_admission};
use super::activate::Activating;
use super::committed::Committed;
use super::decline::Declining;
use super::in_doubt::InDoubt;
use super::receive::{Receiving, send_received};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Verifying {
    admission: Admission,
    attempt: Attempt,
    digest: Digest,
    /// The number of rounds before the freeze.
    rounds: u32,
    progress: Progress,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Progress {
    /// The source's Commit may have arrived meanwhile.
    Rebuilding(Option<Committed>),
    Verified {
        silent: bool,
    },
}

impl Verifying {
    /// Rebuilds the domain from a freeze: its attempt, its digest, and the number of rounds before it.
    pub(super) fn enter(
        context: &mut Context<'_>,
        admission: Admission,
        (attempt, digest, rounds): (Attempt, Digest, u32),
        committed: Option<Committed>,
    ) -> Phase {
        context.enter(PhaseName::Verify);
        context.repeat();
        context.limit(context.timing().receive_limit_us);
        context.act(Action::Destination(DestinationAction::Rebuild { attempt }));
        Phase::Verify(Verifying {
            admission,
            attempt,
            digest,
            rounds,
            progress: Progress::Rebuilding(committed),
        })
    }

    /// Resumes after a restart, with the complete copy of a freeze.
    pub(crate) fn resume(
        context: &mut Context<'_>,
        admission: Admission,
        (attempt, digest, rounds): (Attempt, Digest, u32),
    ) -> Phase {
        context.notify(Notice::Phase(PhaseName::Verify));
        Verifying {
            admission,
            attempt,
            digest,
            rounds,
            progress: Progress::Verified { silent: false },
        }
        .await_outcome(context)
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        match input {
            Input::Timer(Timer::Repeat) => {
                send_received(context, self.admission, self.rounds);
                Phase::Verify(self)
            }
            Input::Event(Event::Destination(DestinationEvent::FreezeBegun { attempt }))
                if self.is_replaced_by(attempt) =>
            {
                self.replaced(context)
            }
            input => match self.progress {
                Progress::Rebuilding(committed) => self.step_rebuilding(context, input, committed),
                Progress::Verified { .. } => self.step_verified(context, input),
            },
        }
    }

    /// The source has replaced the freeze: the copy is incomplete again.
    fn replaced(self, context: &mut Context<'_>) -> Phase {
        let committed = match self.progress {
            Progress::Rebuilding(committed) => committed,
            Progress::Verified { .. } => None,
        };
        self.await_freeze(context, committed)
    }

    fn await_freeze(self, context: &mut Context<'_>, committed: Option<Committed>) -> Phase {
        // No restarted server may take the copy for a complete one. The shell performs this action before it accepts
        // the first byte of the other freeze.
        let admission = self.admission.number;
        context.record(RecordedProgress::DestinationReceiving { admission });
        Receiving::await_freeze(context, self.admission, self.rounds, committed)
    }

    fn step_rebuilding(
        self,
        context: &mut Context<'_>,
        input: Input,
        committed: Option<Committed>,
    ) -> Phase {
        match End::of(&input, PhaseName::Verify, self.admission.into()) {
            Some(End::BySource(why)) => return Discarding::enter(context, why),
            Some(End::Here(why)) => {
                return Declining::enter(context, self.admission.number, why);
            }
            None => {}
        }
        match input {
            Input::Event(Event::Destination(DestinationEvent::Rebuilt { attempt, digest }))
                if attempt == self.attempt =>
            {
                if digest != self.digest {
                    let why = AbortReason::DigestMismatch;
                    return Declining::enter(context, self.admission.number, why);
                }
                self.verified(context, committed)
            }
            input => {
                let received = Committed::of(context, &input, self.admission);
                Phase::Verify(Verifying {
                    progress: Progress::Rebuilding(committed.or(received)),
                    ..self
                })
            }
        }
    }

    fn verified(self, context: &mut Context<'_>, committed: Option<Committed>) -> Phase {
        if let Some(committed) = committed {
            return self.handle_commit(context, committed);
        }
        // Durable, because from here on this machine does not give the copy up by itself.
        context.record(RecordedProgress::DestinationPrepared {
            rounds: self.rounds,
            attempt: self.attempt,
            digest: self.digest,
            admission: self.admission,
        });
        Verifying {
            progress: Progress::Verified { silent: false },
            ..self
        }
        .await_outcome(context)
    }

    fn await_outcome(self, context: &mut Context<'_>) -> Phase {
        context.timers.clear();
        send_received(context, self.admission, self.rounds);
        context.repeat();
        context.limit(context.timing().silence_limit_us);
        Phase::Verify(self)
    }

    /// Handles the Commit of a source whose freeze is verified here.
    fn handle_commit(self, context: &mut Context<'_>, committed: Committed) -> Phase {
        if committed.attempt == self.attempt {
            committed.decide(context, self.admission, self.digest)
        } else {
            self.await_freeze(context, Some(committed))
        }
    }

    fn step_verified(self, context: &mut Context<'_>, input: Input) -> Phase {
        if let Some(committed) = Committed::of(context, &input, self.admission) {
            return self.handle_commit(context, committed);
        }
        match input {
            Input::Message { boot, step } => self.handle_outcome(context, boot, &step),
            Input::Timer(Timer::Limit) => {
                context.notify(Notice::InDoubt(Doubt::Silent));
                Phase::Verify(Verifying {
                    progress: Progress::Verified { silent: true },
                    ..self
                })
            }
            Input::Force(Force::RunHere) => {
                Activating::enter(context, self.admission, Downtime::since(context.now))
            }
            Input::Force(Force::DropCopy) => {
                Declining::enter(context, self.admission.number, AbortReason::Cancelled)
            }
            _ => Phase::Verify(self),
        }
    }

    /// Handles the source's reply to Received, other than Commit.
    fn handle_outcome(self, context: &mut Context<'_>, boot: BootId, step: &Step) -> Phase {
        match step {
            Step::Abort(why) => Discarding::enter(context, *why),
            Step::Unknown if boot != self.admission.peer_boot => {
                InDoubt::enter(context, self.admission, (self.attempt, self.digest))
            }
            Step::Unknown => Discarding::enter(context, AbortReason::PeerForgot),
            step if is_for_another_admission(step, self.admission.number) => {
                Discarding::enter(context, AbortReason::PeerForgot)
            }
            _ => Phase::Verify(self),
        }
    }

    pub(super) fn is_replaced_by(&self, attempt: Attempt) -> bool {
        attempt > self.attempt
    }

    pub(super) fn is_verified(&self) -> bool {
        matches!(self.progress, Progress::Verified { .. })
    }

    pub(super) fn doubt(&self) -> Option<Doubt> {
        matches!(self.progress, Progress::Verified { silent: true }).then_some(Doubt::Silent)
    }
}
