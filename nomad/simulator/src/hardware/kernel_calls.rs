//! The kernel calls that the shell makes to capture and rebuild a domain.

use identity::{Digest, Name};
use nomad_image::Verdict;
use nomad_protocol::{
    Attempt, DomainState, Instant, LocalFailure, Offer, Sizes, StateVersion, StreamHeader,
};
use nomad_shell::arriving_pages::ArrivingPages;
use nomad_shell::moves::destination::local_failure;
use nomad_shell::page_state::Scope;
use nomad_shell::returns::Visited;
use nomad_shell::{
    AdmitError, ArrivingClock, DomainSummary, Exported, Kernel, Provenance, RetireError, Root as _,
    RootError,
};
use service_protocol::root::{DomainState as RootState, Refusal};

use super::mishaps::REPLY_LOST;
use super::remains::Remainder;
use super::transit::{Arrival, Found, Incoming, Outgoing, Piece};
use super::{GivenUp, Hardware, domain_number};
use crate::domain::RunState;
use crate::faults::{LocalStep, Point, RootCall};
use crate::kernel::NO_DOMAIN;
use crate::machine::{Mutant, number_of};
use crate::memory::Memory;
use crate::stream::StreamItem;

const NS_PER_US: u64 = 1_000;
/// The maximum time for which root keeps a domain frozen after its retirement was undone.
const UNRETIRED_US: u64 = 1_000_000;

/// A machine's time in nanoseconds.
fn ns(now: Instant) -> u64 {
    now.as_us() * NS_PER_US
}

impl Kernel for Hardware {
    type Found = Found;
    type Outgoing = Outgoing;
    type Incoming = Incoming;
    type Piece = Piece;
    type Arrival<'a> = Arrival;
    type Kept = Remainder;
    type Log = ();

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
        let entry = self.root.entries.get(&domain_number(found.id));
        DomainSummary {
            domain: found.id,
            incarnation: found.incarnation,
            sizes: Sizes {
                pool_bytes: found.pages << 12,
                pages: found.pages,
                threads: 1,
                slots: 1,
            },
            home: self.home_of(domain_number(found.id)),
            has_package: self.has_package(domain_number(found.id)),
            guest: entry.and_then(|entry| entry.guest),
        }
    }

    fn begin_move(&mut self, name: Name, found: Found) -> Result<Outgoing, String> {
        match self.is_heap_full {
            true => Err("the migration server has too little memory".to_owned()),
            false => Ok(Outgoing::new(found.id, name)),
        }
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

    fn start_dirty_log(
        &mut self,
        outgoing: &mut Outgoing,
        visited: Vec<Visited<()>>,
    ) -> Result<(), LocalFailure> {
        self.attempt(LocalStep::StartDirtyLog)?;
        if !self.continue_log(outgoing, visited) {
            self.log_pages(outgoing, true);
        }
        if self.strikes(Point::StartDirtyLog) {
            return Err(LocalFailure::NoMemory);
        }
        Ok(())
    }

    fn begin_round(&mut self, outgoing: &mut Outgoing) -> u64 {
        self.begin_pass(outgoing, Scope::Round)
    }

    fn pages_left(&self, outgoing: &Outgoing) -> u64 {
        let pages = outgoing.pages.as_ref();
        pages.map_or(0, |pages| pages.pending.len())
    }

    fn begin_freeze(&mut self, outgoing: &mut Outgoing) -> Result<u64, LocalFailure> {
        self.attempt(LocalStep::SendFreeze)?;
        if !self.kernel.domains.contains_key(&outgoing.id) {
            return Err(NO_DOMAIN);
        }
        if self.parts.mutant == Mutant::FreezeForgetsPages
            && let Some(domain) = self.kernel.domains.get_mut(&outgoing.id)
        {
            domain.take_dirty();
        }
        Ok(self.begin_pass(outgoing, Scope::Freeze))
    }

    fn append_header(&mut self, header: StreamHeader, out: &mut Piece) {
        out.header = Some(header);
    }

    fn produce(&mut self, outgoing: &mut Outgoing, out: &mut Piece) -> Result<bool, LocalFailure> {
        if outgoing.has_sent_round_part() && self.strikes(Point::CopyRound) {
            return Err(LocalFailure::NoMemory);
        }
        if std::mem::take(&mut outgoing.is_continuing) {
            out.items.push(StreamItem::Continued);
        }
        let (item, is_more) = self.continue_pass(outgoing)?;
        out.items.push(item);
        Ok(is_more)
    }

    fn end_round(
        &mut self,
        _: &mut Outgoing,
        _: u32,
        out: &mut Piece,
    ) -> Result<bool, LocalFailure> {
        out.items.push(StreamItem::RoundEnd);
        Ok(true)
    }

    fn refresh_dirty(&mut self, outgoing: &mut Outgoing) -> Result<u64, LocalFailure> {
        Ok(self.count_dirty(outgoing))
    }

    fn end_freeze(&mut self, outgoing: &mut Outgoing, out: &mut Piece) -> Result<(), LocalFailure> {
        if self.strikes(Point::SendFreeze) {
            return Err(LocalFailure::NoMemory);
        }
        let state = outgoing.exported.take().ok_or(LocalFailure::BadImage)?;
        out.items.push(StreamItem::FreezeEnd(state));
        Ok(())
    }

    fn pause(&mut self, outgoing: &mut Outgoing, limit_us: u64) -> Option<u64> {
        let deadline = self.now.after_us(limit_us);
        self.kernel.freeze(outgoing.id, Some(deadline))
    }

    fn resume(&mut self, outgoing: &mut Outgoing, token: u64) {
        self.kernel.thaw(outgoing.id, Some(token));
    }

    fn freeze(&mut self, outgoing: &mut Outgoing) -> Result<u64, LocalFailure> {
        self.attempt(LocalStep::FreezeDomain)?;
        let deadline = self.now.after_us(self.parts.freeze_us);
        let token = self.kernel.freeze(outgoing.id, Some(deadline));
        outgoing.token = token.or(outgoing.token);
        if token.is_some() {
            self.strikes(Point::Freeze);
        }
        token.ok_or(LocalFailure::FrozenByAnother)
    }

    fn export(&mut self, outgoing: &mut Outgoing) -> Result<Exported, LocalFailure> {
        self.attempt(LocalStep::ExportState)?;
        let domain = self.kernel.domains.get(&outgoing.id);
        let deadline = domain.and_then(|domain| domain.deadline);
        let deadline = deadline.ok_or(LocalFailure::FreezeEnded)?;
        outgoing.is_exported = true;
        self.root
            .export(domain_number(outgoing.id), deadline)
            .map_err(|refusal| local_failure(RootError::Refused(refusal)))?;
        self.attempt(LocalStep::ReadState)?;
        let state = self.kernel.export(outgoing.id, self.now);
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
            let released = self.release(outgoing, None).ok().flatten();
            released
                .into_iter()
                .for_each(|copy| self.destroy_kept(copy));
        }
        Ok(())
    }

    fn end_capture(&mut self, outgoing: &mut Outgoing) -> Result<(), RootError> {
        self.log_pages(outgoing, false);
        outgoing.exported = None;
        if std::mem::take(&mut outgoing.is_exported) {
            self.revert(outgoing.name)?;
        }
        Ok(())
    }

    fn thaw(&mut self, outgoing: &mut Outgoing) {
        let token = outgoing.token.take();
        self.kernel.thaw(outgoing.id, token);
    }

    fn unretire(&mut self, outgoing: &mut Outgoing) -> Result<(), RootError> {
        self.call_root(RootCall::Unretire)?;
        let number = domain_number(outgoing.id);
        if self.root.in_state(number, &[RootState::Running]).is_ok() {
            outgoing.token = None;
            return Ok(());
        }
        let exported = self.root.in_state(number, &[RootState::Exported]);
        exported.map_err(RootError::Refused)?;
        let deadline = self.now.after_us(UNRETIRED_US);
        // As in the real root, a domain that is not retired is left to its deadline.
        if let Some(token) = self.kernel.unretire(outgoing.id, deadline) {
            self.unretired.push(outgoing.id);
            if self.strikes(Point::Unretire) {
                return Err(RootError::Refused(Refusal::Kernel));
            }
            self.kernel.thaw(outgoing.id, Some(token));
            if self.strikes(Point::Thaw) {
                return Err(REPLY_LOST);
            }
        }
        outgoing.token = None;
        Ok(())
    }

    fn release(
        &mut self,
        outgoing: &mut Outgoing,
        guest: Option<Name>,
    ) -> Result<Option<Remainder>, RootError> {
        self.call_root(RootCall::Release)?;
        let number = domain_number(outgoing.id);
        // The request is a repetition whose first reply was lost.
        if let Some(copy) = self.remains.of(outgoing.id) {
            return Ok(self.keep_if_known(outgoing, copy));
        }
        let exported = self.root.in_state(number, &[RootState::Exported]);
        // Like the real root, this destroys any exported domain of that name.
        let exported = exported.map_err(RootError::Refused)?;
        let id = exported.id;
        let domain = self.kernel.domains.get(&id);
        let left = domain.map(|domain| GivenUp::Left(id, domain.run));
        self.given_up.extend(left);
        let pages = domain.map(|domain| domain.contents.pages.clone());
        let pages = pages.unwrap_or_else(|| Memory::absent(0));
        self.kernel.destroy(id);
        let guest = self.remembered(guest);
        if let Some(entry) = self.root.entries.get_mut(&number) {
            entry.guest = guest.or(entry.guest);
        }
        let pool_pages = self.root.leave(number);
        let copy = self.add_remainder(id, pool_pages, pages);
        if self.strikes(Point::Release) {
            return Err(REPLY_LOST);
        }
        Ok(self.keep_if_known(outgoing, copy))
    }

    fn destroy_kept(&mut self, copy: Remainder) {
        self.destroy_remainder(copy);
    }

    fn exists(&self, copy: &Remainder) -> bool {
        self.remains.all().any(|it| it == *copy)
    }

    fn admit(&mut self, offer: &Offer, from: Provenance) -> Result<Incoming, AdmitError> {
        let refused = |refusal| AdmitError::Root(RootError::Refused(refusal));
        if self.fails(LocalStep::Reserve).is_some() {
            return Err(refused(Refusal::NoMemory));
        }
        let (number, pages) = (number_of(offer.name), offer.sizes.pages);
        if let Some(guest) = from.guest {
            self.root.check_guest(number, guest).map_err(refused)?;
        }
        let expected = self.root.expects(number, offer.domain);
        if !expected.map_err(refused)? {
            if !self.reserve(pages) {
                return Err(refused(Refusal::NoMemory));
            }
            self.root.admit(number, offer.domain, pages);
            if let Some(entry) = self.root.entries.get_mut(&number) {
                entry.is_from_guest = from.guest.is_some();
            }
        }
        if self.strikes(Point::Admit) {
            return Err(AdmitError::Root(REPLY_LOST));
        }
        Ok(Incoming {
            id: offer.domain,
            name: offer.name,
            pages: Memory::absent(pages as usize),
            arriving: ArrivingPages::new(pages),
            kept: None,
            logged: None,
            freeze: None,
            clock: None,
            is_trial_built: false,
        })
    }

    fn give_kept(&mut self, incoming: &mut Incoming, copy: &Remainder) -> Result<(), LocalFailure> {
        let pages = self.remains.take_pages(*copy, self.parts.mutant);
        let pages = pages.filter(|pages| pages.page_count() == incoming.pages.page_count());
        if self.strikes(Point::GiveKept) {
            return Err(LocalFailure::NoMemory);
        }
        incoming.kept = Some(pages.ok_or(LocalFailure::BadImage)?);
        Ok(())
    }

    fn handle_arrival(
        &mut self,
        incoming: &mut Incoming,
        arrival: StreamItem,
    ) -> Result<(), LocalFailure> {
        match arrival {
            StreamItem::Pages(map, data) => {
                if let Some(map) = map {
                    let Ok(()) = incoming.arriving.apply(0, &map, &mut incoming.pages);
                }
                for (page, content) in data {
                    incoming.pages.write(page, content);
                }
                // A copy that is built consists of the Memories that the pages are put into.
                let is_built = self.is_prepared(incoming.id);
                let built = self.kernel.domains.get_mut(&incoming.id);
                if let Some(built) = built.filter(|_| is_built) {
                    built.contents.pages = incoming.pages.clone();
                }
            }
            StreamItem::Continued => self.continue_copy(incoming)?,
            StreamItem::RoundEnd => {}
            StreamItem::FreezeEnd(state) => {
                let (read_ns, now_ns) = (state.clock_us * NS_PER_US, ns(self.now));
                incoming.clock = Some(ArrivingClock::new(read_ns, now_ns));
                incoming.freeze = Some(state);
            }
        }
        Ok(())
    }

    fn trial_build(&mut self, incoming: &mut Incoming) -> Result<(), LocalFailure> {
        self.fails(LocalStep::TrialBuild).map_or(Ok(()), Err)?;
        if self.has_drafts() && !std::mem::replace(&mut incoming.is_trial_built, true) {
            self.kernel.draft(incoming.id)?;
            if self.strikes(Point::TrialBuild) {
                self.kernel.destroy(incoming.id);
                return Err(LocalFailure::Service);
            }
        }
        self.log_arriving(incoming);
        Ok(())
    }

    fn build(&mut self, incoming: &mut Incoming, _: Attempt) -> Result<Digest, LocalFailure> {
        // Nothing is given up: `incoming` has all that arrived.
        let is_kept = self.is_prepared(incoming.id);
        if is_kept || self.kernel.drafts.contains(&incoming.id) {
            self.kernel.destroy(incoming.id);
        }
        if is_kept {
            self.strikes(Point::Dismantle);
        }
        self.attempt(LocalStep::Rebuild)?;
        let state = incoming.freeze.as_ref().ok_or(LocalFailure::BadImage)?;
        if self.parts.mutant == Mutant::VerifiedIsNotKept {
            return Ok(state.digest());
        }
        if self.has_drafts() {
            self.kernel.draft(incoming.id)?;
            if self.strikes(Point::Build) {
                return Err(LocalFailure::Service);
            }
            self.kernel.destroy(incoming.id);
        }
        let states = [RootState::Incoming, RootState::Prepared];
        let entry = self.root.in_state(number_of(incoming.name), &states);
        let entry = entry.map_err(|refusal| local_failure(RootError::Refused(refusal)))?;
        let mut domain = incoming.built(state);
        if let Some(clock) = incoming.clock
            && self.parts.mutant != Mutant::ClockStartsAnew
        {
            domain.set_clock(self.now, clock.domain_ns(ns(self.now)) / NS_PER_US);
        }
        self.kernel.domains.insert(incoming.id, domain);
        entry.state = RootState::Prepared;
        let digest = state.digest();
        if self.strikes(Point::Keep) {
            return Err(LocalFailure::Service);
        }
        Ok(digest)
    }

    fn add_downtime(&mut self, incoming: &mut Incoming, downtime_us: u64) {
        let is_counted = !matches!(
            self.parts.mutant,
            Mutant::ClockStartsAnew | Mutant::DowntimeIsLost
        );
        let clock = incoming.clock.as_mut().filter(|_| is_counted);
        let clock_ns = clock.and_then(|clock| clock.resume(ns(self.now), downtime_us));
        let domain = self.kernel.domains.get_mut(&incoming.id);
        if let (Some(clock_ns), Some(domain)) = (clock_ns, domain) {
            domain.set_clock(self.now, clock_ns / NS_PER_US);
            self.strikes(Point::SetClock);
        }
    }

    fn take_logs(&mut self, incoming: &mut Incoming) -> Option<Vec<Visited<()>>> {
        incoming.logged.take().map(|_| {
            let present = incoming.arriving.present().clone();
            vec![Visited {
                position: 0,
                present,
                log: (),
            }]
        })
    }

    fn hand_over(&mut self, _: &mut Incoming) {}

    fn finish(&mut self, _: Incoming) {}

    fn discard_incoming(&mut self, incoming: Incoming) {
        if self.is_prepared(incoming.id) {
            self.record_discarded(incoming.id);
            self.kernel.destroy(incoming.id);
        }
        self.kernel.drafts.remove(&incoming.id);
        self.strikes(Point::DiscardBuilt);
    }
}
