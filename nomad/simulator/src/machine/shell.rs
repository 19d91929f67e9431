//! The simplest shell: performs nomad's actions on the fake kernel, as the server does on the real one.

use nomad_protocol::{
    Action, DomainId, Doubt, Event, Force, Instant, Notice, TargetEvent, TransactionId,
};

use super::{Effect, Machine, Move, Mutant, machine_number};
use crate::kernel::NO_DOMAIN;
use crate::stream::Parcel;

impl Machine {
    /// Performs one action, as nomad's server does. An action on a domain that nothing is known of fails.
    pub fn perform(&mut self, now: Instant, transaction: TransactionId, action: Action) -> Effect {
        let domain = self.subject(transaction).map(|subject| subject.domain);
        match (action, domain) {
            (Action::Send { to, envelope }, _) => {
                let to = machine_number(to);
                return Effect::Send { to, envelope };
            }
            (Action::Record(record), _) => {
                self.nomad.moves.extend([Move::of_record(&record)]);
                let older = self.records.keep(&record);
                return older.map_or(Effect::Done, Effect::Recorded);
            }
            (Action::Forget, _) => {
                self.records.forget(transaction);
                self.tokens.remove(&transaction);
                self.nomad.moves.remove(&transaction);
            }
            (
                Action::Outlived {
                    domain,
                    incarnation,
                    ..
                },
                _,
            ) => self.kernel.outlive(domain, incarnation),
            (Action::CloseStream, _) => {
                self.nomad.copying.remove(&transaction);
                return Effect::Close;
            }
            (Action::Notify(notice), Some(domain)) => {
                return self.notify(now, transaction, domain, notice);
            }
            (Action::Notify(notice), None) => return Effect::Notice(notice),
            (Action::Source(action), Some(domain)) => {
                return self.perform_source(now, transaction, domain, action);
            }
            (Action::Target(action), Some(domain)) => {
                return self.perform_target(transaction, domain, action);
            }
            (Action::Source(_) | Action::Target(_), None) => {
                return Effect::Answer(Event::Failed(NO_DOMAIN));
            }
        }
        Effect::Done
    }

    /// A parcel arrives.
    pub fn receive(&mut self, transaction: TransactionId, parcel: Parcel) -> Option<TargetEvent> {
        let incoming = self.kernel.incoming.get_mut(&transaction)?;
        match parcel {
            Parcel::Pages(pages) => {
                for (page, contents) in pages {
                    incoming.pages[page] = contents;
                }
                None
            }
            Parcel::RoundEnd { number, pages } => {
                Some(TargetEvent::RoundReceived { number, pages })
            }
            Parcel::FreezeEnd {
                attempt,
                digest,
                rounds,
                state,
            } => {
                incoming.freeze = Some((attempt, state));
                Some(TargetEvent::FreezeReceived {
                    attempt,
                    digest,
                    rounds,
                })
            }
        }
    }

    fn notify(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        domain: DomainId,
        notice: Notice,
    ) -> Effect {
        let is_source = self.kernel.domains.contains_key(&domain);
        let force = match (self.mutant, is_source) {
            (Mutant::SourceThawsAfterCommit, true) | (Mutant::TargetRunsUncommitted, false) => {
                Some(Force::RunHere)
            }
            (Mutant::TargetDropsPrepared, false) => Some(Force::DropCopy),
            _ => None,
        };
        if let (Some(force), Notice::InDoubt(Doubt::Silent)) = (force, notice) {
            self.nomad.ledger.force(now, transaction, force);
        }
        Effect::Notice(notice)
    }
}
