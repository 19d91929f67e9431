//! Memory that outlives the shell: [`StableStorage`].

use nomad_protocol::{Record, TransactionId};

/// Memory that outlives the shell.
pub trait StableStorage {
    /// Replaces a transaction's record. It is durable when this returns.
    fn write_record(&mut self, record: &Record);

    /// Erases the record and the token of a transaction that has ended.
    fn erase(&mut self, transaction: TransactionId);

    /// Stores the token of the freeze of a transaction's domain, if there is room.
    fn write_token(&mut self, transaction: TransactionId, token: u64);

    /// The token of the freeze of a transaction's domain, if it was stored.
    fn token_of(&self, transaction: TransactionId) -> Option<u64>;
}
