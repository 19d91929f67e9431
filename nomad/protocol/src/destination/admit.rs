//! Admit: reserves the offered domain's resources, or refuses with a reason.

use crate::actions::{Action, DestinationAction, DestinationEvent, Event, Notice};
use crate::context::{Context, Input};
use crate::ids::{Admission, BootId};
use crate::messages::Step;
use crate::reasons::{AbortReason, PhaseName, Refusal};
use crate::record::RecordedProgress;

use super::Phase;
use super::abort::{Discarding, End, Known};
use super::receive::Receiving;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Admitting {
    peer_boot: BootId,
    /// The transaction's end, if it has ended meanwhile. The reservation is then released as soon as it is made.
    end: Option<End>,
}

impl Admitting {
    pub(crate) fn enter(context: &mut Context<'_>, peer_boot: BootId) -> Phase {
        context.enter(PhaseName::Admit);
        // Durable before anything is reserved, so that a restarted server releases the reservation.
        context.record(RecordedProgress::DestinationOpen);
        context.act(Action::Destination(DestinationAction::Reserve(
            context.facts.offer.clone(),
        )));
        Phase::Admit(Admitting {
            peer_boot,
            end: None,
        })
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        match (input, self.end) {
            (Input::Event(Event::Destination(DestinationEvent::Refused(why))), _) => {
                Self::refuse(context, why)
            }
            (
                Input::Event(Event::Destination(DestinationEvent::Reserved { admission, kept })),
                end,
            ) => match end {
                Some(End::BySource(why)) => Discarding::enter(context, why),
                Some(End::Here(why)) => Discarding::abort(context, why),
                None => {
                    let (number, peer_boot) = (admission, self.peer_boot);
                    Receiving::enter(context, Admission { number, peer_boot }, kept)
                }
            },
            (input, end) => {
                let known = Known {
                    peer_boot: self.peer_boot,
                    number: None,
                };
                let end = end.or_else(|| End::of(&input, PhaseName::Admit, known));
                Phase::Admit(Admitting { end, ..self })
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
