//! Freeze: the source freezes the domain, and hands its state and last pages to the stream. It does not wait until they
//! have arrived.
//!
//! ```text
//!   Stopping --Frozen--> Exporting --Exported--> Sending --FreezeSent--> Commit
//!                            ^                                             |
//!                            +-------- VersionMoved: another attempt ------+
//! ```

use identity::Digest;

use crate::actions::{Action, Event, SourceAction, SourceEvent};
use crate::context::{Context, Input};
use crate::downtime::Downtime;
use crate::ids::{Attempt, BootId, StateVersion};
use crate::reasons::PhaseName;
use crate::time::Instant;

use super::commit::{Committing, Frozen};
use super::{Phase, abort};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Freezing {
    peer_boot: BootId,
    rounds: u32,
    attempt: Attempt,
    progress: Progress,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Progress {
    Stopping,
    Exporting,
    Sending {
        version: StateVersion,
        digest: Digest,
        exported: Instant,
    },
}

impl Freezing {
    pub(super) fn enter(context: &mut Context<'_>, peer_boot: BootId, rounds: u32) -> Phase {
        context.enter(PhaseName::Freeze);
        context.limit(context.timing().freeze_limit_us);
        context.act(Action::Source(SourceAction::FreezeDomain));
        Phase::Freeze(Freezing {
            peer_boot,
            rounds,
            attempt: Attempt::FIRST,
            progress: Progress::Stopping,
        })
    }

    /// Exports the frozen domain again, as attempt number `attempt`, because it was changed from outside.
    ///
    /// The timer started by the first attempt is not restarted: it limits the whole time that the domain is frozen.
    pub(super) fn replace(
        context: &mut Context<'_>,
        peer_boot: BootId,
        rounds: u32,
        attempt: Attempt,
    ) -> Phase {
        let progress = Progress::Stopping;
        Freezing {
            peer_boot,
            rounds,
            attempt,
            progress,
        }
        .export(context)
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        if let Some(why) = abort::reason(context, &input, PhaseName::Freeze, Some(self.peer_boot)) {
            return abort::enter(context, why);
        }
        match (&self.progress, input) {
            (Progress::Stopping, Input::Event(Event::Source(SourceEvent::Frozen))) => {
                self.export(context)
            }
            (
                Progress::Exporting,
                Input::Event(Event::Source(SourceEvent::Exported {
                    attempt,
                    version,
                    digest,
                })),
            ) if attempt == self.attempt => {
                context.act(Action::Source(SourceAction::SendFreeze {
                    attempt,
                    rounds: self.rounds,
                    digest,
                }));
                let progress = Progress::Sending {
                    version,
                    digest,
                    exported: context.now,
                };
                Phase::Freeze(Freezing { progress, ..self })
            }
            (
                Progress::Sending {
                    version,
                    digest,
                    exported,
                },
                Input::Event(Event::Source(SourceEvent::FreezeSent { attempt, delay_us })),
            ) if attempt == self.attempt => {
                let frozen = Frozen {
                    attempt,
                    digest: *digest,
                    downtime: Some(Downtime::of(delay_us, *exported)),
                };
                let committing = Committing::new(self.peer_boot, frozen);
                committing.retire(context, self.rounds, *version)
            }
            _ => Phase::Freeze(self),
        }
    }

    fn export(self, context: &mut Context<'_>) -> Phase {
        context.act(Action::Source(SourceAction::ExportState {
            attempt: self.attempt,
        }));
        Phase::Freeze(Freezing {
            progress: Progress::Exporting,
            ..self
        })
    }
}
