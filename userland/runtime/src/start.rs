//! What the domain was born with: a checked view of its start page.

use core::str::FromStr;

use abi::register::Slot;
use abi::start_page::{NamedCapability, Range, StartPage, root_slots};

use crate::capability::{Cap, Kind};
use crate::shared::SharedMemory;

/// The start page, checked. [`crate::entry!`] hands it to `main`.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    page: &'static StartPage,
}

impl Start {
    /// Checks a start page; `None` if it is of another version.
    pub fn try_new(page: &'static StartPage) -> Option<Start> {
        page.check().then_some(Start { page })
    }

    /// The page itself.
    pub fn page(&self) -> &'static StartPage {
        self.page
    }

    /// The capability of this name, if it is there and of this kind.
    pub fn find<T: Kind>(&self, name: &str) -> Option<Cap<T>> {
        let named = self.page.find(name)?;
        T::KIND
            .is_none_or(|kind| kind as u32 == named.kind)
            .then(|| Cap::from_slot(named.slot()))
    }

    /// The capability of this name, without which the program cannot work.
    ///
    /// # Panics
    /// If it is missing or of another kind: whoever started the domain forgot it.
    #[track_caller]
    pub fn require<T: Kind>(&self, name: &str) -> Cap<T> {
        self.find(name)
            .unwrap_or_else(|| panic!("started without the capability `{name}`"))
    }

    /// Every capability with its name.
    pub fn capabilities(&self) -> &'static [NamedCapability] {
        self.page.capabilities()
    }

    /// The Memory of this name, where its creator mapped it.
    pub fn shared_memory(&self, name: &str) -> Option<SharedMemory<'static>> {
        let named = self.page.find(name)?;
        let range = Range {
            start: named.address,
            bytes: named.bytes,
        };
        // SAFETY: The creator mapped the Memory there for the domain's life and says so in the start page.
        (range.bytes > 0).then(|| unsafe { SharedMemory::from_range(range) })
    }

    /// The value of `key` in the arguments.
    pub fn argument(&self, key: &str) -> Option<&'static str> {
        self.page.argument(key)
    }

    /// The value of `key`, or `default` if it is not given.
    ///
    /// # Panics
    /// If it is given and does not read as a `T`.
    #[track_caller]
    pub fn argument_or<T: FromStr>(&self, key: &str, default: T) -> T {
        match self.argument(key) {
            None => default,
            Some(text) => text
                .parse()
                .unwrap_or_else(|_| panic!("argument {key}={text} makes no sense")),
        }
    }

    /// The domain's own Domain capability, if it was given one.
    pub(crate) fn own_domain(&self) -> Slot {
        let is_root = self.page.ticks_per_second != 0;
        match self.page.find("domain") {
            Some(named) => named.slot(),
            None if is_root => root_slots::DOMAIN,
            None => Slot::NONE,
        }
    }
}
