//! The simplest shell: performs nomad's actions on the fake kernel, as the server does on the real one.

use nomad_protocol::{
    Action, Attempt, Digest, Doubt, Event, Force, Incarnation, Instant, LocalFailure, Notice,
    SourceAction, SourceEvent, StateVersion, TargetAction, TargetEvent, TransactionId,
};

use super::{Copying, DOMAIN, Effect, Machine, Mutant};
use crate::domain::Run;
use crate::stream::Parcel;

impl Machine {
    /// Performs one action, as nomad's server does.
    pub fn perform(&mut self, now: Instant, transaction: TransactionId, action: Action) -> Effect {
        match action {
            Action::Send { envelope, .. } => return Effect::Send(envelope),
            Action::Record(record) => drop(self.records.insert(transaction, record.encode())),
            Action::Forget => {
                self.records.remove(&transaction);
                self.tokens.remove(&transaction);
            }
            Action::Notify(notice) => return self.notify(now, transaction, notice),
            Action::CloseStream => {
                self.nomad.copying.remove(&transaction);
                return Effect::Close;
            }
            Action::Source(action) => return self.perform_source(now, transaction, action),
            Action::Target(action) => return self.perform_target(transaction, action),
        }
        Effect::Done
    }

    /// Reads up to `count` pages of the round that is being copied; says what enters the stream and whether it is over.
    pub fn copy_some(
        &mut self,
        transaction: TransactionId,
        count: usize,
    ) -> Option<(Vec<Parcel>, Option<Copying>)> {
        let copying = self.nomad.copying.get_mut(&transaction)?;
        let some = copying
            .remaining
            .split_off(copying.remaining.len().saturating_sub(count));
        let over = copying.remaining.is_empty().then(|| copying.clone());
        let mut parcels = vec![Parcel::Pages(self.read(&some))];
        if let Some(copying) = &over {
            parcels.push(Parcel::RoundEnd {
                number: copying.number,
                pages: copying.pages,
            });
            self.nomad.copying.remove(&transaction);
        }
        Some((parcels, over))
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

    fn notify(&mut self, now: Instant, transaction: TransactionId, notice: Notice) -> Effect {
        let is_source = self.kernel.domains.contains_key(&DOMAIN);
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

    fn perform_source(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        action: SourceAction,
    ) -> Effect {
        let kernel = &mut self.kernel;
        let event = match action {
            SourceAction::StartDirtyLog => {
                if let Some(domain) = kernel.domains.get_mut(&DOMAIN) {
                    domain.dirty = Some(vec![true; domain.contents.pages.len()]);
                }
                return Effect::Done;
            }
            SourceAction::CopyRound { number } => {
                return self.start_round(now, transaction, number);
            }
            SourceAction::FreezeDomain => {
                let deadline = now.after_us(self.freeze_us);
                let Some(token) = kernel.freeze(DOMAIN, Some(deadline)) else {
                    return Effect::Answer(Event::Failed(LocalFailure::FrozenByAnother));
                };
                self.tokens.insert(transaction, token);
                SourceEvent::Frozen
            }
            SourceAction::ExportState { attempt } => {
                let Some(state) = kernel.export(DOMAIN) else {
                    return Effect::Answer(Event::Failed(LocalFailure::FreezeEnded));
                };
                let (version, digest) = (state.version, state.digest());
                self.nomad.exported.insert(transaction, state);
                SourceEvent::Exported {
                    attempt,
                    version,
                    digest,
                }
            }
            SourceAction::SendFreeze {
                attempt,
                rounds,
                digest,
            } => {
                return self.send_freeze(transaction, attempt, rounds, digest);
            }

            SourceAction::Retire { version } => {
                let token = self.tokens.get(&transaction).copied();
                self.retire(version, token)
            }
            SourceAction::EndCapture => {
                if let Some(domain) = kernel.domains.get_mut(&DOMAIN) {
                    domain.dirty = None;
                }
                return Effect::Done;
            }
            SourceAction::Thaw => {
                kernel.thaw(DOMAIN, self.tokens.remove(&transaction));
                return Effect::Done;
            }
            SourceAction::Destroy => {
                kernel.destroy(DOMAIN);
                SourceEvent::Destroyed
            }
            SourceAction::Unretire => {
                kernel.unretire(DOMAIN);
                return Effect::Done;
            }
        };
        Effect::Answer(Event::Source(event))
    }

    fn retire(&mut self, version: StateVersion, token: Option<u64>) -> SourceEvent {
        let kernel = &mut self.kernel;
        if let Some(domain) = kernel.domains.get_mut(&DOMAIN) {
            match (self.mutant, domain.run) {
                (Mutant::KernelIgnoresVersion, Run::Frozen) => {
                    let version = domain.version;
                    return kernel.retire(DOMAIN, version, token);
                }
                (Mutant::KernelRetiresThawed, Run::Running) => {
                    domain.retire();
                    return SourceEvent::Retired;
                }
                _ => {}
            }
        }
        kernel.retire(DOMAIN, version, token)
    }

    fn perform_target(&mut self, transaction: TransactionId, action: TargetAction) -> Effect {
        let kernel = &mut self.kernel;
        let event = match action {
            TargetAction::Reserve(offer) => match kernel.reserve(transaction, &offer) {
                Ok(()) => TargetEvent::Reserved,
                Err(why) => TargetEvent::Refused(why),
            },
            TargetAction::Rebuild { attempt } => match kernel.rebuild(transaction, attempt) {
                Some(digest) => TargetEvent::Rebuilt { attempt, digest },
                None => return Effect::Answer(Event::Failed(LocalFailure::BadImage)),
            },
            TargetAction::Activate { incarnation, .. } => {
                return self.activate(transaction, incarnation);
            }
            TargetAction::Announce => return Effect::Done,
            TargetAction::DiscardCopy => {
                kernel.discard(transaction);
                TargetEvent::Discarded
            }
        };
        Effect::Answer(Event::Target(event))
    }

    fn activate(&mut self, transaction: TransactionId, incarnation: Incarnation) -> Effect {
        Effect::Answer(
            match self.kernel.activate(transaction, DOMAIN, incarnation) {
                true => Event::Target(TargetEvent::Activated),
                false => Event::Failed(LocalFailure::BadImage),
            },
        )
    }

    fn start_round(&mut self, now: Instant, transaction: TransactionId, number: u32) -> Effect {
        let Some(domain) = self.kernel.domains.get_mut(&DOMAIN) else {
            return Effect::Answer(Event::Failed(LocalFailure::BadImage));
        };
        let remaining = domain.take_dirty();
        let pages = remaining.len() as u64;
        self.nomad.copying.insert(
            transaction,
            Copying {
                number,
                remaining,
                pages,
                began: now,
            },
        );
        Effect::Copying
    }

    fn send_freeze(
        &mut self,
        transaction: TransactionId,
        attempt: Attempt,
        rounds: u32,
        digest: Digest,
    ) -> Effect {
        let state = self
            .nomad
            .exported
            .remove(&transaction)
            .expect("exported before it is sent");
        let domain = self
            .kernel
            .domains
            .get_mut(&DOMAIN)
            .expect("a frozen domain exists");
        let dirty = match self.mutant {
            Mutant::FreezeForgetsPages => Vec::new(),
            _ => domain.take_dirty(),
        };
        Effect::Stream(vec![
            Parcel::Pages(self.read(&dirty)),
            Parcel::FreezeEnd {
                attempt,
                digest,
                rounds,
                state,
            },
        ])
    }

    fn read(&self, pages: &[usize]) -> Vec<(usize, u64)> {
        let contents = self
            .kernel
            .domains
            .get(&DOMAIN)
            .map(|domain| &domain.contents.pages);
        pages
            .iter()
            .filter_map(|page| Some((*page, contents?[*page])))
            .collect()
    }
}
