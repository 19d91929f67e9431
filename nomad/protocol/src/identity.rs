//! The identifiers of a hand-over: machines, boots, transactions, domains and their versions.
//!
//! Long numbers are encoded as fixed-length little-endian bytes.

use core::fmt;

use serde::{Deserialize, Serialize};

/// A machine: the public key of its channel.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MachineId(pub [u8; 32]);

/// One boot of a machine: drawn at random when it starts. A boot's state is lost with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "[u8; 8]", from = "[u8; 8]")]
pub struct BootId(pub u64);

/// One life of a machine's migration server: drawn at random each time it starts, also within one boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "[u8; 8]", from = "[u8; 8]")]
pub struct LifeId(pub u64);

/// One turn of a roll call: the first is drawn at random, later ones count up from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "[u8; 8]", from = "[u8; 8]")]
pub struct Turn(pub u64);

/// One attempt to move one domain: drawn at random by the source, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "[u8; 16]", from = "[u8; 16]")]
pub struct TransactionId(pub u128);

/// A domain, wherever it runs: drawn at random at its creation, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "[u8; 16]", from = "[u8; 16]")]
pub struct DomainId(pub u128);

/// How often a domain was activated. Of two copies the one with the higher incarnation is the younger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Incarnation(pub u64);

/// A version that the kernel increments whenever a frozen domain is changed from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StateVersion(pub u64);

/// Numbers the freezes of a transaction from 1: a freeze replaces the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Attempt(pub u8);

/// A digest of a frozen domain's state: the source's as exported, the destination's as rebuilt.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Digest(pub [u8; 32]);

impl Incarnation {
    /// The incarnation of the next activation.
    #[must_use]
    pub fn next(self) -> Self {
        Incarnation(self.0.saturating_add(1))
    }

    /// Whether a copy of this incarnation must be frozen and reported, because `other` was seen elsewhere.
    pub fn is_outlived_by(self, other: Incarnation) -> bool {
        other > self
    }
}

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

macro_rules! fixed_bytes {
    ($name:ident, $number:ty) => {
        impl From<$name> for [u8; size_of::<$number>()] {
            fn from(id: $name) -> Self {
                id.0.to_le_bytes()
            }
        }

        impl From<[u8; size_of::<$number>()]> for $name {
            fn from(bytes: [u8; size_of::<$number>()]) -> Self {
                $name(<$number>::from_le_bytes(bytes))
            }
        }
    };
}

fixed_bytes!(BootId, u64);
fixed_bytes!(LifeId, u64);
fixed_bytes!(Turn, u64);
fixed_bytes!(TransactionId, u128);
fixed_bytes!(DomainId, u128);

macro_rules! long_hex {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }
    };
}

long_hex!(TransactionId);
long_hex!(DomainId);

macro_rules! short_hex {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "("))?;
                for byte in &self.0[..4] {
                    write!(f, "{byte:02x}")?;
                }
                f.write_str("..)")
            }
        }
    };
}

short_hex!(MachineId);
short_hex!(Digest);
