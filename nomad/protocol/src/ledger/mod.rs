//! The ledger: all transactions of one machine, and the replies to messages about transactions without a record.
//!
//! It passes a message to its transaction, if the sender is that transaction's peer. It allows at most one unsettled
//! transaction per domain. If there is no record of a transaction, it replies *Unknown*. From a source that has not
//! rebooted, that means that the transaction was aborted, or that an operator there has dropped the source's copy and then
//! ended the transaction. So a restarted migration server must [`Ledger::resume`] from
//! **all** records before it receives anything. `outgoing` offers domains of this machine, `admission` judges the
//! offers of others.

mod admission;
mod outgoing;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use identity::{DomainId, Name};
use nomad_planner::MoveOptions;

use crate::actions::{Action, Event};
use crate::context::{Facts, Force};
use crate::fleet::Fleet;
use crate::ids::{BootId, LifeId, MachineId, TransactionId};
use crate::messages::{Envelope, Message, Step, StreamHeader};
use crate::offer::{MachineSupport, Offer};
use crate::reasons::{Doubt, PhaseName, Side};
use crate::record::Record;
use crate::roll_call::Presence;
use crate::time::Instant;
use crate::timers::{Timer, Timing};
use crate::transaction::{Cancelled, DomainState, TooLate, Transaction};

pub use admission::INCOMING_PER_PEER_MAX;
pub use outgoing::OfferError;

/// The machine that a ledger belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LocalMachine {
    /// Its id.
    pub machine: MachineId,
    /// Its current boot.
    pub boot: BootId,
    /// The life of its migration server: a number drawn when the server started.
    pub life: LifeId,
    /// The machines that the image names. If this machine is not among them, it is a guest.
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
    transactions: BTreeMap<TransactionId, Transaction>,
    /// Actions whose transactions are not in `transactions`: replies about unknown transactions, and the last actions
    /// of finished ones.
    detached: VecDeque<(TransactionId, Action)>,
    /// The number of domains activated here since the migration server started.
    activated: u64,
}

/// An unfinished transaction, as [`Ledger::entries`] returns it.
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
    /// The options of the operator who began the move here.
    pub options: &'a MoveOptions,
    /// Its phase.
    pub phase: PhaseName,
    /// The reason its outcome is in doubt, if it is.
    pub doubt: Option<Doubt>,
    /// Whether the copy here will run as soon as this machine has completed its own steps.
    pub is_about_to_run: bool,
}

impl Ledger {
    /// The ledger of a machine that has just booted: it has no transactions.
    pub fn new(local: LocalMachine) -> Self {
        Ledger {
            local,
            transactions: BTreeMap::new(),
            detached: VecDeque::new(),
            activated: 0,
        }
    }

    /// Continues after a restart of the migration server. `state_of` returns the kernel's state of a domain on this machine.
    pub fn resume(
        now: Instant,
        local: LocalMachine,
        records: impl IntoIterator<Item = Record>,
        mut state_of: impl FnMut(DomainId) -> DomainState,
    ) -> Self {
        let mut ledger = Ledger::new(local);
        for record in records {
            let (id, progress) = (record.transaction, record.progress);
            let state = state_of(record.offer.domain);
            let facts = ledger.facts(id, record.peer, record.offer);
            let timing = ledger.local.timing;
            let transaction = Transaction::resume(now, timing, facts, progress, state);
            ledger.transactions.insert(id, transaction);
        }
        // Resuming an open transaction aborts it. A source's transaction is then finished at once.
        ledger.drop_all_finished();
        ledger
    }

    /// Handles a message of machine `from`, which the channel has authenticated.
    pub fn handle_message(&mut self, now: Instant, from: MachineId, envelope: Envelope) {
        let Message::Transaction(id, step) = envelope.message else {
            // The shell handles roll calls and late frames.
            return;
        };
        match self.transactions.get_mut(&id) {
            Some(transaction) if transaction.peer() == from => {
                transaction.handle_message(now, envelope.boot, step);
                self.drop_finished(id);
            }
            // A transaction of other machines: not even its existence is revealed.
            Some(_) => {}
            None => match step {
                Step::Offer(offer) => {
                    let offered = self.facts(id, from, offer);
                    self.handle_offer(now, offered, envelope.boot);
                }
                step => self.handle_unknown(from, id, &step),
            },
        }
    }

    /// Queries at once the outcome of every transaction that is bringing a domain of this name from machine `from`,
    /// because `from` is the domain's home and wants to start it.
    pub fn probe(&mut self, now: Instant, from: MachineId, name: Name) {
        for transaction in self.transactions.values_mut() {
            if transaction.is_incoming_from(from) && transaction.offer().name == name {
                transaction.probe(now);
            }
        }
    }

    /// Handles the shell's report on an action of a transaction. A report that comes too late is ignored.
    pub fn handle_event(&mut self, now: Instant, id: TransactionId, event: Event) {
        if let Some(transaction) = self.transactions.get_mut(&id) {
            transaction.handle_event(now, event);
            self.drop_finished(id);
        }
    }

    /// Handles all timers that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        for transaction in self.transactions.values_mut() {
            transaction.handle_timeout(now);
        }
        self.drop_all_finished();
    }

    /// Fires one armed timer of a transaction, due or not.
    pub fn expire(&mut self, now: Instant, id: TransactionId, timer: Timer) {
        if let Some(transaction) = self.transactions.get_mut(&id) {
            transaction.expire(now, timer);
            self.drop_finished(id);
        }
    }

    /// Cancels a move, as the operator asked.
    ///
    /// # Errors
    /// [`TooLate`].
    pub fn cancel(&mut self, now: Instant, id: TransactionId) -> Result<Cancelled, TooLate> {
        let transaction = self.transactions.get_mut(&id).ok_or(TooLate)?;
        let cancelled = transaction.cancel(now);
        self.drop_finished(id);
        cancelled
    }

    /// Settles a transaction in doubt, as the operator decided; returns whether the decision settles its doubt.
    pub fn force(&mut self, now: Instant, id: TransactionId, force: Force) -> bool {
        let Some(transaction) = self.transactions.get_mut(&id) else {
            return false;
        };
        let forced = transaction.force(now, force);
        self.drop_finished(id);
        forced
    }

    /// The next action and its transaction, if there is one. The shell performs actions in the order in which they are
    /// returned.
    pub fn poll_action(&mut self) -> Option<(TransactionId, Action)> {
        let detached = self.detached.pop_front();
        let next = detached.or_else(|| {
            let mut transactions = self.transactions.iter_mut();
            transactions.find_map(|(id, transaction)| Some((*id, transaction.poll_action()?)))
        })?;
        self.activated += u64::from(next.1.begins_activation());
        Some(next)
    }

    /// Whether [`Ledger::poll_action`] has an action.
    pub fn has_action(&self) -> bool {
        let mut transactions = self.transactions.values();
        !self.detached.is_empty() || transactions.any(Transaction::has_action)
    }

    /// The time at which to call [`Ledger::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.transactions
            .values()
            .filter_map(Transaction::poll_timeout)
            .min()
    }

    /// Whether the destination of this transaction awaits a segment of the page stream with this header.
    pub fn awaits(&self, id: TransactionId, header: &StreamHeader) -> bool {
        let transaction = self.transactions.get(&id);
        transaction.is_some_and(|transaction| transaction.awaits(header))
    }

    /// All unfinished transactions.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.transactions.iter().map(|(id, transaction)| Entry {
            transaction: *id,
            side: transaction.side(),
            peer: transaction.peer(),
            offer: transaction.offer(),
            options: transaction.options(),
            phase: transaction.phase(),
            doubt: transaction.doubt(),
            is_about_to_run: transaction.is_about_to_run(),
        })
    }

    /// The transactions that have armed this timer.
    pub fn armed(&self, timer: Timer) -> impl Iterator<Item = TransactionId> {
        self.transactions
            .iter()
            .filter(move |(_, transaction)| transaction.is_armed(timer))
            .map(|(id, _)| *id)
    }

    /// The machine that the ledger belongs to.
    pub fn local(&self) -> &LocalMachine {
        &self.local
    }

    /// This machine's reply to a roll call of a domain that it does not have.
    pub fn absence(&self) -> Presence {
        Presence::Absent {
            life: self.local.life,
            activated: self.activated,
        }
    }

    /// The constants of one of this machine's transactions.
    fn facts(&self, transaction: TransactionId, peer: MachineId, offer: Offer) -> Facts {
        Facts {
            transaction,
            local_boot: self.local.boot,
            peer,
            offer,
            options: MoveOptions::default(),
        }
    }

    /// Whether there is no room for another record. Each transaction has one.
    fn is_full(&self) -> bool {
        self.transactions.len() >= self.local.records_max
    }

    /// Handles a step of a transaction without a record.
    fn handle_unknown(&mut self, from: MachineId, id: TransactionId, step: &Step) {
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
            self.detached.push_back((id, outlived));
        } else if let Some(reply) = step.reply_if_unknown() {
            self.reply(from, id, reply);
        }
    }

    fn reply(&mut self, to: MachineId, id: TransactionId, step: Step) {
        let envelope = Envelope {
            boot: self.local.boot,
            message: Message::Transaction(id, step),
        };
        self.detached.push_back((id, Action::Send { to, envelope }));
    }

    fn drop_all_finished(&mut self) {
        let ids: Vec<TransactionId> = self.transactions.keys().copied().collect();
        for id in ids {
            self.drop_finished(id);
        }
    }

    /// Drops a transaction if it is finished; its remaining actions are kept in order.
    fn drop_finished(&mut self, id: TransactionId) {
        if self
            .transactions
            .get(&id)
            .is_some_and(|transaction| transaction.phase() == PhaseName::Finished)
        {
            let mut transaction = self.transactions.remove(&id).expect("just found");
            while let Some(action) = transaction.poll_action() {
                self.detached.push_back((id, action));
            }
        }
    }
}
