//! The reason a card cannot be used.

use runtime::protocol::root::Refusal;

use crate::identity::Identity;

/// The reason a card does not master the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMastering {
    /// The kernel did not transfer the request.
    #[error("the request for access to memory: {0}")]
    Kernel(#[from] abi::Error),
    /// Root refused.
    #[error("root does not let it reach memory: {0}")]
    Refused(#[from] Refusal),
}

/// The reason a card could not be initialised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InitError {
    /// Its configuration space was not handed over.
    #[error("its configuration space was not handed over")]
    NotProvided,
    /// The driver does not support this card.
    #[error("{0} is not a card of this driver")]
    Unknown(Identity),
    /// Its registers were not handed over.
    #[error("it has no registers")]
    NoRegisters,
    /// The reset did not complete.
    #[error("its reset did not complete")]
    Reset,
    /// Its firmware keeps its PHY.
    #[error("its firmware does not release its PHY")]
    Held,
    /// Its PHY cannot be reached.
    #[error("its PHY does not answer")]
    Phy,
    /// It does not support the driver's version of its interface.
    #[error("it does not support the version of its interface that this driver has")]
    Version,
    /// Its rings did not start.
    #[error("its rings did not start")]
    Rings,
    /// It may not reach memory.
    #[error(transparent)]
    NoMastering(#[from] NoMastering),
    /// Its memory could not be allocated.
    #[error("no memory: {0}")]
    Memory(#[from] abi::Error),
}
