//! Rounds: copies the domain while it runs, until the planner decides to freeze it or to give up.
//!
//! A round is done when the destination has acknowledged it. So none of it is in flight when the domain is frozen, and
//! by then the destination has done its trial build.

use identity::Incarnation;
use nomad_planner::{Goals, PAGE_BYTES, Plan, Planner, Round};

use crate::actions::{Action, Event, Notice, SourceAction, SourceEvent};
use crate::context::{Context, Input};
use crate::ids::Admission;
use crate::messages::Step;
use crate::reasons::{AbortReason, PhaseName};
use crate::time::Instant;

use super::freeze::Freezing;
use super::{Phase, abort};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rounds {
    admission: Admission,
    planner: Planner,
    number: u32,
    /// The round as it was sent, and when.
    sent: Option<(Round, Instant)>,
    /// Whether the destination has acknowledged it.
    received: bool,
}

impl Rounds {
    /// Begins to copy. `kept` is the incarnation of the copy that the destination keeps, if it keeps one.
    pub(super) fn enter(
        context: &mut Context<'_>,
        admission: Admission,
        kept: Option<Incarnation>,
        goals: Goals,
    ) -> Phase {
        context.enter(PhaseName::Rounds);
        context.act(Action::Source(SourceAction::StartDirtyLog { kept }));
        let facts = context.facts;
        let planner = Planner::new(goals, &facts.options, facts.offer.sizes.pages);
        Rounds {
            admission,
            planner,
            number: 0,
            sent: None,
            received: false,
        }
        .copy(context)
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        if let Some(why) = abort::reason(context, &input, PhaseName::Rounds, Some(self.admission)) {
            return abort::enter(context, why);
        }
        match input {
            Input::Event(Event::Source(SourceEvent::RoundSent { number, round }))
                if number == self.number =>
            {
                let sent = Some((round, context.now));
                Rounds { sent, ..self }.judge(context)
            }
            Input::Message {
                step: Step::Received { rounds, .. },
                ..
            } if rounds.checked_sub(1) == Some(self.number) => {
                let received = true;
                Rounds { received, ..self }.judge(context)
            }
            _ => Phase::Rounds(self),
        }
    }

    /// Continues once the round is both sent and acknowledged.
    fn judge(self, context: &mut Context<'_>) -> Phase {
        match self.sent {
            Some((round, sent)) if self.received => {
                let in_flight_us = context.now.us_since(sent);
                let round = Round {
                    elapsed_us: round.elapsed_us.saturating_add(in_flight_us),
                    acknowledgement_us: round.acknowledgement_us.saturating_add(in_flight_us),
                    ..round
                };
                self.round_done(context, round)
            }
            _ => Phase::Rounds(self),
        }
    }

    fn round_done(mut self, context: &mut Context<'_>, round: Round) -> Phase {
        let plan = self.planner.round_done(round);
        let progress = self.planner.progress();
        context.notify(Notice::Progress(progress));
        match plan {
            Plan::GiveUp => abort::enter(
                context,
                AbortReason::NotConverging {
                    rounds: progress.rounds,
                    pages_remaining: progress.pages_remaining,
                },
            ),
            Plan::AnotherRound => Rounds {
                number: self.number + 1,
                sent: None,
                received: false,
                ..self
            }
            .copy(context),
            Plan::Freeze(_) => Freezing::enter(context, self.admission, self.number + 1),
        }
    }

    fn copy(self, context: &mut Context<'_>) -> Phase {
        context.act(Action::Source(SourceAction::CopyRound {
            number: self.number,
            throttle: self.planner.throttle(),
        }));
        let pages = self.planner.progress().pages_remaining;
        let bytes = pages.saturating_mul(PAGE_BYTES);
        let at_least_us = context.facts.options.time_for_us(bytes);
        let limit_us = context.timing().round_limit_us;
        context.limit(limit_us.saturating_add(at_least_us));
        Phase::Rounds(self)
    }
}
