//! The outline: what a target must know of a domain to admit it, before its pages come.

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

/// Who a domain is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its id.
    pub id: DomainId,
    /// How often it was activated.
    pub incarnation: u64,
    /// Its name.
    pub name: Name,
    /// The machine that starts it, the only one that may, if it has one.
    pub home: Option<Name>,
}

/// What a target must know to admit a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    /// Who it is.
    pub identity: Identity,
    /// Pages that its pool needs, those for page tables and the like included.
    pub pool_pages: u64,
    /// Pages that are present, for estimates.
    pub present_pages: u64,
}
