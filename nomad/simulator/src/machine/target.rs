//! What a target asks of its machine.

use nomad_protocol::{
    Attempt, DomainId, Event, Incarnation, LocalFailure, TargetAction, TargetEvent, TransactionId,
};

use super::{Effect, Machine, Mutant};

impl Machine {
    pub(super) fn perform_target(
        &mut self,
        transaction: TransactionId,
        id: DomainId,
        action: TargetAction,
    ) -> Effect {
        Effect::Answer(match action {
            TargetAction::Reserve(offer) => {
                Event::Target(match self.kernel.reserve(transaction, &offer) {
                    Ok(()) => TargetEvent::Reserved,
                    Err(why) => TargetEvent::Refused(why),
                })
            }
            TargetAction::Rebuild { attempt } => self.rebuild(transaction, attempt),
            TargetAction::Activate { incarnation, .. } => {
                self.activate(transaction, id, incarnation)
            }
            TargetAction::Announce => return Effect::Done,
            TargetAction::DiscardCopy => self.discard(transaction),
        })
    }

    fn rebuild(&mut self, transaction: TransactionId, attempt: Attempt) -> Event {
        match self.kernel.rebuild(transaction, attempt) {
            Some(digest) => Event::Target(TargetEvent::Rebuilt { attempt, digest }),
            None => Event::Failed(LocalFailure::BadImage),
        }
    }

    fn activate(
        &mut self,
        transaction: TransactionId,
        id: DomainId,
        incarnation: Incarnation,
    ) -> Event {
        let incarnation = match self.mutant {
            Mutant::IncarnationStays => Incarnation(incarnation.0 - 1),
            _ => incarnation,
        };
        match self.kernel.activate(transaction, id, incarnation) {
            true => Event::Target(TargetEvent::Activated),
            false => Event::Failed(LocalFailure::BadImage),
        }
    }

    fn discard(&mut self, transaction: TransactionId) -> Event {
        let others = self.kernel.incoming.keys();
        let another = others.copied().find(|other| *other != transaction);
        match (self.mutant, another) {
            (Mutant::DiscardsAnother, Some(another)) => self.kernel.discard(another),
            _ => self.kernel.discard(transaction),
        }
        Event::Target(TargetEvent::Discarded)
    }
}
