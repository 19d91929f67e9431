//! A checked view of the domain's start page.

use core::str::FromStr;

use abi::register::Slot;
use abi::start_page::{NamedCapability, Range, StartPage, root_slots};

use crate::capability::{Cap, Kind};
use crate::shared::SharedMemory;

/// The start page, checked. [`crate::entry!`] passes it to `main`, and [`crate::main!`] to the first task.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    page: &'static StartPage,
}

impl Start {
    /// Checks a start page; `None` if it has another version. Its ranges are trusted.
    pub(crate) fn try_new(page: &'static StartPage) -> Option<Start> {
        page.check().then_some(Start { page })
    }

    /// The page itself.
    pub fn page(&self) -> &'static StartPage {
        self.page
    }

    /// The capability of this name, if it exists and is of this kind.
    pub fn find<T: Kind>(&self, name: &str) -> Option<Cap<T>> {
        let named = self.page.find(name)?;
        T::KIND
            .is_none_or(|kind| kind as u32 == named.kind)
            .then(|| Cap::from_slot(named.slot()))
    }

    /// The capability of this name, without which the program cannot work.
    ///
    /// # Panics
    /// If it is missing or of another kind: a mistake of the domain's creator.
    #[track_caller]
    pub fn require<T: Kind>(&self, name: &str) -> Cap<T> {
        self.find(name)
            .unwrap_or_else(|| panic!("started without the capability `{name}`"))
    }

    /// All capabilities with their names.
    pub fn capabilities(&self) -> &'static [NamedCapability] {
        self.page.capabilities()
    }

    /// The Memory of this name, as its creator mapped it.
    pub fn shared_memory(&self, name: &str) -> Option<SharedMemory<'static>> {
        let named = self.page.find(name)?;
        let range = Range {
            start: named.address,
            bytes: named.bytes,
        };
        // SAFETY: The creator mapped the Memory there for the domain's life, as the start page states.
        (range.bytes > 0).then(|| unsafe { SharedMemory::from_range(range) })
    }

    /// The boot archive: read-only, in root only; empty in other domains.
    pub fn archive(&self) -> &'static [u8] {
        let Range { start, bytes } = self.page.archive;
        if bytes == 0 {
            return &[];
        }
        // SAFETY: The creator mapped the archive there, read-only, for the domain's life, as the start page states.
        unsafe { core::slice::from_raw_parts(start as *const u8, bytes as usize) }
    }

    /// The value of the argument `key`.
    pub fn argument(&self, key: &str) -> Option<&'static str> {
        self.page.argument(key)
    }

    /// The value of the argument `key`, or `default` if it is absent.
    ///
    /// # Panics
    /// If it cannot be parsed as a `T`.
    #[track_caller]
    pub fn argument_or<T: FromStr>(&self, key: &str, default: T) -> T {
        self.argument(key).map_or(default, |text| parsed(key, text))
    }

    /// The value of the argument `key`, without which the program cannot work.
    ///
    /// # Panics
    /// If it is absent or cannot be parsed as a `T`.
    #[track_caller]
    pub fn require_argument<T: FromStr>(&self, key: &str) -> T {
        match self.argument(key) {
            Some(text) => parsed(key, text),
            None => panic!("started without the argument `{key}`"),
        }
    }

    /// The domain's own Domain capability, if it has one.
    pub(crate) fn own_domain(&self) -> Slot {
        let is_root = self.page.ticks_per_second != 0;
        match self.page.find("domain") {
            Some(named) => named.slot(),
            None if is_root => root_slots::DOMAIN,
            None => Slot::NONE,
        }
    }
}

#[track_caller]
fn parsed<T: FromStr>(key: &str, text: &str) -> T {
    match text.parse() {
        Ok(value) => value,
        Err(_) => panic!("the argument {key}={text} is invalid"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::{Endpoint, Memory};
    use abi::ObjectKind;
    use std::boxed::Box;

    fn start(arguments: &str) -> Start {
        let mut page = StartPage::EMPTY;
        page.arguments[..arguments.len()].copy_from_slice(arguments.as_bytes());
        page.argument_bytes = arguments.len() as u64;
        let log = NamedCapability {
            slot: 5,
            kind: ObjectKind::Endpoint as u32,
            ..NamedCapability::EMPTY
        };
        assert!(page.add("log", log));
        Start::try_new(Box::leak(Box::new(page))).unwrap()
    }

    #[test]
    fn finds_a_capability_by_name_and_kind() {
        let start = start("");
        assert_eq!(start.find::<Endpoint>("log").unwrap().slot(), Slot(5));
        assert_eq!(start.find::<Memory>("log"), None);
        assert_eq!(start.find::<Endpoint>("lo"), None);
    }

    #[test]
    fn reads_arguments() {
        let start = start("heap_mib=64\nport=7000\n");
        assert_eq!(start.argument_or("heap_mib", 1_u64), 64);
        assert_eq!(start.argument_or("working_set_mib", 4_u64), 4);
        assert_eq!(start.require_argument::<u16>("port"), 7000);
    }

    #[test]
    fn rejects_a_page_of_another_version() {
        let page = StartPage {
            magic: 1,
            ..StartPage::EMPTY
        };
        assert!(Start::try_new(Box::leak(Box::new(page))).is_none());
    }
}
