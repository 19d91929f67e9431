//! The ledger: all transactions of one machine, and the answers for those that it has no record of.
//!
//! It passes a message to its transaction, if it comes from that transaction's other machine; it allows at most one
//! unsettled transaction per domain; and it answers *Unknown* where there is no record, which under this boot means
//! aborted. So a restarted migration server must [`Ledger::resume`] from **all** records before it receives anything.
//! `admission` judges incoming offers.

mod admission;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::fmt;

use identity::{DomainId, Name};
use nomad_planner::Goals;

use crate::actions::{Action, Event};
use crate::context::Force;
use crate::destination::{Destination, IncomingOffer};
use crate::fleet::Fleet;
use crate::ids::{BootId, LifeId, MachineId, TransactionId};
use crate::messages::{Envelope, Message, Step};
use crate::offer::{MachineSupport, Offer};
use crate::reasons::{Doubt, PhaseName, Side};
use crate::record::{Record, RecordedProgress};
use crate::roll_call::Presence;
use crate::source::{Cancelled, DomainState, Source};
use crate::time::Instant;
use crate::timers::{Timer, Timing};
use crate::transfer::Transfer;

pub use admission::INCOMING_PER_PEER_MAX;

/// A ledger's own machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LocalMachine {
    /// Its id.
    pub machine: MachineId,
    /// Its boot.
    pub boot: BootId,
    /// The life of its migration server.
    pub life: LifeId,
    /// The machines that a domain may be on.
    pub fleet: Fleet,
    /// The most transactions that it can keep records of.
    pub records_max: usize,
    /// The versions and CPU features that it supports.
    pub support: MachineSupport,
    /// The settings of its timers.
    pub timing: Timing,
}

/// All transactions of one machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ledger {
    local: LocalMachine,
    transfers: BTreeMap<TransactionId, Transfer>,
    /// Answers that belong to no transaction here.
    answers: VecDeque<(TransactionId, Action)>,
    /// The number of domains activated here in this life.
    activated: u64,
}

/// One listed transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The transaction.
    pub transaction: TransactionId,
    /// This machine's side.
    pub side: Side,
    /// The other machine.
    pub peer: MachineId,
    /// The domain that is moved.
    pub offer: &'a Offer,
    /// Its phase.
    pub phase: PhaseName,
    /// The reason its outcome is in doubt, if it is.
    pub doubt: Option<Doubt>,
    /// Whether the copy here runs once this machine has completed its own steps.
    pub is_about_to_run: bool,
}

/// The reason a domain cannot be offered now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferError {
    /// It is on that machine already.
    SameMachine,
    /// That machine does not belong to the fleet: the domain's home would not look for it there.
    NotInFleet,
    /// There is no room for another transaction's record.
    RecordsFull,
    /// The transaction id was used before.
    TransactionUsed,
    /// Another transaction of the domain is not settled.
    Busy(TransactionId),
    /// The domain came here under this transaction, and its source has not released its copy.
    NotReleased(TransactionId),
}

impl fmt::Display for OfferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OfferError::SameMachine => f.write_str("it is there already"),
            OfferError::NotInFleet => f.write_str("no machine of the fleet has that address"),
            OfferError::RecordsFull => f.write_str("no room for another move's record"),
            OfferError::TransactionUsed => f.write_str("the transaction's number was used before"),
            OfferError::Busy(other) => write!(f, "transaction {other} has not ended"),
            OfferError::NotReleased(other) => write!(
                f,
                "the machine that it came from, in transaction {other}, has not released its copy"
            ),
        }
    }
}

impl Ledger {
    /// The ledger of a machine that was just started.
    pub fn new(local: LocalMachine) -> Self {
        Ledger {
            local,
            transfers: BTreeMap::new(),
            answers: VecDeque::new(),
            activated: 0,
        }
    }

    /// Continues after a restart of the migration server. `state_of` is the kernel's state of a domain on this machine.
    pub fn resume(
        now: Instant,
        local: LocalMachine,
        records: impl IntoIterator<Item = Record>,
        mut state_of: impl FnMut(DomainId) -> DomainState,
    ) -> Self {
        let mut ledger = Ledger::new(local);
        for record in records {
            let transaction = record.transaction;
            let state = state_of(record.offer.domain);
            let transfer = resume_transfer(now, &ledger.local, record, state);
            ledger.transfers.insert(transaction, transfer);
        }
        // An open transaction is aborted by its resumption, and finished at once.
        ledger.drop_all_finished();
        ledger
    }

    /// Starts to move a domain to `destination`. `transaction` must be drawn at random.
    pub fn offer(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        destination: MachineId,
        offer: Offer,
        goals: Goals,
    ) -> Result<(), OfferError> {
        if destination == self.local.machine {
            return Err(OfferError::SameMachine);
        }
        if !self.local.fleet.contains(destination) {
            return Err(OfferError::NotInFleet);
        }
        if self.transfers.contains_key(&transaction) {
            return Err(OfferError::TransactionUsed);
        }
        match self.unsettled(offer.domain) {
            Some((other, Transfer::Destination(there))) if there.phase() == PhaseName::Activate => {
                return Err(OfferError::NotReleased(other));
            }
            Some((other, _)) => return Err(OfferError::Busy(other)),
            None => {}
        }
        if self.is_full() {
            return Err(OfferError::RecordsFull);
        }
        let LocalMachine { boot, timing, .. } = self.local;
        let source = Source::new(now, boot, destination, transaction, offer, goals, timing);
        self.transfers.insert(transaction, Transfer::Source(source));
        Ok(())
    }

    /// Handles a message of machine `from`, which the channel has authenticated.
    pub fn handle_message(&mut self, now: Instant, from: MachineId, envelope: Envelope) {
        let Message::Transaction(transaction, step) = envelope.message else {
            // The shell handles roll calls and late frames; Hello is for discovery.
            return;
        };
        match self.transfers.get_mut(&transaction) {
            Some(transfer) if transfer.peer() == from => {
                transfer.handle_message(now, envelope.boot, step);
                self.drop_finished(transaction);
            }
            // A transaction of other machines: not even its existence is revealed.
            Some(_) => {}
            None => match step {
                Step::Offer(offer) => {
                    self.handle_offer(
                        now,
                        IncomingOffer {
                            transaction,
                            source: from,
                            boot: envelope.boot,
                            offer,
                        },
                    );
                }
                step => self.handle_unknown(from, transaction, &step),
            },
        }
    }

    /// Queries at once the outcome of unsettled transactions that brought a domain of this name from `from`, its home,
    /// which wants to start it.
    pub fn probe(&mut self, now: Instant, from: MachineId, name: Name) {
        for transfer in self.transfers.values_mut() {
            if let Transfer::Destination(destination) = transfer
                && destination.source() == from
                && destination.offer().name == name
            {
                destination.probe(now);
            }
        }
    }

    /// Handles the shell's report on an action of `transaction`. One that comes too late is ignored.
    pub fn handle_event(&mut self, now: Instant, transaction: TransactionId, event: Event) {
        if let Some(transfer) = self.transfers.get_mut(&transaction) {
            transfer.handle_event(now, event);
            self.drop_finished(transaction);
        }
    }

    /// Handles all timers that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        for transfer in self.transfers.values_mut() {
            transfer.handle_timeout(now);
        }
        self.drop_all_finished();
    }

    /// Fires one armed timer of a transaction, due or not.
    pub fn expire(&mut self, now: Instant, transaction: TransactionId, timer: Timer) {
        if let Some(transfer) = self.transfers.get_mut(&transaction) {
            transfer.expire(now, timer);
            self.drop_finished(transaction);
        }
    }

    /// Cancels a move, as the operator asked.
    pub fn cancel(&mut self, now: Instant, transaction: TransactionId) -> Cancelled {
        let Some(transfer) = self.transfers.get_mut(&transaction) else {
            return Cancelled::TooLate;
        };
        let cancelled = transfer.cancel(now);
        self.drop_finished(transaction);
        cancelled
    }

    /// Settles a doubt, as the operator decided; returns whether there was one.
    pub fn force(&mut self, now: Instant, transaction: TransactionId, force: Force) -> bool {
        let Some(transfer) = self.transfers.get_mut(&transaction) else {
            return false;
        };
        let forced = transfer.force(now, force);
        self.drop_finished(transaction);
        forced
    }

    /// The next action and its transaction, if there is one. The shell performs them in this order.
    pub fn poll_action(&mut self) -> Option<(TransactionId, Action)> {
        let answer = self.answers.pop_front();
        let next = answer.or_else(|| {
            let mut transfers = self.transfers.iter_mut();
            transfers.find_map(|(id, transfer)| Some((*id, transfer.poll_action()?)))
        })?;
        self.activated += u64::from(next.1.begins_activation());
        Some(next)
    }

    /// When to call [`Ledger::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.transfers
            .values()
            .filter_map(Transfer::poll_timeout)
            .min()
    }

    /// All unfinished transactions.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.transfers.iter().map(|(transaction, transfer)| Entry {
            transaction: *transaction,
            side: transfer.side(),
            peer: transfer.peer(),
            offer: transfer.offer(),
            phase: transfer.phase(),
            doubt: transfer.doubt(),
            is_about_to_run: transfer.is_about_to_run(),
        })
    }

    /// The transactions whose timer of this kind can fire.
    pub fn armed(&self, timer: Timer) -> impl Iterator<Item = TransactionId> {
        self.transfers
            .iter()
            .filter(move |(_, transfer)| transfer.is_armed(timer))
            .map(|(transaction, _)| *transaction)
    }

    /// The ledger's own machine.
    pub fn local(&self) -> &LocalMachine {
        &self.local
    }

    /// This machine's reply about a name of which it has no domain.
    pub fn absence(&self) -> Presence {
        Presence::Absent {
            life: self.local.life,
            activated: self.activated,
        }
    }

    /// Whether there is no room for another record. Each transaction has one.
    fn is_full(&self) -> bool {
        self.transfers.len() >= self.local.records_max
    }

    /// Handles a step of a transaction of which there is no record.
    fn handle_unknown(&mut self, from: MachineId, transaction: TransactionId, step: &Step) {
        if let Step::Activated {
            domain,
            incarnation,
        } = *step
        {
            let by = from;
            let outlived = Action::Outlived {
                domain,
                incarnation,
                by,
            };
            self.answers.push_back((transaction, outlived));
        } else if let Some(answer) = step.answer_unknown() {
            self.answer(from, transaction, answer);
        }
    }

    fn unsettled(&self, domain: DomainId) -> Option<(TransactionId, &Transfer)> {
        let touches =
            |transfer: &Transfer| transfer.offer().domain == domain && !is_settled(transfer);
        let found = self
            .transfers
            .iter()
            .find(|(_, transfer)| touches(transfer))?;
        Some((*found.0, found.1))
    }

    fn answer(&mut self, to: MachineId, transaction: TransactionId, step: Step) {
        let envelope = Envelope {
            boot: self.local.boot,
            message: Message::Transaction(transaction, step),
        };
        self.answers
            .push_back((transaction, Action::Send { to, envelope }));
    }

    fn drop_all_finished(&mut self) {
        let transactions: Vec<TransactionId> = self.transfers.keys().copied().collect();
        for transaction in transactions {
            self.drop_finished(transaction);
        }
    }

    /// Drops a transaction if it is finished; its remaining actions are kept in order.
    fn drop_finished(&mut self, transaction: TransactionId) {
        if self
            .transfers
            .get(&transaction)
            .is_some_and(|transfer| transfer.phase() == PhaseName::Finished)
        {
            let mut transfer = self.transfers.remove(&transaction).expect("just found");
            while let Some(action) = transfer.poll_action() {
                self.answers.push_back((transaction, action));
            }
        }
    }
}

/// Whether this transaction no longer concerns a copy of the domain on this machine.
fn is_settled(transfer: &Transfer) -> bool {
    match transfer {
        Transfer::Source(source) => source.is_released(),
        Transfer::Destination(_) => false,
    }
}

fn resume_transfer(
    now: Instant,
    local: &LocalMachine,
    record: Record,
    state: DomainState,
) -> Transfer {
    let (boot, timing) = (local.boot, local.timing);
    let resumed = match record.progress {
        RecordedProgress::SourceOpen
        | RecordedProgress::SourceCommitting { .. }
        | RecordedProgress::SourceReleasing { .. }
        | RecordedProgress::SourceReleased { .. } => {
            Source::resume(now, boot, record, state, timing).map(Transfer::Source)
        }
        RecordedProgress::DestinationOpen
        | RecordedProgress::DestinationPrepared { .. }
        | RecordedProgress::DestinationActivating { .. }
        | RecordedProgress::DestinationActivated { .. } => {
            Destination::resume(now, boot, record, timing).map(Transfer::Destination)
        }
    };
    resumed.expect("every record is resumed by its own side")
}
