//! The state that survives a restart of the migration server: one record per transaction, in memory that the shell keeps.
//!
//! A record holds only what must not be lost. `Ledger::resume` continues from it.

use alloc::vec::Vec;

use identity::Digest;
use serde::{Deserialize, Serialize};

use crate::ids::{Admission, AdmissionId, Attempt, BootId, MachineId, TransactionId};
use crate::offer::Offer;
use crate::reasons::AbortReason;
use crate::wire::{DecodeError, append, bound, decode_whole};

/// The longest record, in bytes.
pub const RECORD_BYTES_MAX: usize = 512;

/// The record of one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// The transaction.
    pub transaction: TransactionId,
    /// The other machine.
    pub peer: MachineId,
    /// The offered domain.
    pub offer: Offer,
    /// The transaction's progress.
    pub progress: RecordedProgress,
}

/// The progress of a recorded transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RecordedProgress {
    /// Source: nothing is decided. When resumed, the source aborts.
    SourceOpen,
    /// Source: the kernel was asked to retire the domain. Only the kernel knows whether it did.
    SourceCommitting {
        /// The freeze.
        attempt: Attempt,
        /// The digest of the frozen state.
        digest: Digest,
        /// The destination's admission.
        admission: Admission,
    },
    /// Source: the destination has declined the retired domain, which has to run here again.
    SourceDeclined {
        /// The destination's reason.
        why: AbortReason,
        /// The destination's boot.
        peer_boot: BootId,
    },
    /// Source: an operator has dropped the retired domain here. Commit is repeated, since the destination may have a copy.
    SourceDropped {
        /// The freeze.
        attempt: Attempt,
        /// The digest of the frozen state.
        digest: Digest,
        /// The destination's admission.
        admission: Admission,
        /// Whether the copy is destroyed. The domain may have come back since.
        is_destroyed: bool,
    },
    /// Source: the destination runs the domain, the copy here is being destroyed.
    SourceReleasing {
        /// The destination's boot.
        peer_boot: BootId,
    },
    /// Source: the copy here is gone, and the destination still has to be notified of that. The domain may have come
    /// back since.
    SourceReleased {
        /// The destination's boot.
        peer_boot: BootId,
    },
    /// Destination: a pool is reserved, and the source runs the domain: no round is acknowledged yet, or the source has
    /// aborted. When resumed, the destination discards its copy.
    DestinationOpen,
    /// Destination: a round is acknowledged, so the source may retire the domain. When resumed, the destination
    /// declines.
    DestinationReceiving {
        /// The number that the destination drew when it admitted the domain.
        admission: AdmissionId,
    },
    /// Destination: the copy is complete and frozen, and the source's decision is awaited.
    DestinationPrepared {
        /// The number of rounds before the freeze.
        rounds: u32,
        /// The freeze.
        attempt: Attempt,
        /// The digest of the rebuilt state.
        digest: Digest,
        /// The admission, and the source's boot.
        admission: Admission,
    },
    /// Destination: this machine never runs the copy. When resumed, the destination notifies the source, and discards
    /// the copy unless it has done so.
    DestinationDeclined {
        /// The reason.
        why: AbortReason,
        /// The number that the destination drew when it admitted the domain.
        admission: AdmissionId,
        /// Whether the copy is gone. If so, any copy of the domain that is here came by a later move.
        is_discarded: bool,
    },
    /// Destination: Commit was received, and the copy is complete. When resumed, the destination activates it.
    DestinationActivating {
        /// The admission, and the source's boot.
        admission: Admission,
    },
    /// Destination: the domain runs; the source may still hold its copy.
    DestinationActivated {
        /// The source's boot.
        peer_boot: BootId,
    },
}

impl Record {
    /// Encodes the record.
    pub fn encode(&self) -> Vec<u8> {
        append(Vec::new(), self)
    }

    /// Decodes a record.
    ///
    /// # Errors
    /// The bytes are more than [`RECORD_BYTES_MAX`], or not exactly one record.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        bound(bytes, RECORD_BYTES_MAX)?;
        decode_whole(bytes)
    }
}
