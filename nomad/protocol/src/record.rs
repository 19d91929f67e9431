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
    /// Source: nothing is decided. When resumed, it aborts.
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
    /// Source: the destination has declined the retired domain, which is to run on here.
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
    /// Source: the copy here is gone, and only the notice to the destination is left. The domain may have come back since.
    SourceReleased {
        /// The destination's boot.
        peer_boot: BootId,
    },
    /// Destination: a pool is reserved, and no round is acknowledged, or the source runs the domain on. When resumed, it
    /// is discarded.
    DestinationOpen,
    /// Destination: a round is acknowledged, so the source may retire the domain. When resumed, it is declined.
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
    /// Destination: this machine never runs the copy. When resumed, the source is notified, and the copy is discarded unless
    /// that is done.
    DestinationDeclined {
        /// The reason.
        why: AbortReason,
        /// The number that the destination drew when it admitted the domain.
        admission: AdmissionId,
        /// Whether the copy is gone. A copy of the domain that is here then came by a later move.
        is_discarded: bool,
    },
    /// Destination: Commit was received, and the copy is complete. When resumed, it activates.
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
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        bound(bytes, RECORD_BYTES_MAX)?;
        decode_whole(bytes)
    }
}
