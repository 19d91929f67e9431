//! The location of domains: queries to other machines about the domains at home here, and replies to other machines'
//! queries.

use alloc::vec::Vec;

use identity::{DomainId, Incarnation, Name};
use nomad_client::event::HomeStatus;
use nomad_protocol::{
    Doubt, Envelope, FleetId, Instant, MachineId, Message, Presence, Step, TransactionId, Turn,
};
use service_protocol::root::{DomainRecord, DomainState, Refusal};

use crate::discovery;
use crate::host::{Host, RootError};
use crate::retries::Task;
use crate::roll_calls::{self, Purpose, Surroundings};
use crate::shell::Shell;

impl<H: Host> Shell<H> {
    /// Stops an older copy of a domain here, because another machine runs this incarnation. An operator had forced the
    /// older copy to run. The other machine repeats its message, and gets a reply once the copy is certain to be
    /// stopped.
    pub(crate) fn handle_outlived(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        (domain, incarnation): (DomainId, Incarnation),
        by: MachineId,
    ) {
        let is_member = self.moves.ledger.local().fleet.contains(by);
        let guest = self.machines.guest_name(by);
        if !is_member && guest.is_none() {
            return log::warn!("{by:?} runs a younger copy and is not known by name yet");
        }
        let stopped = self.stop_older(now, domain, incarnation, guest);
        match stopped {
            Ok(true) => {}
            Ok(false) => {
                return log::warn!("the guest {by:?} runs a domain that did not come in a package");
            }
            Err(error) => {
                return log::error!(
                    "an older copy of a domain that {by:?} runs is not stopped: {error}"
                );
            }
        }
        let boot = self.moves.ledger.local().boot;
        let message = Message::Transaction(transaction, Step::Unknown);
        self.send(by, &Envelope { boot, message });
    }

    /// Stops the copy of a domain here, if it is older than this incarnation. `guest` is the other machine, if that is a
    /// guest. Returns false if this guest cannot have the domain: only a domain that came here in a package was ever sent to
    /// a guest.
    ///
    /// # Errors
    /// It is unknown whether an older copy runs here, or the copy may run again.
    fn stop_older(
        &mut self,
        now: Instant,
        domain: DomainId,
        incarnation: Incarnation,
        guest: Option<Name>,
    ) -> Result<bool, RootError> {
        let records = self.host.all()?;
        let is_older_copy = |record: &&DomainRecord| {
            let same = record.id == domain;
            let is_older = record.incarnation.is_outlived_by(incarnation);
            let may_run = matches!(record.state, DomainState::Running | DomainState::Exported);
            same && is_older && may_run
        };
        let Some(record) = records.iter().find(is_older_copy) else {
            return Ok(true);
        };
        if guest.is_some() && !record.has_package {
            return Ok(false);
        }
        let name = record.name;
        // Root refuses to stop a domain that is leaving. So its move is cancelled, and the next attempt can stop it.
        let _ = self.moves.cancel(&self.host, now, name);
        self.host.outlive(name, domain, incarnation, guest)?;
        Ok(true)
    }

    /// Begins a roll call for each domain that needs one, and ends those that are no longer needed.
    pub(crate) fn update_roll_calls(&mut self, now: Instant) {
        let listed = self.host.all();
        let Some(records) = self.or_retry_later(now, listed, Task::CallRolls) else {
            return;
        };
        let ledger = &self.moves.ledger;
        let local = ledger.local();
        let host = &mut self.host;
        let guests = records.iter().filter_map(|record| record.guest);
        let guests: Vec<_> = guests.map(|name| (name, host.machine_id(name))).collect();
        let peers = ledger.entries().map(|entry| entry.peer);
        let remembered = guests.iter().map(|(_, id)| *id);
        let found = self.roll_calls.found_guests();
        let needed = remembered.chain(peers).chain(found).collect();
        self.machines.set_needed_guests(needed, &guests);
        let entries = ledger.entries();
        let needed = roll_calls::needed(&records, entries, &local.fleet, |name| {
            host.machine_id(name)
        });
        let surroundings = Surroundings {
            fleet: &local.fleet,
            machines: &mut self.machines,
            guests_known_from: discovery::guests_known_from(self.discovery.as_ref()),
            claimed: discovery::claimed(self.discovery.as_ref(), now),
            timing: local.timing,
        };
        self.roll_calls
            .update(now, needed, surroundings, || Turn(host.draw() as u64));
    }

    /// Sends the queries that are due, and starts the domains that no machine has.
    pub(crate) fn call_rolls(&mut self, now: Instant) {
        let local = self.moves.ledger.local();
        let (own, boot, fleet) = (local.machine, local.boot, local.fleet.id());
        let surroundings = Surroundings {
            fleet: &local.fleet,
            machines: &mut self.machines,
            guests_known_from: discovery::guests_known_from(self.discovery.as_ref()),
            claimed: discovery::claimed(self.discovery.as_ref(), now),
            timing: local.timing,
        };
        self.roll_calls.update_machines(now, surroundings);
        for (to, name, turn) in self.roll_calls.poll_queries(now) {
            if to != own {
                let message = Message::Query(name, turn, fleet);
                self.send(to, &Envelope { boot, message });
            } else if self.is_settled(now, own)
                && let Some(presence) = self.presence(own, name)
            {
                let from = (own, &self.moves.ledger.local().fleet);
                self.roll_calls
                    .handle_reply(now, from, (name, turn), presence);
            }
        }
        let may_start = self.check_starts_domains().is_ok();
        let ready = may_start.then(|| self.roll_calls.take_ready());
        for name in ready.into_iter().flatten() {
            // An error is logged, and the roll call is repeated.
            let _ = self.start(now, name);
        }
        self.reply_to_starters(now);
    }

    /// Handles another machine's reply to a query.
    pub(crate) fn handle_presence(
        &mut self,
        now: Instant,
        from: MachineId,
        (name, turn): (Name, Turn),
        presence: Presence,
    ) {
        // A reply of absence counts only if no other machine may have the sender's name. A reply of presence always counts.
        let is_present = matches!(presence, Presence::Present { .. });
        if !is_present && !self.is_settled(now, from) {
            return;
        }
        let sender = (from, &self.moves.ledger.local().fleet);
        let is_to_be_remembered = self
            .roll_calls
            .handle_reply(now, sender, (name, turn), presence);
        if self.roll_calls.found_guests().any(|guest| guest == from) {
            self.machines.need_guest(from);
        }
        if is_to_be_remembered {
            self.remember_guest(name, from);
        }
        self.call_rolls(now);
    }

    /// Has root remember a guest that has a domain at home here. If root fails to, the guest's next reply leads here again.
    fn remember_guest(&mut self, name: Name, guest: MachineId) {
        let Some(guest_name) = self.machines.guest_name(guest) else {
            return;
        };
        match self.host.remember_guest(name, guest_name) {
            Ok(()) => self.roll_calls.set_remembered(name, guest),
            Err(error) => log::warn!("{guest_name}, which has {name}, is not remembered: {error}"),
        }
    }

    /// Replies to another machine's query about a domain. A machine with another fleet gets no reply: it may not know the
    /// machine that has the domain, and would then take the domain for lost. A machine that is not settled gets no reply
    /// either: another machine with its name may be the domain's home, and run the domain.
    pub(crate) fn reply_to_query(
        &mut self,
        now: Instant,
        from: MachineId,
        fleet: FleetId,
        (name, turn): (Name, Turn),
    ) {
        let local = self.moves.ledger.local();
        let boot = local.boot;
        if fleet != local.fleet.id() {
            let home = self.machines.address_of(from);
            return log::warn!("{home:?} queries {name} with another fleet");
        }
        self.moves.ledger.probe(now, from, name);
        if !self.is_settled(now, from) {
            return log::debug!("{from:?} queries {name} and is not settled yet");
        }
        if let Some(presence) = self.presence(from, name) {
            let message = Message::QueryReply(name, turn, presence);
            self.send(from, &Envelope { boot, message });
        }
    }

    /// Whether a domain of this name is here. `None` if that is unknown; the querying machine then repeats its query.
    /// A domain at home here is reported to other machines as present even while it is absent. So if two machines are
    /// its home by mistake, neither starts it.
    fn presence(&mut self, from: MachineId, name: Name) -> Option<Presence> {
        let is_own = from == self.moves.ledger.local().machine;
        match self.host.find(name) {
            Ok(record) if !is_own || Purpose::of(&record).is_none() => Some(Presence::Present {
                incarnation: record.incarnation,
                runs: self.may_run(&record),
            }),
            Ok(_) | Err(RootError::Refused(Refusal::NoSuchDomain)) => {
                Some(self.moves.ledger.absence())
            }
            Err(error) => {
                log::warn!("{name}: {error}");
                None
            }
        }
    }

    /// Whether a copy runs here, or may run without a further decision. A copy that is leaving may run until its
    /// outcome is in doubt. A prepared copy, or one in doubt, may run once the decision is that it runs here.
    fn may_run(&self, record: &DomainRecord) -> bool {
        let mut entries = self.moves.ledger.entries();
        let mut its = entries
            .by_ref()
            .filter(|entry| entry.offer.name == record.name);
        match record.state {
            DomainState::Running => true,
            DomainState::Exported => its.all(|entry| {
                let is_in_doubt = entry.doubt.is_some_and(Doubt::has_copy);
                entry.is_about_to_run || !is_in_doubt
            }),
            DomainState::Prepared => its.any(|entry| entry.is_about_to_run),
            // An outlived copy does not run, even if the move that brought it here has not ended.
            _ => false,
        }
    }

    /// Starts a domain that no machine has. If root fails to, the roll call is repeated.
    ///
    /// # Errors
    /// Root's error.
    pub(crate) fn start(&mut self, now: Instant, name: Name) -> Result<(), RootError> {
        let started = match self.host.start(name) {
            // It has arrived from another machine meanwhile.
            Ok(()) | Err(RootError::Refused(Refusal::AlreadyHere)) => Ok(()),
            Err(error) => {
                log::error!("{name} is not started: {error}");
                self.retry_later(now, Task::CallRolls);
                Err(error)
            }
        };
        self.reply_to_starter(name, &started);
        started
    }

    /// The results of the roll calls of domains at home here.
    pub fn homes(&self, now: Instant) -> Vec<HomeStatus> {
        self.roll_calls.homes(now, &self.machines)
    }
}
