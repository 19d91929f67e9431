//! The kernel calls that the shell makes to capture and rebuild a domain.

use identity::{Digest, Name};
use nomad_image::Verdict;
use nomad_protocol::{
    Attempt, DomainState, LocalFailure, Offer, Sizes, StateVersion, StreamHeader,
};
use nomad_shell::moves::destination::local_failure;
use nomad_shell::{AdmitError, DomainSummary, Exported, Kernel, RetireError, RootError};
use service_protocol::root::{DomainState as RootState, Refusal};

use super::transit::{Arrival, Found, Incoming, Outgoing, Piece};
use super::{GivenUp, Hardware, domain_number};
use crate::domain::{Domain, RunState};
use crate::faults::{LocalStep, RootCall};
use crate::kernel::NO_DOMAIN;
use crate::machine::{Mutant, number_of};
use crate::stream::StreamItem;

impl Kernel for Hardware {
    type Found = Found;
    type Outgoing = Outgoing;
    type Incoming = Incoming;
    type Piece = Piece;
    type Arrival<'a> = Arrival;

    fn look_up(&mut self, name: Name) -> Result<Found, String> {
        let entry = self.root.entries.get(&number_of(name));
        let entry = entry.filter(|entry| !entry.comes() && !entry.is_elsewhere());
        let entry = entry.ok_or_else(|| format!("{name} is not here to be moved"))?;
        Ok(Found {
            id: entry.id,
            incarnation: entry.incarnation,
            pages: entry.pool.unwrap_or(0),
        })
    }

    fn judge(&mut self, _: &mut Found) -> Result<Vec<Verdict>, String> {
        Ok(Vec::new())
    }

    fn summary(&self, found: &Found) -> DomainSummary {
        DomainSummary {
            domain: found.id,
            incarnation: found.incarnation,
            sizes: Sizes {
                pool_bytes: found.pages << 12,
                pages: found.pages,
                threads: 1,
                slots: 1,
            },
        }
    }

    fn begin_move(&mut self, name: Name, found: Found) -> Result<Outgoing, String> {
        Ok(Outgoing::new(found.id, name))
    }

    fn recover_outgoing(
        &mut self,
        offer: &Offer,
        token: Option<u64>,
    ) -> Result<Option<(Outgoing, DomainState)>, RootError> {
        self.call_root(RootCall::Find)?;
        let name = Name::try_new(offer.name.as_str()).expect("a domain's name");
        let entry = self.root.entries.get(&number_of(name));
        let is_here = entry.is_some_and(|entry| entry.id == offer.domain && !entry.comes());
        let outgoing = Outgoing {
            token,
            is_exported: true,
            ..Outgoing::new(offer.domain, name)
        };
        Ok(match self.kernel.state_of(offer.domain) {
            DomainState::Gone => None,
            state => is_here.then_some((outgoing, state)),
        })
    }

    fn name(&self, outgoing: &Outgoing) -> Name {
        outgoing.name
    }

    fn start_dirty_log(&mut self, outgoing: &mut Outgoing) -> Result<(), LocalFailure> {
        if let Some(failure) = self.fails(LocalStep::StartDirtyLog) {
            return Err(failure);
        }
        self.log_pages(outgoing, true);
        Ok(())
    }

    fn begin_round(&mut self, outgoing: &mut Outgoing) -> u64 {
        self.begin_pass(outgoing)
    }

    fn begin_freeze(&mut self, outgoing: &mut Outgoing) -> Result<u64, LocalFailure> {
        if let Some(failure) = self.fails(LocalStep::SendFreeze) {
            return Err(failure);
        }
        if !self.kernel.domains.contains_key(&outgoing.id) {
            return Err(NO_DOMAIN);
        }
        let pages = self.begin_pass(outgoing);
        if self.parts.mutant == Mutant::FreezeForgetsPages {
            outgoing.remaining.clear();
        }
        Ok(pages)
    }

    fn append_header(&mut self, header: StreamHeader, out: &mut Piece) {
        out.header = Some(header);
    }

    fn produce(&mut self, outgoing: &mut Outgoing, out: &mut Piece) -> Result<bool, LocalFailure> {
        let rest = outgoing
            .remaining
            .len()
            .saturating_sub(self.parts.copy_pages);
        let some = outgoing.remaining.split_off(rest);
        let domain = self.kernel.domains.get(&outgoing.id).ok_or(NO_DOMAIN)?;
        let pages = some
            .iter()
            .map(|page| (*page, domain.contents.pages[*page]));
        out.items.push(StreamItem::Pages(pages.collect()));
        Ok(!outgoing.remaining.is_empty())
    }

    fn end_round(&mut self, _: &mut Outgoing, _: u32, out: &mut Piece) -> Result<(), LocalFailure> {
        out.items.push(StreamItem::RoundEnd);
        Ok(())
    }

    fn refresh_dirty(&mut self, outgoing: &mut Outgoing) -> Result<u64, LocalFailure> {
        let domain = self.kernel.domains.get(&outgoing.id);
        Ok(domain.map_or(0, Domain::dirty_count))
    }

    fn end_freeze(&mut self, outgoing: &mut Outgoing, out: &mut Piece) -> Result<(), LocalFailure> {
        let state = outgoing.exported.take().ok_or(LocalFailure::BadImage)?;
        out.items.push(StreamItem::FreezeEnd(state));
        Ok(())
    }

    fn freeze(&mut self, outgoing: &mut Outgoing) -> Result<u64, LocalFailure> {
        if let Some(failure) = self.fails(LocalStep::FreezeDomain) {
            return Err(failure);
        }
        let deadline = self.now.after_us(self.parts.freeze_us);
        let token = self.kernel.freeze(outgoing.id, Some(deadline));
        outgoing.token = token.or(outgoing.token);
        token.ok_or(LocalFailure::FrozenByAnother)
    }

    fn export(&mut self, outgoing: &mut Outgoing) -> Result<Exported, LocalFailure> {
        if let Some(failure) = self.fails(LocalStep::ExportState) {
            return Err(failure);
        }
        let domain = self.kernel.domains.get(&outgoing.id);
        let deadline = domain.and_then(|domain| domain.deadline);
        let deadline = deadline.ok_or(LocalFailure::FreezeEnded)?;
        outgoing.is_exported = true;
        self.root
            .export(domain_number(outgoing.id), deadline)
            .map_err(|refusal| local_failure(RootError::Refused(refusal)))?;
        if let Some(failure) = self.fails(LocalStep::ReadState) {
            return Err(failure);
        }
        let state = self.kernel.export(outgoing.id);
        let state = outgoing
            .exported
            .insert(state.ok_or(LocalFailure::FreezeEnded)?);
        Ok(Exported {
            version: state.version,
            digest: state.digest(),
        })
    }

    fn retire(
        &mut self,
        outgoing: &mut Outgoing,
        version: StateVersion,
    ) -> Result<(), RetireError> {
        if let Some(failure) = self.fails(LocalStep::Retire) {
            return Err(RetireError::Failed(failure));
        }
        let (id, mutant) = (outgoing.id, self.parts.mutant);
        let domain = self.kernel.domains.get_mut(&id);
        let domain = domain.ok_or(RetireError::Failed(NO_DOMAIN))?;
        let version = match (mutant, domain.run) {
            (Mutant::KernelIgnoresVersion, RunState::Frozen) => domain.version,
            (Mutant::KernelRetiresThawed, RunState::Running) => {
                domain.retire();
                return Ok(());
            }
            _ => version,
        };
        self.kernel.retire(id, version, outgoing.token)?;
        if mutant == Mutant::GivesBackEarly {
            let _ = self.destroy(outgoing);
        }
        Ok(())
    }

    fn end_capture(&mut self, outgoing: &mut Outgoing) {
        self.log_pages(outgoing, false);
        (outgoing.exported, outgoing.remaining) = (None, Vec::new());
        if std::mem::take(&mut outgoing.is_exported) && self.call_root(RootCall::Revert).is_ok() {
            let _ = self.root.revert(domain_number(outgoing.id));
        }
    }

    fn thaw(&mut self, outgoing: &mut Outgoing) {
        let token = outgoing.token.take();
        self.kernel.thaw(outgoing.id, token);
    }

    fn unretire(&mut self, outgoing: &mut Outgoing) -> Result<(), RootError> {
        self.call_root(RootCall::Unretire)?;
        let number = domain_number(outgoing.id);
        let exported = self.root.in_state(number, &[RootState::Exported]);
        exported.map_err(RootError::Refused)?;
        if self.kernel.unretire(outgoing.id) {
            self.unretired.push(outgoing.id);
        }
        outgoing.token = None;
        self.end_capture(outgoing);
        Ok(())
    }

    fn destroy(&mut self, outgoing: &mut Outgoing) -> Result<(), RootError> {
        self.call_root(RootCall::Release)?;
        let number = domain_number(outgoing.id);
        let exported = self.root.in_state(number, &[RootState::Exported]);
        // Like the real root, this destroys any exported domain of that name.
        let id = exported.map_err(RootError::Refused)?.id;
        let domain = self.kernel.domains.get(&id);
        let left = domain.map(|domain| GivenUp::Left(id, domain.run));
        self.given_up.extend(left);
        self.kernel.destroy(id);
        self.kernel.free_pages += self.root.leave(number);
        Ok(())
    }

    fn admit(&mut self, offer: &Offer) -> Result<Incoming, AdmitError> {
        let refused = |refusal| AdmitError::Root(RootError::Refused(refusal));
        if self.fails(LocalStep::Reserve).is_some() {
            return Err(refused(Refusal::NoMemory));
        }
        let (number, pages) = (number_of(offer.name), offer.sizes.pages);
        let expected = self.root.expects(number, offer.domain);
        if !expected.map_err(refused)? {
            if !self.kernel.reserve(pages) {
                return Err(refused(Refusal::NoMemory));
            }
            self.root.admit(number, offer.domain, pages);
        }
        Ok(Incoming {
            id: offer.domain,
            name: offer.name,
            pages: vec![u64::MAX; pages as usize],
            freeze: None,
        })
    }

    fn handle_arrival(
        &mut self,
        incoming: &mut Incoming,
        arrival: StreamItem,
    ) -> Result<(), LocalFailure> {
        match arrival {
            StreamItem::Pages(pages) => {
                for (page, contents) in pages {
                    incoming.pages[page] = contents;
                }
            }
            StreamItem::RoundEnd => {}
            StreamItem::FreezeEnd(state) => incoming.freeze = Some(state),
        }
        Ok(())
    }

    fn trial_build(&mut self, _: &mut Incoming) -> Result<(), LocalFailure> {
        self.fails(LocalStep::TrialBuild).map_or(Ok(()), Err)
    }

    fn build(&mut self, incoming: &mut Incoming, _: Attempt) -> Result<Digest, LocalFailure> {
        // Nothing is given up: `incoming` has all that arrived.
        if self.is_prepared(incoming.id) {
            self.kernel.destroy(incoming.id);
        }
        if let Some(failure) = self.fails(LocalStep::Rebuild) {
            return Err(failure);
        }
        let state = incoming.freeze.as_ref().ok_or(LocalFailure::BadImage)?;
        if self.parts.mutant == Mutant::VerifiedIsNotKept {
            return Ok(state.digest());
        }
        let states = [RootState::Incoming, RootState::Prepared];
        let entry = self.root.in_state(number_of(incoming.name), &states);
        let entry = entry.map_err(|refusal| local_failure(RootError::Refused(refusal)))?;
        let mut domain = Domain::new(incoming.pages.len());
        domain.freeze(None);
        domain.contents.age = state.age;
        domain.contents.signals = state.signals;
        domain.contents.pages.clone_from(&incoming.pages);
        self.kernel.domains.insert(incoming.id, domain);
        entry.state = RootState::Prepared;
        Ok(state.digest())
    }

    fn add_downtime(&mut self, _: &mut Incoming, _: u64) {}

    fn hand_over(&mut self, _: &mut Incoming) {}

    fn finish(&mut self, _: Incoming) {}

    fn discard_incoming(&mut self, incoming: Incoming) {
        if self.is_prepared(incoming.id) {
            self.record_discarded(incoming.id);
            self.kernel.destroy(incoming.id);
        }
    }
}

impl Hardware {
    fn log_pages(&mut self, outgoing: &Outgoing, is_on: bool) {
        if let Some(domain) = self.kernel.domains.get_mut(&outgoing.id) {
            domain.dirty = is_on.then(|| vec![true; domain.contents.pages.len()]);
        }
    }

    fn begin_pass(&mut self, outgoing: &mut Outgoing) -> u64 {
        let domain = self.kernel.domains.get_mut(&outgoing.id);
        outgoing.remaining = domain.map_or_else(Vec::new, Domain::take_dirty);
        outgoing.remaining.len() as u64
    }
}
