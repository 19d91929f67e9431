//! The identifiers of a hand-over: machines, boots, transactions, domains and their versions.
//!
//! Long numbers are encoded as fixed-length little-endian bytes.

use core::fmt;

use serde::{Deserialize, Serialize};

/// A machine: the public key of its channel.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MachineId(pub [u8; 32]);

/// One boot of a machine. Its number is drawn at random when the machine starts. All state of a boot is lost when it
/// ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootId(pub u64);

/// A life of a machine's migration server: one run, from a start of the server to its end. The number is drawn at random at
/// each start, also within one boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LifeId(pub u64);

/// One turn of a roll call: the first is drawn at random, later ones count up from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Turn(pub u64);

/// One attempt to move one domain. The source draws the number at random and never reuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub u128);

impl TransactionId {
    /// Its first eight hexadecimal digits, for logs.
    pub fn short(self) -> impl fmt::Display {
        let first = (self.0 >> 96) as u32;
        fmt::from_fn(move |formatter| write!(formatter, "{first:08x}"))
    }
}

/// A version that the kernel increments whenever a frozen domain is changed from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StateVersion(pub u64);

/// The number of one admission of a domain by a destination, drawn at random. A destination that has forgotten a transaction may
/// admit the same one again, under another number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AdmissionId(pub u64);

/// The admission under which two machines move a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Admission {
    /// Its number.
    pub number: AdmissionId,
    /// The boot of the other machine.
    pub peer_boot: BootId,
}

/// Numbers the freezes of a transaction from 1: a freeze replaces the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Attempt(pub u8);

impl Turn {
    /// The turn after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Turn(self.0.wrapping_add(1))
    }
}

impl Attempt {
    /// The first freeze of a transaction.
    pub const FIRST: Attempt = Attempt(1);

    /// The freeze that replaces this one.
    #[must_use]
    pub fn next(self) -> Self {
        Attempt(self.0.saturating_add(1))
    }
}

identity::long_number! {
    BootId(u64),
    LifeId(u64),
    Turn(u64),
    AdmissionId(u64),
    TransactionId(u128),
}

impl fmt::Debug for MachineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "MachineId({a:02x}{b:02x}{c:02x}{d:02x}..)")
    }
}
