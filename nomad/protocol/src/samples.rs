//! Samples for tests of this crate and, with the feature `samples`, of others.

use identity::{DomainId, Incarnation, Name};

use crate::{
    CpuFeatures, Fleet, MachineId, Offer, Record, RecordedProgress, Sizes, TransactionId, Versions,
};

/// An offer of a small domain in a fleet without machines.
///
/// # Panics
/// Never: the name in the code is valid.
pub fn offer() -> Offer {
    Offer {
        domain: DomainId(1),
        incarnation: Incarnation(0),
        name: Name::try_new("counter").expect("a name"),
        sizes: Sizes {
            pool_bytes: 1 << 20,
            pages: 64,
            threads: 1,
            slots: 8,
        },
        versions: Versions { image: 1, abi: 1 },
        cpu: CpuFeatures::default(),
        fleet: Fleet::new([]).id(),
        home: None,
        has_package: false,
        guest: None,
    }
}

/// A record of a move of that domain.
pub fn record(transaction: TransactionId, progress: RecordedProgress) -> Record {
    Record {
        transaction,
        peer: MachineId([1; 32]),
        offer: offer(),
        progress,
    }
}
