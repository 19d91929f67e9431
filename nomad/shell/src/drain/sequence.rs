//! The steps of a drain: from the end of one move to the beginning of the next.

use alloc::format;
use alloc::vec::Vec;

use identity::Name;
use nomad_client::Event;
use nomad_client::event::{DrainStage, Stay};
use nomad_protocol::planner::MoveOptions;
use nomad_protocol::{Instant, MachineId, Notice, OfferError, TransactionId, check_guests};
use service_protocol::root::{DomainRecord, DomainState};

use crate::host::Host;
use crate::offers::BeginError;
use crate::output::Output;
use crate::shell::Shell;

/// The interval at which a step is tried again, if root did not reply or a domain takes part in a move that is not the
/// drain's.
const RETRY_US: u64 = 1_000_000;

/// The outcome of a step for one domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing is left to do for it.
    Settled,
    /// It takes part in another move, which has to end first.
    Later,
    /// Its move has begun.
    Begun,
}

impl<H: Host> Shell<H> {
    /// Begins the next move of the drain, or ends the drain if there is none.
    pub(crate) fn advance_drain(&mut self, now: Instant) {
        let Some(drain) = self.drain.as_mut().filter(|drain| drain.is_ready()) else {
            return;
        };
        drain.due = None;
        let later = now.after_us(RETRY_US);
        let records = match self.host.all() {
            Ok(records) => records,
            Err(error) => {
                log::warn!("the drain's next step is tried later: {error}");
                return drain.due = Some(later);
            }
        };
        let mut must_wait = false;
        for record in &records {
            match self.drain_domain(now, record) {
                Step::Settled => {}
                Step::Later => must_wait = true,
                Step::Begun => return,
            }
        }
        match self.drain.as_mut() {
            Some(drain) if must_wait => drain.due = Some(later),
            _ => self.finish_drain(),
        }
    }

    /// Tries the next step again, if it is due.
    pub(crate) fn retry_drain(&mut self, now: Instant) {
        let due = self.drain.as_ref().and_then(|drain| drain.due);
        if due.is_some_and(|due| due <= now) {
            self.advance_drain(now);
        }
    }

    fn drain_domain(&mut self, now: Instant, record: &DomainRecord) -> Step {
        let name = record.name;
        let stays = |drain: &super::Drain| drain.stays.contains_key(&name);
        if self.drain.as_ref().is_none_or(stays) {
            return Step::Settled;
        }
        if !record.is_here() || record.is_part_of_machine {
            return Step::Settled;
        }
        let mut doubts = self.moves.doubts(name);
        if let Some((_, doubt)) = doubts.find(|(_, doubt)| doubt.has_copy()) {
            drop(doubts);
            return self.leave(name, Stay::InDoubt(doubt));
        }
        drop(doubts);
        match record.state {
            DomainState::Incoming | DomainState::Prepared | DomainState::Exported => Step::Later,
            _ if !record.movable => self.leave(name, Stay::NotMovable),
            DomainState::Running => self.send_away(now, record),
            DomainState::Outlived => self.leave(name, Stay::Outlived),
            _ => self.leave(name, Stay::Faulted),
        }
    }

    /// Offers a domain to the next machine.
    fn send_away(&mut self, now: Instant, record: &DomainRecord) -> Step {
        let name = record.name;
        let Some(drain) = &mut self.drain else {
            return Step::Settled;
        };
        // The ledger checks this, too, but only after the whole domain was listed.
        let local = self.moves.ledger.local();
        let home = record.home.and_then(|home| self.machines.id_of(home));
        let origin = (home, record.has_package);
        while let Some(machine) = drain.next_machine(name, &self.machines)
            && let Err(rule) = check_guests(&local.fleet, origin, local.machine, machine.id)
        {
            drain.exclude(name, machine, rule);
        }
        let Some(machine) = drain.next_machine(name, &self.machines) else {
            let reason = drain.exhausted(name);
            return self.leave(name, reason);
        };
        let to = machine.id;
        match self.begin_move(now, name, Some(to), MoveOptions::default()) {
            Ok(transaction) => self.note_begun(name, to, transaction),
            Err(BeginError::Held(verdict)) => self.leave(name, Stay::Held(verdict)),
            Err(BeginError::Offer(
                OfferError::Busy(_) | OfferError::NotReleased(_) | OfferError::RecordsFull,
            )) => Step::Later,
            // The moves in progress use memory that this move needs, or root is busy with them.
            Err(BeginError::Domain(_)) if self.is_moving() => Step::Later,
            Err(error) => self.leave(name, Stay::Error(format!("{error}"))),
        }
    }

    /// Whether a move is in progress that will end without an operator.
    fn is_moving(&self) -> bool {
        let mut entries = self.moves.ledger.entries();
        entries.any(|entry| entry.doubt.is_none())
    }

    fn note_begun(&mut self, name: Name, to: MachineId, transaction: TransactionId) -> Step {
        if let Some(drain) = &mut self.drain {
            drain.begin(transaction, name, to);
        }
        if let Some(address) = self.machines.address_of(to) {
            self.notify_followers(&Event::Moving {
                domain: name,
                to: address,
                transaction,
            });
        }
        Step::Begun
    }

    /// Leaves a domain on this machine.
    fn leave(&mut self, domain: Name, reason: Stay) -> Step {
        self.log(format!("{domain} stays: {reason}"));
        if let Some(drain) = &mut self.drain {
            drain.stay(domain, reason.clone());
        }
        self.notify_followers(&Event::Stays { domain, reason });
        Step::Settled
    }

    /// Reports that nothing is left to move. The machine admits no domain until the drain is ended.
    fn finish_drain(&mut self) {
        let Some(drain) = &mut self.drain else {
            return;
        };
        drain.stage = DrainStage::Over;
        let staying: Vec<Name> = drain.stays().map(|(name, _)| name).collect();
        let status = drain.status(&self.machines);
        self.log(format!("{status}"));
        self.notify_followers(&Event::Draining(status));
        let end = match &staying[..] {
            [] => Event::Done,
            names => Event::failed(format!("on {} stay {}", status.machine, list(names))),
        };
        self.notify_followers(&end);
        if let Some(drain) = &mut self.drain {
            drain.followers.clear();
        }
    }

    /// Handles a notice of a move: takes the drain's next step if the move has ended.
    pub(crate) fn notify_drain(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        notice: &Notice,
    ) {
        let Some(drain) = &mut self.drain else {
            return;
        };
        let host = &mut self.host;
        let runs_here = |name| {
            let record = host.find(name);
            record.is_ok_and(|record| record.state == DomainState::Running)
        };
        let domain = drain.handle_notice(&self.machines, transaction, notice, runs_here);
        if let Some(domain) = domain {
            let notice = *notice;
            self.notify_followers(&Event::DrainMove { domain, notice });
        }
        // Another move that has ended may have been what a domain waits for.
        if let Notice::Finished | Notice::Aborted(_) | Notice::Lost(_) | Notice::InDoubt(_) = notice
        {
            self.advance_drain(now);
        }
    }

    fn notify_followers(&mut self, event: &Event) {
        let drain = self.drain.as_ref();
        let followers = drain.map_or_else(Vec::new, |drain| drain.followers.clone());
        for follower in followers {
            self.emit(Output::Event(follower, event.clone()));
        }
    }
}

/// Names, separated by commas.
fn list(names: &[Name]) -> alloc::string::String {
    let names = names.iter().map(Name::as_str);
    names.collect::<Vec<&str>>().join(", ")
}
