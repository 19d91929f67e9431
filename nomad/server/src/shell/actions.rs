//! What the ledger asks for, done in the order in which it asks.

use alloc::format;
use alloc::string::{String, ToString};

use nomad_image::Name;
use nomad_protocol::{Action, DomainId, Incarnation, MachineId, Notice, TransactionId};
use runtime::protocol::root::{DomainRecord, DomainState};

use crate::shell::{Job, Shell, What};

impl Shell {
    /// Performs all that the ledger asks for. Datagrams are left in the outbox.
    pub fn settle(&self) {
        while !self.is_held() {
            let next = self.ledger.borrow_mut().poll_action();
            let Some((transaction, action)) = next else {
                return;
            };
            self.perform(transaction, action);
        }
    }

    fn perform(&self, transaction: TransactionId, action: Action) {
        match action {
            Action::Send { to, envelope } => self.send(to, &envelope.encode()),
            Action::Record(record) => self.records.borrow_mut().keep(&record),
            Action::Forget => self.records.borrow_mut().end(transaction),
            Action::Notify(notice) => {
                self.tell(transaction, &notice);
                if let Notice::InDoubt(_) = notice {
                    self.update_roll_calls();
                }
                self.note_end(transaction, notice);
                if let Notice::Finished | Notice::Aborted(_) = notice {
                    self.drop_transaction(transaction);
                }
            }
            Action::Outlived {
                domain,
                incarnation,
                by,
            } => self.outlive(domain, incarnation, by),
            Action::CloseStream => self.close_stream(transaction),
            Action::Source(action) => self.perform_source(transaction, action),
            Action::Target(action) => self.perform_target(transaction, action),
        }
    }

    fn close_stream(&self, transaction: TransactionId) {
        if self.outgoing.borrow().contains_key(&transaction) {
            let what = What::Close;
            // A full queue means that the sender is busy: it notices when the transaction is over.
            let _ = self.jobs.try_send(Job { transaction, what });
        } else {
            self.stream_over.iter().for_each(|over| over.signal(()));
        }
    }

    /// Another machine runs this incarnation of a domain. An older copy that runs here was forced to.
    fn outlive(&self, domain: DomainId, incarnation: Incarnation, by: MachineId) {
        let records = match self.machine.root.all() {
            Ok(records) => records,
            Err(error) => return log::error!("root does not list its domains: {error}"),
        };
        let is_it = |record: &&DomainRecord| {
            let same = u128::from_le_bytes(record.id.0) == domain.0;
            let is_older = Incarnation(record.incarnation).is_outlived_by(incarnation);
            same && is_older && record.state == DomainState::Running
        };
        let Some(record) = records.iter().find(is_it) else {
            return;
        };
        let Some(name) = Name::try_new(record.name.as_str()) else {
            return;
        };
        log::error!("{name} runs on {by:?} and is younger there: the copy here stands still");
        if let Err(error) = self.machine.root.outlive(name, record.id.0, incarnation.0) {
            log::error!("{name} cannot be stopped: {error}");
        }
    }

    /// Gives up a copy that was outlived.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn drop_outlived(&self, name: Name) -> Result<(), String> {
        let root = self.machine.root;
        let (record, _) = root.find(name).map_err(|error| error.to_string())?;
        if record.state != DomainState::Outlived {
            return Err(format!("nothing is in doubt about {name} here"));
        }
        let dropped = root.discard(name, record.id.0);
        dropped.map_err(|error| error.to_string())?;
        self.update_roll_calls();
        Ok(())
    }

    /// Nothing more will be asked of this transaction.
    fn drop_transaction(&self, transaction: TransactionId) {
        self.update_roll_calls();
        self.outgoing.borrow_mut().remove(&transaction);
        if let Some(incoming) = self.incoming.borrow_mut().remove(&transaction) {
            incoming.finish();
        }
        self.operators.borrow_mut().remove(&transaction);
    }
}
