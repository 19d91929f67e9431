//! Freezing a domain, thawing it and retiring it: [`Freeze`].

use abi::Error;
use abi::calls::{DomainFreeze, DomainRetire, DomainThaw, DomainUnretire};

use crate::capability::{Cap, Domain};
use crate::system_call::invoke;

/// A freeze that belongs to this domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// The frozen domain's version.
    pub version: u64,
    /// What proves whose freeze it is.
    pub token: u64,
}

impl Cap<Domain> {
    /// Stops the domain until a deadline in this domain's time, or [`abi::NO_DEADLINE`].
    ///
    /// # Errors
    /// What `DomainFreeze` says: [`Error::InUse`] if it is frozen, [`Error::WrongState`] if it is retired, and otherwise
    /// [`Error::TimedOut`] if the deadline has passed.
    pub fn freeze(self, deadline_ns: u64) -> Result<Freeze, Error> {
        let (version, token) = invoke(DomainFreeze {
            domain: self.slot(),
            deadline: deadline_ns,
            progress: 0,
        })?;
        Ok(Freeze { version, token })
    }

    /// Lets the frozen domain run.
    ///
    /// # Errors
    /// What `DomainThaw` says: [`Error::WrongState`] if it is not frozen, [`Error::InUse`] if another froze it.
    pub fn thaw(self, token: u64) -> Result<(), Error> {
        invoke(DomainThaw {
            domain: self.slot(),
            token,
        })
    }

    /// Retires the frozen domain if it is still at this version.
    ///
    /// # Errors
    /// [`Error::VersionMoved`], and otherwise as for [`Cap::thaw`].
    pub fn retire(self, version: u64, token: u64) -> Result<(), Error> {
        invoke(DomainRetire {
            domain: self.slot(),
            version,
            token,
        })
    }

    /// Makes the retired domain frozen again, until a deadline as for [`Cap::freeze`].
    ///
    /// # Errors
    /// What `DomainUnretire` says: [`Error::WrongState`] if it is not retired.
    pub fn unretire(self, deadline_ns: u64) -> Result<Freeze, Error> {
        let (version, token) = invoke(DomainUnretire {
            domain: self.slot(),
            deadline: deadline_ns,
        })?;
        Ok(Freeze { version, token })
    }
}
