//! Offer: asks the target to take the domain, until it answers.

use nomad_planner::Goals;

use crate::context::{Context, Input};
use crate::messages::Step;
use crate::reasons::PhaseName;
use crate::record::Progressed;
use crate::timers::Timer;

use super::rounds::Rounds;
use super::{Phase, abort};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Offering {
    goals: Goals,
}

impl Offering {
    pub(super) fn enter(context: &mut Context<'_>, goals: Goals) -> Phase {
        context.enter(PhaseName::Offer);
        context.record(Progressed::SourceOpen);
        context.send(Step::Offer(context.facts.offer.clone()));
        context.repeat();
        context.limit(context.timing().admit_limit_us);
        Phase::Offer(Offering { goals })
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        if let Some(why) = abort::reason(&input, PhaseName::Offer, None) {
            return abort::enter(context, why);
        }
        match input {
            Input::Heard {
                boot,
                step: Step::Admit,
            } => Rounds::enter(context, boot, self.goals),
            Input::Timer(Timer::Repeat) => {
                context.send(Step::Offer(context.facts.offer.clone()));
                Phase::Offer(self)
            }
            _ => Phase::Offer(self),
        }
    }
}
