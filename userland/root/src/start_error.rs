//! The reasons for a failed start of a domain.

use alloc::string::String;
use core::fmt;

use abi::Error;
use abi::register::PageCount;
use runtime::protocol::root::Refusal;

use crate::elf_error::ElfError;
use crate::pci::handover::HandoverError;
use crate::spawn::SpawnError;
use crate::supervisor::MIB_PAGES;

/// The reason a domain did not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartError {
    /// The manifest does not describe it.
    NotInManifest,
    /// The archive has no such member.
    NoMember(String),
    /// The member is not a valid program.
    Image(String, ElfError),
    /// The machine has no such device.
    NoDevice,
    /// The device cannot be handed over.
    Device(HandoverError),
    /// The memory cannot be reserved.
    Pool(PageCount, Error),
    /// The kernel refused one of its objects.
    Spawn(SpawnError),
    /// The kernel refused one of its resources.
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
            _ => Refusal::NotStarted,
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::NotInManifest => write!(formatter, "the manifest does not describe it"),
            StartError::NoMember(name) => write!(formatter, "the archive has no {name}"),
            StartError::Image(name, error) => write!(formatter, "{name}: {error}"),
            StartError::NoDevice => write!(formatter, "the machine has no such device"),
            StartError::Device(error) => write!(formatter, "the device: {error}"),
            StartError::Pool(pages, error) => {
                write!(formatter, "{} MiB: {error}", pages.0 / MIB_PAGES)
            }
            StartError::Spawn(error) => error.fmt(formatter),
            StartError::Kernel(resource, error) => write!(formatter, "{resource}: {error}"),
        }
    }
}

impl From<SpawnError> for StartError {
    fn from(error: SpawnError) -> StartError {
        StartError::Spawn(error)
    }
}
