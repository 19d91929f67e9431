//! The reasons for a failed start of a domain.

use alloc::string::String;

use abi::Error;
use abi::register::PageCount;
use runtime::protocol::root::Refusal;

use crate::devices::Function;
use crate::devices::handover::HandoverError;
use crate::elf_error::ElfError;
use crate::layout::MIB_PAGES;
use crate::spawn::SpawnError;

/// The reason a domain did not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The manifest does not describe it.
    #[error("the manifest does not describe it")]
    NotInManifest,
    /// The archive has no such member.
    #[error("the archive has no {0}")]
    NoMember(String),
    /// The member is not a valid program.
    #[error("{0}: {1}")]
    Image(String, ElfError),
    /// The machine has no such device.
    #[error("the machine has no such device")]
    NoDevice,
    /// Another domain has its Ethernet or IPv4 address.
    #[error("another domain on this machine has its address")]
    AddressTaken,
    /// The device cannot be handed over.
    #[error("the device {identity} at {address}: {1}", identity = .0.identity, address = .0.address)]
    Device(Function, HandoverError),
    /// The memory cannot be reserved.
    #[error("{mib} MiB: {1}", mib = .0.0 / MIB_PAGES)]
    Pool(PageCount, Error),
    /// The kernel refused one of its objects.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// The kernel refused one of its resources.
    #[error("{0}: {1}")]
    Kernel(&'static str, Error),
}

impl StartError {
    /// Adds the name of the resource to the kernel's error.
    pub fn at(resource: &'static str) -> impl FnOnce(Error) -> StartError {
        move |error| StartError::Kernel(resource, error)
    }

    /// The refusal for root's protocol.
    pub fn refusal(&self) -> Refusal {
        match self {
            StartError::Pool(_, Error::PoolEmpty) => Refusal::NoMemory,
            StartError::AddressTaken => Refusal::AddressTaken,
            _ => Refusal::NotStarted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices::configuration::Address;
    use crate::devices::function::Identity;
    use alloc::string::ToString;

    #[test]
    fn a_shared_page_is_reported_with_both_functions() {
        let address = |bus| Address {
            bus,
            device: 0,
            function: 1,
        };
        let card = Function {
            address: address(3),
            identity: Identity {
                vendor: 0x10ec,
                device: 0x8139,
            },
        };
        let shared = HandoverError::SharedPage {
            bar: 1,
            other: address(4),
        };
        assert_eq!(
            StartError::Device(card, shared).to_string(),
            "the device 10ec:8139 at 03:00.1: its region 1 shares a page with 04:00.1"
        );
    }
}
