//! The outline: the data that a destination needs to admit a domain, before its pages arrive.

use identity::{DomainId, Incarnation, Name};
use serde::{Deserialize, Serialize};

/// A domain's identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its id.
    pub id: DomainId,
    /// Its incarnation.
    pub incarnation: Incarnation,
    /// Its name.
    pub name: Name,
    /// The only machine that may start it, if there is one.
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
