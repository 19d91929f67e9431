//! Receive: receives rounds until a freeze has arrived whole.

use crate::actions::{DestinationEvent, Event, Notice};
use crate::context::{Context, Input};
use crate::ids::BootId;
use crate::messages::Step;
use crate::reasons::{AbortReason, PhaseName};
use crate::timers::Timer;

use super::Phase;
use super::abort::{self, Discarding};
use super::verify::Verifying;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Receiving {
    peer_boot: BootId,
    rounds: u32,
    pages: u64,
}

impl Receiving {
    pub(super) fn enter(context: &mut Context<'_>, peer_boot: BootId) -> Phase {
        context.enter(PhaseName::Receive);
        Receiving {
            peer_boot,
            rounds: 0,
            pages: 0,
        }
        .await_more(context)
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        if let Some(why) = abort::reason(&input, PhaseName::Receive, self.peer_boot) {
            return Discarding::enter(context, why);
        }
        match input {
            Input::Message {
                step: Step::Offer(_),
                ..
            }
            | Input::Timer(Timer::Repeat) => {
                self.send_received(context);
                Phase::Receive(self)
            }
            Input::Event(Event::Destination(DestinationEvent::Arriving)) => {
                context.limit(context.timing().receive_limit_us);
                Phase::Receive(self)
            }
            // A duplicated Offer may have made a second reservation, which lacks the rounds that were sent before it.
            Input::Event(Event::Destination(DestinationEvent::RoundReceived {
                number, ..
            })) if number != self.rounds => Discarding::enter(context, AbortReason::StreamBroken),
            Input::Event(Event::Destination(DestinationEvent::FreezeReceived {
                rounds, ..
            })) if rounds != self.rounds => Discarding::enter(context, AbortReason::StreamBroken),
            Input::Event(Event::Destination(DestinationEvent::RoundReceived { pages, .. })) => {
                self.round_received(context, pages)
            }
            Input::Event(Event::Destination(DestinationEvent::FreezeReceived {
                attempt,
                digest,
                ..
            })) => Verifying::enter(context, self.peer_boot, attempt, digest),
            _ => Phase::Receive(self),
        }
    }

    fn round_received(self, context: &mut Context<'_>, pages: u64) -> Phase {
        let rounds = self.rounds.saturating_add(1);
        let pages = self.pages.saturating_add(pages);
        context.notify(Notice::Received { rounds, pages });
        Receiving {
            rounds,
            pages,
            ..self
        }
        .await_more(context)
    }

    fn await_more(self, context: &mut Context<'_>) -> Phase {
        self.send_received(context);
        // The source's Abort may be lost. Then the source's reply to this repeated message is the only sign that it has
        // aborted.
        context.repeat();
        context.limit(context.timing().receive_limit_us);
        Phase::Receive(self)
    }

    /// Acknowledges the rounds received. A source that has aborted replies with Unknown.
    fn send_received(&self, context: &mut Context<'_>) {
        context.send(match self.rounds {
            0 => Step::Admit,
            rounds => Step::Received { rounds },
        });
    }
}
