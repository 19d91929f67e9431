//! Admit: reserves what the offered domain needs, or refuses and says why.

use crate::actions::{Action, Event, Notice, TargetAction, TargetEvent};
use crate::context::{Context, Input};
use crate::identity::BootId;
use crate::messages::Step;
use crate::reasons::{AbortReason, PhaseName, Refusal};
use crate::record::Progressed;

use super::Phase;
use super::abort::{self, Discarding};
use super::receive::Receiving;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Admitting {
    peer_boot: BootId,
    /// It became pointless meanwhile; what is reserved is given back as soon as that is known.
    abort: Option<AbortReason>,
}

impl Admitting {
    pub(super) fn enter(context: &mut Context<'_>, peer_boot: BootId) -> Phase {
        context.enter(PhaseName::Admit);
        // Durable before anything is reserved: a restarted nomad gives it back.
        context.record(Progressed::TargetOpen);
        context.act(Action::Target(TargetAction::Reserve(
            context.facts.offer.clone(),
        )));
        Phase::Admit(Admitting {
            peer_boot,
            abort: None,
        })
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        match (input, self.abort) {
            (Input::Event(Event::Target(TargetEvent::Refused(why))), _) => {
                Self::refuse(context, why)
            }
            (Input::Event(Event::Target(TargetEvent::Reserved)), Some(why)) => {
                Discarding::enter(context, why)
            }
            (Input::Event(Event::Target(TargetEvent::Reserved)), None) => {
                Receiving::enter(context, self.peer_boot)
            }
            (input, abort) => {
                let abort =
                    abort.or_else(|| abort::reason(&input, PhaseName::Admit, self.peer_boot));
                Phase::Admit(Admitting { abort, ..self })
            }
        }
    }

    fn refuse(context: &mut Context<'_>, why: Refusal) -> Phase {
        context.act(Action::Forget);
        context.send(Step::Refuse(why));
        context.notify(Notice::Aborted(AbortReason::Refused(why)));
        Phase::Finished
    }
}
