//! Rounds: copies the domain while it runs, until the planner has it frozen.

use nomad_planner::{Goals, Plan, Planner, Round};

use crate::actions::{Action, Event, Notice, SourceAction, SourceEvent};
use crate::context::{Context, Input};
use crate::identity::BootId;
use crate::reasons::PhaseName;

use super::freeze::Freezing;
use super::{Phase, abort};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Rounds {
    peer_boot: BootId,
    planner: Planner,
    number: u32,
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
                self.round_sent(context, round)
            }
            _ => Phase::Rounds(self),
        }
    }

    fn round_sent(mut self, context: &mut Context<'_>, round: Round) -> Phase {
        let plan = self.planner.round_done(round);
        context.notify(Notice::Progress(self.planner.progress()));
        match plan {
            Plan::AnotherRound => Rounds {
                number: self.number + 1,
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
