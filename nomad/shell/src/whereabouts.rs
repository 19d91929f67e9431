//! Where domains are: what other machines are asked of those at home here, and answered of those that are here.

use alloc::string::String;
use alloc::vec::Vec;

use nomad_image::Name;
use nomad_protocol::{
    DomainId, Doubt, Envelope, FleetId, Incarnation, Instant, MachineId, Message, Standing, Step,
    TransactionId, Turn,
};
use service_protocol::root::{DomainRecord, DomainState, Refusal};

use crate::host::{Host, RootError};
use crate::postponed::Task;
use crate::roll_calls::{self, Purpose};
use crate::shell::Shell;

impl<H: Host> Shell<H> {
    /// Another machine runs this incarnation of a domain: an older copy that runs here was forced to, and stands still from now on. That
    /// machine, which repeats what it says, is answered when that is certain.
    pub(crate) fn outlive(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        (domain, incarnation): (DomainId, Incarnation),
        by: MachineId,
    ) {
        let stopped = self.stop_older(now, domain, incarnation);
        if let Err(error) = stopped {
            return log::error!("an older copy of what {by:?} runs is not stopped: {error}");
        }
        let boot = self.moves.ledger.here().boot;
        let message = Message::About(transaction, Step::Unknown);
        self.send(by, &Envelope { boot, message });
    }

    /// Stops the copy of a domain that runs here, if it is older than this incarnation.
    ///
    /// # Errors
    /// It is not known whether one runs here, or it may run again.
    fn stop_older(
        &mut self,
        now: Instant,
        domain: DomainId,
        incarnation: Incarnation,
    ) -> Result<(), RootError> {
        let records = self.host.all()?;
        let is_it = |record: &&DomainRecord| {
            let same = u128::from_le_bytes(record.id.0) == domain.0;
            let is_older = Incarnation(record.incarnation).is_outlived_by(incarnation);
            let may_run = matches!(record.state, DomainState::Running | DomainState::Exported);
            same && is_older && may_run
        };
        let record = records.iter().find(is_it);
        let Some(name) = record.and_then(|record| Name::try_new(record.name.as_str())) else {
            return Ok(());
        };
        // Root refuses one that is leaving. It is to stay, so that it is stopped when it is asked about again.
        self.moves.cancel(&self.host, now, name);
        self.host.outlive(name, domain, incarnation)
    }

    /// Begins a roll call for each domain that needs one and has none, and ends those that are not needed any more.
    pub(crate) fn update_roll_calls(&mut self, now: Instant) {
        let listed = self.host.all();
        let Some(records) = self.or_later(now, listed, Task::CallRolls) else {
            return;
        };
        let ledger = &self.moves.ledger;
        let needed = roll_calls::needed(&records, ledger.entries());
        let here = ledger.here();
        let host = &mut self.host;
        self.roll_calls
            .update(now, needed, (&here.fleet, here.timing), || {
                Turn(host.draw() as u64)
            });
    }

    /// Asks who is to be asked, and has root start what nobody has.
    pub(crate) fn call_rolls(&mut self, now: Instant) {
        let here = self.moves.ledger.here();
        let (own, boot, fleet) = (here.machine, here.boot, here.fleet.id());
        for (to, name, turn) in self.roll_calls.poll_asks(now) {
            if to != own {
                let message = Message::Asks(name, turn, fleet);
                self.send(to, &Envelope { boot, message });
            } else if let Some(standing) = self.standing(&name) {
                self.roll_calls.heard(now, own, (&name, turn), standing);
            }
        }
        for name in self.roll_calls.take_over() {
            // What is wrong is logged, and others are asked once more.
            let _ = self.start(now, name.as_str());
        }
    }

    /// Another machine asks for a domain. One that does not ask the same machines is not answered: it would take for lost what is on
    /// one that it does not know.
    pub(crate) fn answer_roll(
        &mut self,
        now: Instant,
        from: MachineId,
        fleet: FleetId,
        (name, turn): (nomad_protocol::Name, Turn),
    ) {
        let here = self.moves.ledger.here();
        let boot = here.boot;
        if fleet != here.fleet.id() {
            let asker = self.machines.address_of(from);
            return log::warn!("{asker:?} asks for {} with another fleet", name.as_str());
        }
        self.moves.ledger.ask_about(now, from, &name);
        if let Some(standing) = self.standing(&name) {
            let message = Message::Answers(name, turn, standing);
            self.send(from, &Envelope { boot, message });
        }
    }

    /// What this machine is to a domain of this name; nothing if that is not known: who asks goes on asking.
    fn standing(&mut self, name: &nomad_protocol::Name) -> Option<Standing> {
        match Name::try_new(name.as_str()).map(|name| self.host.find(name)) {
            Some(Ok(record)) if Purpose::of(&record).is_none() => Some(Standing::Holds {
                incarnation: Incarnation(record.incarnation),
                runs: self.may_run(&record),
            }),
            None | Some(Ok(_) | Err(RootError::Refused(Refusal::NoSuchDomain))) => {
                Some(self.moves.ledger.lacking())
            }
            Some(Err(error)) => {
                log::warn!("{}: {error}", name.as_str());
                None
            }
        }
    }

    /// Whether a copy runs here or may without another word: one that leaves may, until what becomes of it is in doubt; one that is
    /// prepared and one in doubt may as soon as that is settled so.
    fn may_run(&self, record: &DomainRecord) -> bool {
        let mut entries = self.moves.ledger.entries();
        let mut its = entries
            .by_ref()
            .filter(|entry| entry.offer.name.as_str() == record.name.as_str());
        match record.state {
            DomainState::Running => true,
            DomainState::Exported => its.all(|entry| {
                let stands = entry.doubt.is_some_and(Doubt::has_copy);
                entry.is_about_to_run || !stands
            }),
            DomainState::Prepared => its.any(|entry| entry.is_about_to_run),
            // An outlived one stands still, though its own move here may not be over.
            _ => false,
        }
    }

    /// Has root start a domain that nobody has. If it does not, others are asked again whether anybody has it.
    ///
    /// # Errors
    /// Root's refusal.
    pub(crate) fn start(&mut self, now: Instant, name: &str) -> Result<(), RootError> {
        let Some(name) = Name::try_new(name) else {
            log::error!("{name:?} is no name of a domain");
            return Err(RootError::Malformed);
        };
        match self.host.start(name) {
            // It came from another machine meanwhile.
            Ok(()) | Err(RootError::Refused(Refusal::AlreadyHere)) => Ok(()),
            Err(error) => {
                log::error!("{name} is not started: {error}");
                self.postpone(now, Task::CallRolls);
                Err(error)
            }
        }
    }

    /// What the calls of domains at home here have come to, a line each.
    pub fn home_lines(&self, now: Instant) -> Vec<String> {
        self.roll_calls.lines(now, &self.machines)
    }
}
