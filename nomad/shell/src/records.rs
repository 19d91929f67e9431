//! Records of transactions, in a Memory that survives a restart of this server.
//!
//! ```text
//!   page 0      magic u64 | this machine's boot id u64 | 60 freezes' tokens: token u64 | check u64 | transaction u128
//!   page 1 on   slots of 1 KiB:  sequence u64 | length u32 | check u32 | record
//! ```
//!
//! A record is replaced by writing the new one into a free slot and then freeing the old slot: whenever the server ends,
//! at least one of the two is whole. If both are, the one with the higher sequence counts.

use alloc::vec::Vec;

use nomad_protocol::{BootId, RECORD_BYTES_MAX, Record, TransactionId};

use crate::host::StableStorage;

const MAGIC: u64 = u64::from_le_bytes(*b"nomadrec");
const BOOT_OFFSET: usize = 8;
const TOKENS_OFFSET: usize = 16;
const TOKEN_BYTES: usize = 32;
const TOKENS_MAX: usize = 60;
const SLOTS_OFFSET: usize = 4096;
const SLOT_BYTES: usize = 1024;
const HEAD_BYTES: usize = 16;

const _: () = assert!(HEAD_BYTES + RECORD_BYTES_MAX <= SLOT_BYTES);
const _: () = assert!(TOKENS_OFFSET + TOKENS_MAX * TOKEN_BYTES <= SLOTS_OFFSET);

/// The bytes of the stable storage.
pub trait ByteStore {
    /// The number of bytes.
    fn bytes(&self) -> usize;

    /// Reads bytes from `offset` on.
    fn read(&self, offset: usize, bytes: &mut [u8]);

    /// Writes bytes from `offset` on. If the server ends meanwhile, only a part of them may be written.
    fn write(&mut self, offset: usize, bytes: &[u8]);
}

/// The records.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Records<S> {
    memory: S,
    /// The slot and the sequence of each transaction's record.
    taken: Vec<(TransactionId, usize, u64)>,
    next_sequence: u64,
}

impl<S: ByteStore> Records<S> {
    /// Opens the records. Returns the records of an earlier run of this server, and the boot id that the earlier run
    /// drew. A Memory that was never written begins with `fresh_boot` and no records.
    pub fn open(memory: S, fresh_boot: BootId) -> (Records<S>, BootId, Vec<Record>) {
        let mut records = Records {
            memory,
            taken: Vec::new(),
            next_sequence: 1,
        };
        if records.word(0) != MAGIC {
            let memory = &mut records.memory;
            memory.write(BOOT_OFFSET, &fresh_boot.0.to_le_bytes());
            memory.write(0, &MAGIC.to_le_bytes());
            return (records, fresh_boot, Vec::new());
        }
        let boot = BootId(records.word(BOOT_OFFSET));
        let found = records.load();
        (records, boot, found)
    }

    /// The most transactions with a record. One slot is kept free for replacing a record.
    pub fn transactions_max(&self) -> usize {
        self.slot_count().saturating_sub(1)
    }

    /// The bytes of the records, for a later run of the server.
    pub fn into_store(self) -> S {
        self.memory
    }

    /// The bytes of the records.
    pub fn store_mut(&mut self) -> &mut S {
        &mut self.memory
    }

    /// The transactions that have a record.
    pub fn transactions(&self) -> impl Iterator<Item = TransactionId> + '_ {
        self.taken.iter().map(|(transaction, ..)| *transaction)
    }

    /// The number of tokens stored.
    pub fn token_count(&self) -> usize {
        let places = (0..TOKENS_MAX).map(|index| TOKENS_OFFSET + index * TOKEN_BYTES);
        places
            .filter(|place| self.note_at(*place).is_some())
            .count()
    }

    /// The offset of the first token's note that matches. An empty note is `None`.
    fn token_place(&self, is_it: impl Fn(Option<(TransactionId, u64)>) -> bool) -> Option<usize> {
        let mut places = (0..TOKENS_MAX).map(|index| TOKENS_OFFSET + index * TOKEN_BYTES);
        places.find(|place| is_it(self.note_at(*place)))
    }

    fn note_at(&self, place: usize) -> Option<(TransactionId, u64)> {
        let mut bytes = [0; TOKEN_BYTES];
        self.memory.read(place, &mut bytes);
        read_note(&bytes)
    }

    fn forget(&mut self, transaction: TransactionId) {
        for (_, slot, _) in self
            .taken
            .iter()
            .filter(|(known, ..)| *known == transaction)
        {
            self.memory
                .write(SLOTS_OFFSET + slot * SLOT_BYTES, &[0; HEAD_BYTES]);
        }
        self.taken.retain(|(known, ..)| *known != transaction);
    }

    /// Reads the records of an earlier run. If that run ended while it replaced a record, both versions are found,
    /// and the older one is erased. Otherwise it would count again as soon as the newer one is forgotten.
    fn load(&mut self) -> Vec<Record> {
        let mut found: Vec<(u64, usize, Record)> = (0..self.slot_count())
            .filter_map(|slot| {
                let mut bytes = [0; SLOT_BYTES];
                let offset = SLOTS_OFFSET + slot * SLOT_BYTES;
                self.memory.read(offset, &mut bytes);
                let (sequence, record) = decode(&bytes)?;
                Some((sequence, slot, record))
            })
            .collect();
        found.sort_unstable_by_key(|(sequence, ..)| *sequence);
        for (sequence, slot, record) in &found {
            self.forget(record.transaction);
            self.taken.push((record.transaction, *slot, *sequence));
            self.next_sequence = sequence + 1;
        }
        let is_kept = |slot: usize| self.taken.iter().any(|(_, kept, _)| *kept == slot);
        found.retain(|(_, slot, _)| is_kept(*slot));
        self.drop_stray_tokens();
        found.into_iter().map(|(.., record)| record).collect()
    }

    /// Drops the tokens of ended transactions. Such a token is left if an earlier run ended after it had erased the
    /// record and before it erased the token.
    fn drop_stray_tokens(&mut self) {
        let taken = &self.taken;
        let is_stray = |transaction| taken.iter().all(|(known, ..)| *known != transaction);
        let places = (0..TOKENS_MAX).map(|index| TOKENS_OFFSET + index * TOKEN_BYTES);
        let strays = places.filter(|place| {
            let noted = self.note_at(*place);
            noted.is_some_and(|(transaction, _)| is_stray(transaction))
        });
        for place in strays.collect::<Vec<_>>() {
            self.memory.write(place, &[0; TOKEN_BYTES]);
        }
    }

    fn slot_count(&self) -> usize {
        self.memory.bytes().saturating_sub(SLOTS_OFFSET) / SLOT_BYTES
    }

    fn word(&self, offset: usize) -> u64 {
        let mut bytes = [0; 8];
        self.memory.read(offset, &mut bytes);
        u64::from_le_bytes(bytes)
    }
}

impl<S: ByteStore> StableStorage for Records<S> {
    /// Replaces a transaction's record.
    ///
    /// # Panics
    /// If there are more transactions than [`Records::transactions_max`].
    fn write_record(&mut self, record: &Record) {
        let bytes = record.encode();
        let is_taken = |slot: &usize| self.taken.iter().any(|(_, taken, _)| taken == slot);
        let free = (0..self.slot_count()).find(|slot| !is_taken(slot));
        let slot = free.expect("the ledger begins no transaction without room for its record");
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let offset = SLOTS_OFFSET + slot * SLOT_BYTES;
        self.memory.write(offset + HEAD_BYTES, &bytes);
        self.memory.write(offset, &head(sequence, &bytes));
        self.forget(record.transaction);
        self.taken.push((record.transaction, slot, sequence));
    }

    /// Stores the token with which this server can end its freeze of the transaction's domain, until the transaction ends.
    /// If there is no room, nothing is stored. Then a later run of this server cannot thaw the domain, which runs again
    /// when the freeze's deadline passes.
    fn write_token(&mut self, transaction: TransactionId, token: u64) {
        if let Some(place) = self.token_place(|noted| noted.is_none()) {
            self.memory.write(place, &note(transaction, token));
        }
    }

    /// The token with which this server can end its freeze of the transaction's domain, if it was stored.
    fn token_of(&self, transaction: TransactionId) -> Option<u64> {
        let place = self.token_place(|noted| is_of(noted, transaction))?;
        self.note_at(place).map(|(_, token)| token)
    }

    /// Erases the record and the token of a transaction that has ended.
    fn erase(&mut self, transaction: TransactionId) {
        self.forget(transaction);
        if let Some(place) = self.token_place(|noted| is_of(noted, transaction)) {
            self.memory.write(place, &[0; TOKEN_BYTES]);
        }
    }
}

fn is_of(noted: Option<(TransactionId, u64)>, transaction: TransactionId) -> bool {
    noted.is_some_and(|(known, _)| known == transaction)
}

fn note(transaction: TransactionId, token: u64) -> [u8; TOKEN_BYTES] {
    let mut note = [0; TOKEN_BYTES];
    let transaction = transaction.0.to_le_bytes();
    note[..8].copy_from_slice(&token.to_le_bytes());
    note[8..16].copy_from_slice(&u64::from(check(token, &transaction)).to_le_bytes());
    note[16..].copy_from_slice(&transaction);
    note
}

/// Reads a note, if it was written completely. An empty note, which is all zeros, fails its check.
fn read_note(bytes: &[u8; TOKEN_BYTES]) -> Option<(TransactionId, u64)> {
    let word = |from: usize| bytes[from..from + 8].try_into().map(u64::from_le_bytes);
    let transaction: [u8; 16] = bytes[16..].try_into().ok()?;
    let (token, checked) = (word(0).ok()?, word(8).ok()?);
    let is_whole = u64::from(check(token, &transaction)) == checked;
    is_whole.then_some((TransactionId(u128::from_le_bytes(transaction)), token))
}

fn head(sequence: u64, record: &[u8]) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..8].copy_from_slice(&sequence.to_le_bytes());
    head[8..12].copy_from_slice(&(record.len() as u32).to_le_bytes());
    head[12..].copy_from_slice(&check(sequence, record).to_le_bytes());
    head
}

fn decode(slot: &[u8; SLOT_BYTES]) -> Option<(u64, Record)> {
    let sequence = u64::from_le_bytes(slot[..8].try_into().ok()?);
    let length = u32::from_le_bytes(slot[8..12].try_into().ok()?) as usize;
    let record = slot[HEAD_BYTES..].get(..length)?;
    let expected = u32::from_le_bytes(slot[12..16].try_into().ok()?);
    if length == 0 || check(sequence, record) != expected {
        return None;
    }
    Some((sequence, Record::decode(record).ok()?))
}

/// FNV-1a: detects a record that was not written completely.
fn check(sequence: u64, record: &[u8]) -> u32 {
    let bytes = sequence
        .to_le_bytes()
        .into_iter()
        .chain(record.iter().copied());
    bytes.fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests;
