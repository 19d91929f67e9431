//! The machine that a command is for, as the operator states it: [`Target`].

use core::net::Ipv4Addr;

use identity::Name;

use crate::failure::Failure;

/// The machine that a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The address that the caller sends to.
    pub address: Ipv4Addr,
    /// The machine's name, if the operator has stated it. Then the machine's own address may differ from the one above, as it does
    /// behind address translation.
    pub name: Option<Name>,
}

impl Target {
    /// Checks that the machine with this name and address of its own is the one meant.
    pub(crate) fn check(self, name: Name, address: Ipv4Addr) -> Result<(), Failure> {
        match self.name {
            Some(stated) if stated != name => Err(Failure::OtherName { stated, name }),
            None if self.address != address => Err(Failure::OtherAddress {
                dialled: self.address,
                name,
                address,
            }),
            _ => Ok(()),
        }
    }
}
