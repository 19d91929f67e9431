//! nomad's records as its machine keeps them: they outlive nomad and die with the machine.
//!
//! Replacing a record takes two writes: the new one is written, then the older one is erased. If nomad dies between the
//! two, both are found when it is started again. The newer one counts, and the older one is erased before anything else:
//! otherwise it would be the record of a transaction that is long over.

use std::collections::BTreeMap;

use nomad_protocol::{Record, TransactionId};

/// The records of one machine, as bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Records {
    newest: BTreeMap<TransactionId, Vec<u8>>,
    /// Left by a nomad that died between the two writes.
    older: BTreeMap<TransactionId, Vec<u8>>,
}

impl Records {
    /// Replaces the record of its transaction. Returns the one that was erased, if there was one.
    pub fn keep(&mut self, record: &Record) -> Option<Vec<u8>> {
        self.newest.insert(record.transaction, record.encode())
    }

    /// Erases the record of a transaction.
    pub fn forget(&mut self, transaction: TransactionId) {
        self.newest.remove(&transaction);
    }

    /// nomad died after it had replaced the record `older` and before it had erased it.
    pub fn leave(&mut self, transaction: TransactionId, older: Vec<u8>) {
        self.older.insert(transaction, older);
    }

    /// Reads the newest record of every transaction, and erases the older ones.
    pub fn load(&mut self) -> Vec<Record> {
        let newest = self.load_and_keep_older();
        self.older.clear();
        newest
    }

    /// Reads the newest record of every transaction, and leaves the older ones: that is a fault.
    pub fn load_and_keep_older(&mut self) -> Vec<Record> {
        for (transaction, older) in &self.older {
            let newest = self.newest.entry(*transaction);
            newest.or_insert_with(|| older.clone());
        }
        let records = self.newest.values();
        records
            .map(|bytes| Record::decode(bytes).expect("nomad wrote it"))
            .collect()
    }

    /// Loses everything.
    pub fn clear(&mut self) {
        *self = Records::default();
    }

    /// The transactions that have a record.
    pub fn transactions(&self) -> impl Iterator<Item = TransactionId> {
        let older = self.older.keys();
        let only_older = older.filter(|transaction| !self.newest.contains_key(transaction));
        self.newest.keys().chain(only_older).copied()
    }
}

#[cfg(test)]
mod tests {
    use nomad_protocol::{Progressed, Timing};

    use super::*;
    use crate::machine::{DOMAIN, Machine, Mutant, machine_id};

    fn record(progress: Progressed) -> Record {
        let mut machine = Machine::new(0, 1, Timing::default(), 1, Mutant::None);
        machine.kernel.create(DOMAIN, 1);
        Record {
            transaction: TransactionId(1),
            peer: machine_id(1),
            offer: machine.offer(DOMAIN).expect("it is there"),
            progress,
        }
    }

    #[test]
    fn of_two_records_of_a_transaction_the_newer_one_counts() {
        let mut records = Records::default();
        let [older, newer] = [Progressed::SourceOpen, Progressed::TargetOpen].map(record);
        assert_eq!(records.keep(&older), None);
        let erased = records.keep(&newer).expect("it replaced one");
        records.leave(newer.transaction, erased);
        assert_eq!(records.load(), vec![newer.clone()]);
        records.forget(newer.transaction);
        assert_eq!(records.load(), []);
    }

    #[test]
    fn an_older_record_that_is_not_erased_comes_back() {
        let mut records = Records::default();
        let [older, newer] = [Progressed::SourceOpen, Progressed::TargetOpen].map(record);
        records.keep(&older);
        let erased = records.keep(&newer).expect("it replaced one");
        records.leave(newer.transaction, erased);
        assert_eq!(records.load_and_keep_older(), vec![newer.clone()]);
        records.forget(newer.transaction);
        assert_eq!(records.load_and_keep_older(), [older]);
    }
}
