//! Receive: receives rounds until a freeze has arrived whole. The source's Commit may arrive before it.

use identity::Incarnation;

use crate::actions::{DestinationEvent, Event, Notice};
use crate::context::{Context, Input};
use crate::ids::Admission;
use crate::messages::Step;
use crate::reasons::{AbortReason, PhaseName};
use crate::record::RecordedProgress;
use crate::timers::Timer;

use super::Phase;
use super::abort::{Discarding, End};
use super::committed::Committed;
use super::decline::Declining;
use super::verify::Verifying;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Receiving {
    admission: Admission,
    /// The incarnation of the copy that is kept here, if the domain left this machine for the source.
    kept: Option<Incarnation>,
    rounds: u32,
    pages: u64,
    /// The source's Commit, if it has arrived. The domain is then stopped on both machines.
    committed: Option<Committed>,
}

impl Receiving {
    pub(super) fn enter(
        context: &mut Context<'_>,
        admission: Admission,
        kept: Option<Incarnation>,
    ) -> Phase {
        context.enter(PhaseName::Receive);
        Receiving {
            admission,
            kept,
            rounds: 0,
            pages: 0,
            committed: None,
        }
        .await_more(context)
    }

    /// Awaits another freeze, because the source has replaced the one that was received.
    pub(super) fn await_freeze(
        context: &mut Context<'_>,
        admission: Admission,
        rounds: u32,
        committed: Option<Committed>,
    ) -> Phase {
        context.enter(PhaseName::Receive);
        Receiving {
            admission,
            kept: None,
            rounds,
            pages: 0,
            committed,
        }
        .await_more(context)
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        if let Some(end) = End::of(&input, PhaseName::Receive, self.admission.into()) {
            return self.end(context, end);
        }
        if let Some(committed) = Committed::of(context, &input, self.admission) {
            return self.handle_commit(context, committed);
        }
        match input {
            Input::Message {
                step: Step::Offer(_),
                ..
            }
            | Input::Timer(Timer::Repeat) => {
                self.acknowledge(context);
                Phase::Receive(self)
            }
            Input::Event(Event::Destination(DestinationEvent::Arriving)) => {
                self.limit(context);
                Phase::Receive(self)
            }
            // A duplicated Offer may have made a second reservation, which lacks the rounds that were sent before it.
            Input::Event(Event::Destination(DestinationEvent::RoundReceived {
                number, ..
            })) if number != self.rounds => self.end(context, End::Here(AbortReason::StreamBroken)),
            Input::Event(Event::Destination(DestinationEvent::FreezeReceived {
                rounds, ..
            })) if rounds != self.rounds => self.end(context, End::Here(AbortReason::StreamBroken)),
            Input::Event(Event::Destination(DestinationEvent::RoundReceived { pages, .. })) => {
                self.round_received(context, pages)
            }
            Input::Event(Event::Destination(DestinationEvent::FreezeReceived {
                attempt,
                digest,
                rounds,
            })) => {
                let freeze = (attempt, digest, rounds);
                Verifying::enter(context, self.admission, freeze, self.committed)
            }
            _ => Phase::Receive(self),
        }
    }

    /// The source freezes the domain only after the first round is acknowledged, so before that it has not retired the
    /// domain.
    fn end(self, context: &mut Context<'_>, end: End) -> Phase {
        match end {
            End::BySource(why) => Discarding::enter(context, why),
            End::Here(why) if self.rounds == 0 => Discarding::abort(context, why),
            End::Here(why) => Declining::enter(context, self.admission.number, why),
        }
    }

    fn handle_commit(self, context: &mut Context<'_>, committed: Committed) -> Phase {
        if self.committed.is_some() {
            return Phase::Receive(self);
        }
        let received = Receiving {
            committed: Some(committed),
            ..self
        };
        received.limit(context);
        Phase::Receive(received)
    }

    fn round_received(self, context: &mut Context<'_>, pages: u64) -> Phase {
        let rounds = self.rounds.saturating_add(1);
        let pages = self.pages.saturating_add(pages);
        context.notify(Notice::Received { rounds, pages });
        if self.rounds == 0 {
            // Durable before it is acknowledged: from here on a restarted server has to notify the source of a failure.
            let admission = self.admission.number;
            context.record(RecordedProgress::DestinationReceiving { admission });
        }
        Receiving {
            rounds,
            pages,
            ..self
        }
        .await_more(context)
    }

    fn await_more(self, context: &mut Context<'_>) -> Phase {
        self.acknowledge(context);
        // The source's Abort may be lost. Then the source's reply to this repeated message is the only sign that it has
        // aborted.
        context.repeat();
        self.limit(context);
        Phase::Receive(self)
    }

    /// Acknowledges the rounds received so far, or the offer if there are none.
    fn acknowledge(&self, context: &mut Context<'_>) {
        let (admission, kept) = (self.admission.number, self.kept);
        match self.rounds {
            0 => context.send(Step::Admit { admission, kept }),
            rounds => send_received(context, self.admission, rounds),
        }
    }

    /// Limits the time in which no bytes arrive. The limit is short once the source has retired the domain, because
    /// then no machine runs it.
    fn limit(&self, context: &mut Context<'_>) {
        let timing = context.timing();
        context.limit(match self.committed {
            Some(_) => timing.freeze_limit_us,
            None => timing.receive_limit_us,
        });
    }
}

/// Acknowledges the rounds received. A source that has aborted replies with Unknown, one that has committed with Commit.
pub(super) fn send_received(context: &mut Context<'_>, admission: Admission, rounds: u32) {
    let admission = admission.number;
    context.send(Step::Received { admission, rounds });
}
