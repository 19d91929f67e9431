//! Why a domain did not start, in words that name what is wrong.

use alloc::string::String;
use core::fmt;

use abi::Error;
use abi::register::PageCount;
use runtime::protocol::root::Refusal;

use crate::birth::Stillborn;
use crate::no_image::NoImage;
use crate::pci::handover::NotHandedOver;
use crate::supervisor::MIB_PAGES;

/// Why a domain did not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotStarted {
    /// The manifest does not describe it.
    NotDescribed,
    /// The archive has no such member.
    NoMember(String),
    /// The member is no program.
    Image(String, NoImage),
    /// The machine has no such device.
    NoDevice,
    /// The device cannot be handed over.
    Device(NotHandedOver),
    /// The memory cannot be reserved.
    Pool(PageCount, Error),
    /// The kernel refused a part of it.
    Stillborn(Stillborn),
    /// The kernel refused something that it needs.
    Kernel(&'static str, Error),
}

impl NotStarted {
    /// Says what was needed when the kernel refuses.
    pub fn at(what: &'static str) -> impl FnOnce(Error) -> NotStarted {
        move |error| NotStarted::Kernel(what, error)
    }

    /// It in the words of root's protocol.
    pub fn refusal(&self) -> Refusal {
        match self {
            NotStarted::Pool(_, Error::PoolEmpty) => Refusal::NoMemory,
            _ => Refusal::NotStarted,
        }
    }
}

impl fmt::Display for NotStarted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotStarted::NotDescribed => write!(formatter, "the manifest does not describe it"),
            NotStarted::NoMember(name) => write!(formatter, "the archive has no {name}"),
            NotStarted::Image(name, error) => write!(formatter, "{name}: {error}"),
            NotStarted::NoDevice => write!(formatter, "the machine has no such device"),
            NotStarted::Device(error) => write!(formatter, "the device: {error}"),
            NotStarted::Pool(pages, error) => {
                write!(formatter, "{} MiB: {error}", pages.0 / MIB_PAGES)
            }
            NotStarted::Stillborn(error) => error.fmt(formatter),
            NotStarted::Kernel(what, error) => write!(formatter, "{what}: {error}"),
        }
    }
}

impl From<Stillborn> for NotStarted {
    fn from(error: Stillborn) -> NotStarted {
        NotStarted::Stillborn(error)
    }
}
