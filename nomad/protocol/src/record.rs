//! What outlives nomad: one record a transaction, kept by the shell in memory that a restart of nomad leaves alone.
//!
//! A record says what must not be forgotten, no more. `Source::resume` and `Target::resume` go on from it.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::identity::{Attempt, BootId, Digest, MachineId, TransactionId};
use crate::offer::Offer;
use crate::wire::{DecodeError, append, decode_whole};

/// No record is longer.
pub const RECORD_BYTES_MAX: usize = 512;

/// The record of one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// Which transaction.
    pub transaction: TransactionId,
    /// The other machine.
    pub peer: MachineId,
    /// What was offered.
    pub offer: Offer,
    /// How far it is.
    pub progress: Progressed,
}

/// How far a recorded transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Progressed {
    /// Source: nothing is decided. Resumed, it aborts.
    SourceOpen,
    /// Source: retiring the domain was asked for. The kernel knows whether it was done.
    SourceCommitting {
        /// Which freeze.
        attempt: Attempt,
        /// The target's boot that prepared it.
        peer_boot: BootId,
    },
    /// Source: the target runs the domain, the copy here is being given back.
    SourceReleasing {
        /// The target's boot.
        peer_boot: BootId,
    },
    /// Source: the copy here is gone. The domain may have come back since: only the target is to be told.
    SourceReleased {
        /// The target's boot.
        peer_boot: BootId,
    },
    /// Target: a pool is reserved and filling. Resumed, it is discarded.
    TargetOpen,
    /// Target: a complete copy stands frozen.
    TargetPrepared {
        /// Which freeze.
        attempt: Attempt,
        /// The digest of what was rebuilt.
        digest: Digest,
        /// The source's boot.
        peer_boot: BootId,
    },
    /// Target: Commit was heard. Resumed, it activates.
    TargetActivating {
        /// The source's boot.
        peer_boot: BootId,
    },
    /// Target: the domain runs; the source may still hold its copy.
    TargetActivated {
        /// The source's boot.
        peer_boot: BootId,
    },
}

impl Record {
    /// Writes the record.
    pub fn encode(&self) -> Vec<u8> {
        append(Vec::new(), self)
    }

    /// Reads a record.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > RECORD_BYTES_MAX {
            return Err(DecodeError::TooLong {
                bytes: bytes.len(),
                limit: RECORD_BYTES_MAX,
            });
        }
        decode_whole(bytes)
    }
}
