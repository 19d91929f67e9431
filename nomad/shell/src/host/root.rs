//! The calls to the machine's root about domains by name: [`Root`].

use alloc::vec::Vec;
use core::fmt;

use abi::Error;
use identity::{DomainId, Incarnation, Name};
use service_protocol::journal::Line;
use service_protocol::root::{DomainRecord, Installation, MemoryRecord, Refusal};

/// Root's calls about domains by name.
pub trait Root {
    /// All of root's domains.
    ///
    /// # Errors
    /// [`RootError`].
    fn all(&mut self) -> Result<Vec<DomainRecord>, RootError>;

    /// The domain of this name.
    ///
    /// # Errors
    /// [`RootError`].
    fn find(&mut self, name: Name) -> Result<DomainRecord, RootError>;

    /// Runs the domain that root keeps.
    ///
    /// # Errors
    /// [`RootError`].
    fn adopt(
        &mut self,
        name: Name,
        id: DomainId,
        incarnation: Incarnation,
    ) -> Result<(), RootError>;

    /// Has root and the switch serve a domain again, because it stays here. Has no effect on a domain that is served.
    ///
    /// # Errors
    /// [`RootError`].
    fn revert(&mut self, name: Name) -> Result<(), RootError>;

    /// Stops a copy here that is older than this incarnation, because this incarnation runs on another machine: on `guest`,
    /// or on a machine of the fleet if that is `None`.
    ///
    /// # Errors
    /// [`RootError`].
    fn outlive(
        &mut self,
        name: Name,
        id: DomainId,
        incarnation: Incarnation,
        guest: Option<Name>,
    ) -> Result<(), RootError>;

    /// Remembers a guest that has a domain at home here, until the domain is here again. If another guest is remembered
    /// already, root keeps that one.
    ///
    /// # Errors
    /// [`RootError`].
    fn remember_guest(&mut self, name: Name, guest: Name) -> Result<(), RootError>;

    /// Discards the copy of an aborted move and reclaims its memory. It is not an error if the copy is gone already.
    ///
    /// # Errors
    /// [`RootError`].
    fn discard(&mut self, name: Name, id: DomainId) -> Result<(), RootError>;

    /// Destroys an outlived copy. It is not an error if the copy is gone already.
    ///
    /// # Errors
    /// [`RootError`].
    fn drop_outlived(&mut self, name: Name, id: DomainId) -> Result<(), RootError>;

    /// Starts a domain that is at home here and that no other machine has.
    ///
    /// # Errors
    /// [`RootError`].
    fn start(&mut self, name: Name) -> Result<(), RootError>;

    /// The machine's memory, and how much of it is spent.
    ///
    /// # Errors
    /// [`RootError`].
    fn memory(&mut self) -> Result<MemoryRecord, RootError>;

    /// Stops a domain. If `restart`, its home starts it afresh.
    ///
    /// # Errors
    /// [`RootError`].
    fn stop(&mut self, name: Name, restart: bool) -> Result<(), RootError>;

    /// Forgets a domain that came with a package, and the package.
    ///
    /// # Errors
    /// [`RootError`].
    fn remove(&mut self, name: Name) -> Result<(), RootError>;

    /// The line of the log with this number, or the oldest kept line after it; `None` if there is none yet.
    ///
    /// # Errors
    /// [`RootError`].
    fn log_line(&mut self, from: u64) -> Result<Option<Line>, RootError>;

    /// Begins to receive the package of a new domain.
    ///
    /// # Errors
    /// [`RootError`].
    fn begin_package(&mut self, bytes: u32) -> Result<(), RootError>;

    /// Drops a package that is not complete.
    fn forget_package(&mut self);

    /// Adds the piece at this offset to the package.
    ///
    /// # Errors
    /// [`RootError`].
    fn append_package(&mut self, offset: u32, piece: &[u8]) -> Result<(), RootError>;

    /// Adds the domain of the complete package to those at home here.
    ///
    /// # Errors
    /// [`RootError`].
    fn install_package(&mut self) -> Result<Installation, RootError>;

    /// Restarts the machine. On a real machine this returns only if it fails.
    ///
    /// # Errors
    /// [`RootError`].
    fn reboot(&mut self) -> Result<(), RootError>;
}

/// The reason a call to root failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootError {
    /// Root refused.
    Refused(Refusal),
    /// The call itself failed.
    Call(Error),
    /// Root's reply is malformed.
    Malformed,
}

impl RootError {
    /// Whether a later call may succeed: such an error leaves the domain's state unknown.
    pub fn is_transient(self) -> bool {
        match self {
            RootError::Refused(refusal) => refusal == Refusal::Kernel,
            RootError::Call(_) | RootError::Malformed => true,
        }
    }
}

impl fmt::Display for RootError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RootError::Refused(refusal) => refusal.fmt(formatter),
            RootError::Call(error) => formatter.write_str(error.text()),
            RootError::Malformed => formatter.write_str("root's reply is malformed"),
        }
    }
}

impl From<Error> for RootError {
    fn from(error: Error) -> RootError {
        RootError::Call(error)
    }
}
