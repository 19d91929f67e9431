//! nomad's records as its machine stores them: they outlive nomad and die with the machine.
//!
//! The simulation stores them as bytes, with nomad's own code ([`nomad_shell::Records`]). An exploration has to recognize
//! equal states, so it stores them in the plainest form. In both forms nomad writes the new record before it erases the
//! old one. If it dies in between, both are in the store after the restart, and the newer one counts.

use std::collections::BTreeMap;

use nomad_protocol::{BootId, Record, TransactionId};
use nomad_shell::{ByteStore, Records, StableStorage as _};

/// Bytes before the slots of the records.
const HEAD_BYTES: usize = 4096;
/// Bytes of a record's slot.
const SLOT_BYTES: usize = 1024;

/// The memory for records, and the point of nomad's death if it is about to die.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bytes {
    bytes: Vec<u8>,
    fuse: Option<Fuse>,
    /// Whether all writes are ignored, so that a restarted nomad does not erase older records when it opens the store (the
    /// mutant [`OlderRecordStays`](crate::machine::Mutant::OlderRecordStays)).
    is_read_only: bool,
}

/// The time of nomad's death, counted in writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fuse {
    /// The number of writes that are completed.
    pub writes: u32,
    /// The number of bytes of the next write that are written. Nothing of any later write is.
    pub torn_bytes: usize,
}

impl Bytes {
    /// Memory for this many records.
    pub fn new(records: usize) -> Self {
        Bytes {
            bytes: vec![0; HEAD_BYTES + records * SLOT_BYTES],
            fuse: None,
            is_read_only: false,
        }
    }
}

impl ByteStore for Bytes {
    fn bytes(&self) -> usize {
        self.bytes.len()
    }

    fn read(&self, offset: usize, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.bytes[offset..][..bytes.len()]);
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let length = match &mut self.fuse {
            _ if self.is_read_only => 0,
            None => bytes.len(),
            Some(fuse) if fuse.writes > 0 => {
                fuse.writes -= 1;
                bytes.len()
            }
            Some(fuse) => std::mem::take(&mut fuse.torn_bytes).min(bytes.len()),
        };
        self.bytes[offset..][..length].copy_from_slice(&bytes[..length]);
    }
}

/// The records of one machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RecordStore {
    /// For explorations.
    Plain(Plain),
    /// As bytes, for the simulation.
    Bytes(Box<Records<Bytes>>),
}

/// Records and tokens by transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Plain {
    newest: BTreeMap<TransactionId, Vec<u8>>,
    /// Older records, left by a nomad that died before it erased them.
    older: BTreeMap<TransactionId, Vec<u8>>,
    tokens: BTreeMap<TransactionId, u64>,
}

impl RecordStore {
    /// An empty store of bytes with this many slots for records, for a machine with this boot id.
    pub fn of_bytes(records: usize, boot: BootId) -> Self {
        let (records, ..) = Records::open(Bytes::new(records), boot);
        RecordStore::Bytes(Box::new(records))
    }

    /// The most transactions that can have a record.
    pub fn transactions_max(&self) -> usize {
        match self {
            RecordStore::Plain(_) => 59,
            RecordStore::Bytes(records) => records.transactions_max(),
        }
    }

    /// Replaces the record of its transaction.
    pub fn write_record(&mut self, record: &Record) {
        match self {
            RecordStore::Plain(plain) => {
                plain.newest.insert(record.transaction, record.encode());
            }
            RecordStore::Bytes(records) => records.write_record(record),
        }
    }

    /// Erases the record of a transaction and its token.
    pub fn erase(&mut self, transaction: TransactionId) {
        match self {
            RecordStore::Plain(plain) => {
                plain.newest.remove(&transaction);
                plain.tokens.remove(&transaction);
            }
            RecordStore::Bytes(records) => records.erase(transaction),
        }
    }

    /// Stores the token with which nomad can end its freeze of the transaction's domain.
    pub fn write_token(&mut self, transaction: TransactionId, token: u64) {
        match self {
            RecordStore::Plain(plain) => {
                plain.tokens.insert(transaction, token);
            }
            RecordStore::Bytes(records) => records.write_token(transaction, token),
        }
    }

    /// The token that was written for a transaction.
    pub fn token_of(&self, transaction: TransactionId) -> Option<u64> {
        match self {
            RecordStore::Plain(plain) => plain.tokens.get(&transaction).copied(),
            RecordStore::Bytes(records) => records.token_of(transaction),
        }
    }

    /// Reads the newest record of every transaction after a restart of nomad, and erases the older ones unless
    /// `leaves_older`, which is for a mutant.
    pub fn load(&mut self, leaves_older: bool) -> Vec<Record> {
        match self {
            RecordStore::Plain(plain) => plain.load(leaves_older),
            RecordStore::Bytes(records) => {
                let mut bytes = records.store_mut().clone();
                (bytes.fuse, bytes.is_read_only) = (None, leaves_older);
                let (opened, _, found) = Records::open(bytes, BootId(0));
                **records = opened;
                records.store_mut().is_read_only = false;
                found
            }
        }
    }

    /// Erases everything.
    pub fn clear(&mut self) {
        match self {
            RecordStore::Plain(plain) => *plain = Plain::default(),
            RecordStore::Bytes(records) => {
                let ended: Vec<TransactionId> = records.transactions().collect();
                ended.into_iter().for_each(|ended| records.erase(ended));
            }
        }
    }

    /// The transactions that have a record.
    pub fn transactions(&self) -> Vec<TransactionId> {
        match self {
            RecordStore::Plain(plain) => plain.transactions().collect(),
            RecordStore::Bytes(records) => records.transactions().collect(),
        }
    }

    /// The number of tokens.
    pub fn token_count(&self) -> usize {
        match self {
            RecordStore::Plain(plain) => plain.tokens.len(),
            RecordStore::Bytes(records) => records.token_count(),
        }
    }

    /// Limits the writes from now on, since nomad is about to die; `None` removes the limit.
    pub fn set_fuse(&mut self, fuse: Option<Fuse>) {
        if let RecordStore::Bytes(records) = self {
            records.store_mut().fuse = fuse;
        }
    }

    /// The record of a transaction, in an exploration.
    pub fn plain_record(&self, transaction: TransactionId) -> Option<Vec<u8>> {
        match self {
            RecordStore::Plain(plain) => plain.newest.get(&transaction).cloned(),
            RecordStore::Bytes(_) => None,
        }
    }

    /// Keeps the record `older`: nomad died after it had written the new one and before it had erased this one.
    pub fn leave_older(&mut self, transaction: TransactionId, older: Vec<u8>) {
        if let RecordStore::Plain(plain) = self {
            plain.older.insert(transaction, older);
        }
    }
}

impl Plain {
    fn load(&mut self, leaves_older: bool) -> Vec<Record> {
        for (transaction, older) in &self.older {
            let newest = self.newest.entry(*transaction);
            newest.or_insert_with(|| older.clone());
        }
        if !leaves_older {
            self.older.clear();
        }
        let records = self.newest.values();
        records
            .map(|bytes| Record::decode(bytes).expect("nomad wrote it"))
            .collect()
    }

    fn transactions(&self) -> impl Iterator<Item = TransactionId> {
        let older = self.older.keys();
        let only_older = older.filter(|transaction| !self.newest.contains_key(transaction));
        self.newest.keys().chain(only_older).copied()
    }
}

#[cfg(test)]
mod tests {
    use nomad_protocol::{RecordedProgress, samples};

    use super::*;

    fn record(progress: RecordedProgress) -> Record {
        samples::record(TransactionId(1), progress)
    }

    /// Both forms of store, each with an older record that nomad did not erase before it died.
    fn torn() -> [RecordStore; 2] {
        let [older, newer] = [
            RecordedProgress::SourceOpen,
            RecordedProgress::DestinationOpen,
        ]
        .map(record);
        let mut plain = RecordStore::Plain(Plain::default());
        let mut bytes = RecordStore::of_bytes(4, BootId(1));
        for store in [&mut plain, &mut bytes] {
            store.write_record(&older);
        }
        let erased = plain.plain_record(older.transaction).expect("kept");
        plain.leave_older(older.transaction, erased);
        // The new record and its slot's header are written. The erasure of the old slot is not.
        let (writes, torn_bytes) = (2, 0);
        bytes.set_fuse(Some(Fuse { writes, torn_bytes }));
        for store in [&mut plain, &mut bytes] {
            store.write_record(&newer);
        }
        [plain, bytes]
    }

    #[test]
    fn of_two_records_of_a_transaction_the_newer_one_counts() {
        for mut store in torn() {
            assert_eq!(
                store.load(false),
                [record(RecordedProgress::DestinationOpen)]
            );
            store.erase(TransactionId(1));
            assert_eq!(store.load(false), []);
        }
    }

    #[test]
    fn an_older_record_that_is_not_erased_comes_back() {
        for mut store in torn() {
            assert_eq!(
                store.load(true),
                [record(RecordedProgress::DestinationOpen)]
            );
            store.erase(TransactionId(1));
            assert_eq!(store.load(true), [record(RecordedProgress::SourceOpen)]);
        }
    }
}
