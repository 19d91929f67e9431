//! Freezing, thawing and retiring a domain: [`Freeze`].

use abi::calls::{DomainFreeze, DomainRetire, DomainThaw, DomainUnretire};
use abi::{Error, NO_DEADLINE};

use crate::capability::{Cap, Domain};
use crate::system_call::invoke;

/// A freeze owned by the calling domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// The frozen domain's version.
    pub version: u64,
    /// The token that proves ownership of the freeze.
    pub token: u64,
}

impl Cap<Domain> {
    /// Freezes the domain until a deadline in the caller's time, or [`abi::NO_DEADLINE`].
    ///
    /// # Errors
    /// The error of `DomainFreeze`: [`Error::InUse`] if it is frozen, [`Error::WrongState`] if it is retired, and otherwise
    /// [`Error::TimedOut`] if the deadline has passed.
    pub fn freeze(self, deadline_ns: u64) -> Result<Freeze, Error> {
        self.begin_or_continue_freeze(deadline_ns, 0)
    }

    /// The freeze with this token, and the domain's version now. Token 0 is that of none.
    ///
    /// # Errors
    /// The error of `DomainFreeze`: [`Error::TimedOut`] if this freeze has ended, [`Error::InUse`] for token 0 if the domain is frozen,
    /// [`Error::WrongState`] if it is retired.
    pub fn freeze_of(self, token: u64) -> Result<Freeze, Error> {
        self.begin_or_continue_freeze(NO_DEADLINE, token)
    }

    fn begin_or_continue_freeze(self, deadline_ns: u64, token: u64) -> Result<Freeze, Error> {
        let (version, token) = invoke(DomainFreeze {
            domain: self.slot(),
            deadline: deadline_ns,
            progress: token,
        })?;
        Ok(Freeze { version, token })
    }

    /// Thaws the frozen domain.
    ///
    /// # Errors
    /// The error of `DomainThaw`: [`Error::WrongState`] if it is not frozen, [`Error::InUse`] if the freeze has another owner.
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

    /// Undoes a retirement: the domain is frozen again, until a deadline as for [`Cap::freeze`].
    ///
    /// # Errors
    /// The error of `DomainUnretire`: [`Error::WrongState`] if it is not retired, or has granted pages.
    pub fn unretire(self, deadline_ns: u64) -> Result<Freeze, Error> {
        let (version, token) = invoke(DomainUnretire {
            domain: self.slot(),
            deadline: deadline_ns,
        })?;
        Ok(Freeze { version, token })
    }
}
