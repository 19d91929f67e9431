//! The ledger: all transactions of one machine, and what is said about those that it does not know.
//!
//! It passes messages to the transaction that they are about, if they come from that transaction's other machine; it
//! lets at most one unsettled transaction touch a domain; and it answers *Unknown* for what has no record, which under
//! this boot means aborted. So a restarted nomad must [`Ledger::resume`] from **all** records before it hears anything.
//! Which offers are taken is judged in `admission`.

mod admission;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::fmt;

use nomad_planner::Goals;

use crate::actions::{Action, Event};
use crate::context::Force;
use crate::fleet::Fleet;
use crate::identity::{BootId, DomainId, LifeId, MachineId, TransactionId};
use crate::messages::{Envelope, Message, Step};
use crate::offer::{Capabilities, Name, Offer};
use crate::reasons::{Doubt, PhaseName, Side};
use crate::record::{Progressed, Record};
use crate::roll_call::Standing;
use crate::source::{Cancelled, DomainState, Source};
use crate::target::{Offered, Target};
use crate::time::Instant;
use crate::timers::{Timer, Timing};
use crate::transfer::Transfer;

pub use admission::TARGETS_PER_PEER_MAX;

/// What a ledger knows of its own machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Here {
    /// The machine.
    pub machine: MachineId,
    /// Its boot.
    pub boot: BootId,
    /// The life of its migration server.
    pub life: LifeId,
    /// The machines that a domain may be on.
    pub fleet: Fleet,
    /// Transactions that it can keep records of.
    pub records_max: usize,
    /// What it is able to take.
    pub capabilities: Capabilities,
    /// The settings of its timers.
    pub timing: Timing,
}

/// All transactions of one machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ledger {
    here: Here,
    transfers: BTreeMap<TransactionId, Transfer>,
    /// Answers that belong to no transaction here.
    answers: VecDeque<(TransactionId, Action)>,
    /// Domains that have come here to run in this life.
    activated: u64,
}

/// One transaction as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Which one.
    pub transaction: TransactionId,
    /// Which side this machine is.
    pub side: Side,
    /// The other machine.
    pub peer: MachineId,
    /// What is moved.
    pub offer: &'a Offer,
    /// How far it is.
    pub phase: PhaseName,
    /// Why its outcome is in doubt, if it is.
    pub doubt: Option<Doubt>,
    /// Whether the copy here runs as soon as this machine has done what that takes.
    pub is_about_to_run: bool,
}

/// Why a domain cannot be offered now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferError {
    /// It is on that machine already.
    SameMachine,
    /// That machine does not belong to the fleet: the domain's home would not look for it there.
    NotInFleet,
    /// There is no room for the record of another transaction.
    RecordsFull,
    /// The transaction id was used before.
    TransactionUsed,
    /// Another transaction of the domain is not settled.
    Busy(TransactionId),
    /// The domain came here by this transaction, and the machine that it came from has not released its copy.
    NotReleased(TransactionId),
}

impl fmt::Display for OfferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OfferError::SameMachine => f.write_str("it is there already"),
            OfferError::NotInFleet => f.write_str("no machine of the fleet is there"),
            OfferError::RecordsFull => f.write_str("no room for a record of one more move"),
            OfferError::TransactionUsed => f.write_str("the transaction's number was used before"),
            OfferError::Busy(other) => write!(f, "transaction {other} is not over"),
            OfferError::NotReleased(other) => write!(
                f,
                "the machine that it came from, by transaction {other}, has not given its copy back"
            ),
        }
    }
}

impl Ledger {
    /// The ledger of a machine that was just started.
    pub fn new(here: Here) -> Self {
        Ledger {
            here,
            transfers: BTreeMap::new(),
            answers: VecDeque::new(),
            activated: 0,
        }
    }

    /// Goes on after nomad was restarted. `state_of` tells what the kernel says of a domain on this machine.
    pub fn resume(
        now: Instant,
        here: Here,
        records: impl IntoIterator<Item = Record>,
        mut state_of: impl FnMut(DomainId) -> DomainState,
    ) -> Self {
        let mut ledger = Ledger::new(here);
        for record in records {
            let transaction = record.transaction;
            let state = state_of(record.offer.domain);
            let transfer = resume_transfer(now, &ledger.here, record, state);
            ledger.transfers.insert(transaction, transfer);
        }
        // What was open and is aborted is over as soon as it is resumed.
        ledger.drop_all_finished();
        ledger
    }

    /// Starts to move a domain to `target`. `transaction` must be drawn at random.
    pub fn offer(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        target: MachineId,
        offer: Offer,
        goals: Goals,
    ) -> Result<(), OfferError> {
        if target == self.here.machine {
            return Err(OfferError::SameMachine);
        }
        if !self.here.fleet.contains(target) {
            return Err(OfferError::NotInFleet);
        }
        if self.transfers.contains_key(&transaction) {
            return Err(OfferError::TransactionUsed);
        }
        match self.unsettled(offer.domain) {
            Some((other, Transfer::Target(there))) if there.phase() == PhaseName::Activate => {
                return Err(OfferError::NotReleased(other));
            }
            Some((other, _)) => return Err(OfferError::Busy(other)),
            None => {}
        }
        if self.is_full() {
            return Err(OfferError::RecordsFull);
        }
        let Here { boot, timing, .. } = self.here;
        let source = Source::new(now, boot, target, transaction, offer, goals, timing);
        self.transfers.insert(transaction, Transfer::Source(source));
        Ok(())
    }

    /// Machine `from`, as the channel has authenticated it, says something.
    pub fn handle_message(&mut self, now: Instant, from: MachineId, envelope: Envelope) {
        let Message::About(transaction, step) = envelope.message else {
            // A hello is the discovery's business, a roll call that of the domain's home, a late frame the shell's.
            return;
        };
        match self.transfers.get_mut(&transaction) {
            Some(transfer) if transfer.peer() == from => {
                transfer.handle_message(now, envelope.boot, step);
                self.drop_finished(transaction);
            }
            // Somebody else's transaction: not even its existence is told.
            Some(_) => {}
            None => match step {
                Step::Offer(offer) => {
                    self.offered(
                        now,
                        Offered {
                            transaction,
                            source: from,
                            boot: envelope.boot,
                            offer,
                        },
                    );
                }
                step => self.unknown(from, transaction, &step),
            },
        }
    }

    /// `from`, the home of a domain of this name, wants to start it: what came from there and is not settled is asked
    /// about at once.
    pub fn ask_about(&mut self, now: Instant, from: MachineId, name: &Name) {
        for transfer in self.transfers.values_mut() {
            if let Transfer::Target(target) = transfer
                && target.source() == from
                && target.offer().name == *name
            {
                target.ask(now);
            }
        }
    }

    /// The shell answers an action of `transaction`, or reports. What comes too late for it is ignored.
    pub fn handle_event(&mut self, now: Instant, transaction: TransactionId, event: Event) {
        if let Some(transfer) = self.transfers.get_mut(&transaction) {
            transfer.handle_event(now, event);
            self.drop_finished(transaction);
        }
    }

    /// Lets everything happen that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        for transfer in self.transfers.values_mut() {
            transfer.handle_timeout(now);
        }
        self.drop_all_finished();
    }

    /// Lets one armed timer of a transaction fire, due or not.
    pub fn expire(&mut self, now: Instant, transaction: TransactionId, timer: Timer) {
        if let Some(transfer) = self.transfers.get_mut(&transaction) {
            transfer.expire(now, timer);
            self.drop_finished(transaction);
        }
    }

    /// The operator wants a domain to stay where it is.
    pub fn cancel(&mut self, now: Instant, transaction: TransactionId) -> Cancelled {
        let Some(transfer) = self.transfers.get_mut(&transaction) else {
            return Cancelled::TooLate;
        };
        let cancelled = transfer.cancel(now);
        self.drop_finished(transaction);
        cancelled
    }

    /// The operator settles what is in doubt. Says whether there was a doubt to settle.
    pub fn force(&mut self, now: Instant, transaction: TransactionId, force: Force) -> bool {
        let Some(transfer) = self.transfers.get_mut(&transaction) else {
            return false;
        };
        let forced = transfer.force(now, force);
        self.drop_finished(transaction);
        forced
    }

    /// The next thing to do and for which transaction, if any. The shell performs them in this order.
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

    /// All transactions that are not over.
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

    /// The machine that this is the ledger of.
    pub fn here(&self) -> &Here {
        &self.here
    }

    /// What this machine is to a domain of a name of which it holds none.
    pub fn lacking(&self) -> Standing {
        Standing::Lacks {
            life: self.here.life,
            activated: self.activated,
        }
    }

    /// Whether there are as many transactions as there is room for records. Each has one.
    fn is_full(&self) -> bool {
        self.transfers.len() >= self.here.records_max
    }

    /// Something is said about a transaction of which there is no record.
    fn unknown(&mut self, from: MachineId, transaction: TransactionId, step: &Step) {
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
            boot: self.here.boot,
            message: Message::About(transaction, step),
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

    /// A finished transaction is unknown at once; what it still has to do is kept in order.
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

/// Is a copy of the domain on this machine no longer this transaction's business?
fn is_settled(transfer: &Transfer) -> bool {
    match transfer {
        Transfer::Source(source) => source.is_released(),
        Transfer::Target(_) => false,
    }
}

fn resume_transfer(now: Instant, here: &Here, record: Record, state: DomainState) -> Transfer {
    let (boot, timing) = (here.boot, here.timing);
    let resumed = match record.progress {
        Progressed::SourceOpen
        | Progressed::SourceCommitting { .. }
        | Progressed::SourceReleasing { .. }
        | Progressed::SourceReleased { .. } => {
            Source::resume(now, boot, record, state, timing).map(Transfer::Source)
        }
        Progressed::TargetOpen
        | Progressed::TargetPrepared { .. }
        | Progressed::TargetActivating { .. }
        | Progressed::TargetActivated { .. } => {
            Target::resume(now, boot, record, timing).map(Transfer::Target)
        }
    };
    resumed.expect("every record is resumed by its own side")
}
