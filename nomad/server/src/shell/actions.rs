//! What the ledger asks for, done in the order in which it asks.

use nomad_protocol::{Action, Notice, TransactionId};

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
            Action::Record(record) => {
                if !self.records.borrow_mut().keep(&record) {
                    log::error!("there is no room for a record of {}", record.transaction);
                }
            }
            Action::Forget => self.records.borrow_mut().end(transaction),
            Action::Notify(notice) => {
                self.tell(transaction, &notice);
                self.note_end(transaction, notice);
                if let Notice::Finished | Notice::Aborted(_) = notice {
                    self.drop_transaction(transaction);
                }
            }
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

    /// Nothing more will be asked of this transaction.
    fn drop_transaction(&self, transaction: TransactionId) {
        self.outgoing.borrow_mut().remove(&transaction);
        if let Some(incoming) = self.incoming.borrow_mut().remove(&transaction) {
            incoming.finish();
        }
        self.operators.borrow_mut().remove(&transaction);
    }
}
