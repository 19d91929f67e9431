//! The outline: the data that a destination needs to admit a domain, before its pages arrive.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::Name;

/// A domain, wherever it runs: 128 random bits, drawn at its creation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DomainId(pub [u8; 16]);

impl fmt::Display for DomainId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for DomainId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DomainId({self})")
    }
}

/// A domain's identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its id.
    pub id: DomainId,
    /// How often it was activated.
    pub incarnation: u64,
    /// Its name.
    pub name: Name,
    /// The only machine that may start it, if it has one.
    pub home: Option<Name>,
}

/// The data that a destination needs to admit a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    /// Its identity.
    pub identity: Identity,
    /// The pages that its pool needs, including those for page tables and the like.
    pub pool_pages: u64,
    /// The pages that are present, for estimates.
    pub present_pages: u64,
}
