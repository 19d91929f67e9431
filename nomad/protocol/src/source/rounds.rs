//! Rounds: copies the domain while it runs, until the planner has it frozen.
//!
//! A round is done when the target has said that it is there. So nothing of it is on its way any more when the domain is
//! frozen, and the target has built the domain on trial by then.

use nomad_planner::{Goals, Plan, Planner, Round};

use crate::actions::{Action, Event, Notice, SourceAction, SourceEvent};
use crate::context::{Context, Input};
use crate::identity::BootId;
use crate::messages::Step;
use crate::reasons::PhaseName;
use crate::time::Instant;

use super::freeze::Freezing;
use super::{Phase, abort};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Rounds {
    peer_boot: BootId,
    planner: Planner,
    number: u32,
    /// The round as it was sent, and when that was.
    sent: Option<(Round, Instant)>,
    /// The target has said that it is there.
    received: bool,
}

impl Rounds {
    pub(super) fn enter(context: &mut Context<'_>, peer_boot: BootId, goals: Goals) -> Phase {
        context.enter(PhaseName::Rounds);
        context.act(Action::Source(SourceAction::StartDirtyLog));
        let planner = Planner::new(goals, context.facts.offer.sizes.pages);
        Rounds {
            peer_boot,
            planner,
            number: 0,
            sent: None,
            received: false,
        }
        .copy(context)
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        if let Some(why) = abort::reason(&input, PhaseName::Rounds, Some(self.peer_boot)) {
            return abort::enter(context, why);
        }
        match input {
            Input::Event(Event::Source(SourceEvent::RoundSent { number, round }))
                if number == self.number =>
            {
                let sent = Some((round, context.now));
                Rounds { sent, ..self }.judge(context)
            }
            Input::Heard {
                step: Step::Received { rounds },
                ..
            } if rounds.checked_sub(1) == Some(self.number) => {
                let received = true;
                Rounds { received, ..self }.judge(context)
            }
            _ => Phase::Rounds(self),
        }
    }

    /// Goes on as soon as the round is done.
    fn judge(self, context: &mut Context<'_>) -> Phase {
        match self.sent {
            Some((round, sent)) if self.received => {
                let on_its_way_us = context.now.us_since(sent);
                let elapsed_us = round.elapsed_us.saturating_add(on_its_way_us);
                self.round_done(
                    context,
                    Round {
                        elapsed_us,
                        ..round
                    },
                )
            }
            _ => Phase::Rounds(self),
        }
    }

    fn round_done(mut self, context: &mut Context<'_>, round: Round) -> Phase {
        let plan = self.planner.round_done(round);
        context.notify(Notice::Progress(self.planner.progress()));
        match plan {
            Plan::AnotherRound => Rounds {
                number: self.number + 1,
                sent: None,
                received: false,
                ..self
            }
            .copy(context),
            Plan::Freeze(_) => Freezing::enter(context, self.peer_boot, self.number + 1),
        }
    }

    fn copy(self, context: &mut Context<'_>) -> Phase {
        context.act(Action::Source(SourceAction::CopyRound {
            number: self.number,
        }));
        context.limit(context.timing().round_limit_us);
        Phase::Rounds(self)
    }
}
