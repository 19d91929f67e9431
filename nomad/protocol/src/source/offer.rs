//! Offer: offers the domain to the destination, until it replies.

use nomad_planner::Goals;

use crate::context::{Context, Input};
use crate::ids::Admission;
use crate::messages::Step;
use crate::reasons::PhaseName;
use crate::record::RecordedProgress;
use crate::timers::Timer;

use super::rounds::Rounds;
use super::{Phase, abort};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Offering {
    goals: Goals,
}

impl Offering {
    pub(crate) fn enter(context: &mut Context<'_>, goals: Goals) -> Phase {
        context.enter(PhaseName::Offer);
        context.set_deadline();
        context.record(RecordedProgress::SourceOpen);
        context.send(Step::Offer(context.facts.offer.clone()));
        context.repeat();
        context.limit(context.timing().admit_limit_us);
        Phase::Offer(Offering { goals })
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        if let Some(why) = abort::reason(context, &input, PhaseName::Offer, None) {
            return abort::enter(context, why);
        }
        match input {
            Input::Message {
                boot,
                step:
                    Step::Admit {
                        admission: number,
                        kept,
                    },
            } => {
                let peer_boot = boot;
                Rounds::enter(context, Admission { number, peer_boot }, kept, self.goals)
            }
            Input::Timer(Timer::Repeat) => {
                context.send(Step::Offer(context.facts.offer.clone()));
                Phase::Offer(self)
            }
            _ => Phase::Offer(self),
        }
    }
}
