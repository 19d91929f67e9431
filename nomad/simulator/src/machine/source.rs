//! What a source asks of its machine.

use nomad_protocol::{
    Attempt, Digest, DomainId, Event, Instant, LocalFailure, SourceAction, SourceEvent,
    StateVersion, TransactionId,
};

use super::{Copying, Effect, Machine, Mutant};
use crate::domain::Run;
use crate::kernel::NO_DOMAIN;
use crate::stream::Parcel;

impl Machine {
    pub(super) fn perform_source(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        id: DomainId,
        action: SourceAction,
    ) -> Effect {
        match action {
            SourceAction::StartDirtyLog => self.log_pages(id, true),
            SourceAction::EndCapture => self.log_pages(id, false),
            SourceAction::CopyRound { number } => self.start_round(now, transaction, id, number),
            SourceAction::FreezeDomain => self.freeze(now, transaction, id),
            SourceAction::ExportState { attempt } => self.export(transaction, id, attempt),
            SourceAction::SendFreeze {
                attempt,
                rounds,
                digest,
            } => self.send_freeze(transaction, id, attempt, rounds, digest),
            SourceAction::Retire { version } => {
                let token = self.tokens.get(&transaction).copied();
                Effect::Answer(Event::Source(self.retire(id, version, token)))
            }
            SourceAction::Thaw => {
                self.kernel.thaw(id, self.tokens.remove(&transaction));
                Effect::Done
            }
            SourceAction::Destroy => {
                self.kernel.destroy(id);
                Effect::Answer(Event::Source(SourceEvent::Destroyed))
            }
            SourceAction::Unretire => {
                self.kernel.unretire(id);
                Effect::Done
            }
        }
    }

    /// Reads up to `count` pages of the round that is being copied. Returns what enters the stream, and the round if it is
    /// over.
    pub fn copy_some(
        &mut self,
        transaction: TransactionId,
        count: usize,
    ) -> Option<(Vec<Parcel>, Option<Copying>)> {
        let id = self.subject(transaction)?.domain;
        let copying = self.nomad.copying.get_mut(&transaction)?;
        let rest = copying.remaining.len().saturating_sub(count);
        let some = copying.remaining.split_off(rest);
        let over = copying.remaining.is_empty().then(|| copying.clone());
        let mut parcels = vec![Parcel::Pages(self.read(id, &some))];
        if let Some(copying) = &over {
            parcels.push(Parcel::RoundEnd {
                number: copying.number,
                pages: copying.pages,
            });
            self.nomad.copying.remove(&transaction);
        }
        Some((parcels, over))
    }

    fn log_pages(&mut self, id: DomainId, is_on: bool) -> Effect {
        if let Some(domain) = self.kernel.domains.get_mut(&id) {
            domain.dirty = is_on.then(|| vec![true; domain.contents.pages.len()]);
        }
        Effect::Done
    }

    fn start_round(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        id: DomainId,
        number: u32,
    ) -> Effect {
        let Some(domain) = self.kernel.domains.get_mut(&id) else {
            return Effect::Answer(Event::Failed(NO_DOMAIN));
        };
        let remaining = domain.take_dirty();
        let copying = Copying {
            number,
            pages: remaining.len() as u64,
            remaining,
            began: now,
        };
        self.nomad.copying.insert(transaction, copying);
        Effect::Copying
    }

    fn freeze(&mut self, now: Instant, transaction: TransactionId, id: DomainId) -> Effect {
        let deadline = now.after_us(self.freeze_us);
        Effect::Answer(match self.kernel.freeze(id, Some(deadline)) {
            Some(token) => {
                self.tokens.insert(transaction, token);
                Event::Source(SourceEvent::Frozen)
            }
            None => Event::Failed(LocalFailure::FrozenByAnother),
        })
    }

    fn export(&mut self, transaction: TransactionId, id: DomainId, attempt: Attempt) -> Effect {
        let Some(state) = self.kernel.export(id) else {
            return Effect::Answer(Event::Failed(LocalFailure::FreezeEnded));
        };
        let (version, digest) = (state.version, state.digest());
        self.nomad.exported.insert(transaction, state);
        Effect::Answer(Event::Source(SourceEvent::Exported {
            attempt,
            version,
            digest,
        }))
    }

    fn send_freeze(
        &mut self,
        transaction: TransactionId,
        id: DomainId,
        attempt: Attempt,
        rounds: u32,
        digest: Digest,
    ) -> Effect {
        let (Some(state), Some(domain)) = (
            self.nomad.exported.remove(&transaction),
            self.kernel.domains.get_mut(&id),
        ) else {
            return Effect::Answer(Event::Failed(NO_DOMAIN));
        };
        let dirty = match self.mutant {
            Mutant::FreezeForgetsPages => Vec::new(),
            _ => domain.take_dirty(),
        };
        Effect::Stream(vec![
            Parcel::Pages(self.read(id, &dirty)),
            Parcel::FreezeEnd {
                attempt,
                digest,
                rounds,
                state,
            },
        ])
    }

    fn retire(&mut self, id: DomainId, version: StateVersion, token: Option<u64>) -> SourceEvent {
        let kernel = &mut self.kernel;
        if let Some(domain) = kernel.domains.get_mut(&id) {
            match (self.mutant, domain.run) {
                (Mutant::KernelIgnoresVersion, Run::Frozen) => {
                    let version = domain.version;
                    return kernel.retire(id, version, token);
                }
                (Mutant::KernelRetiresThawed, Run::Running) => {
                    domain.retire();
                    return SourceEvent::Retired;
                }
                _ => {}
            }
        }
        kernel.retire(id, version, token)
    }

    fn read(&self, id: DomainId, pages: &[usize]) -> Vec<(usize, u64)> {
        let domain = self.kernel.domains.get(&id);
        let contents = domain.map(|domain| &domain.contents.pages);
        let page = |page: &usize| Some((*page, contents?[*page]));
        pages.iter().filter_map(page).collect()
    }
}
