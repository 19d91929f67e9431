//! What a domain is given: one of root's capabilities under a name, with rights, and mapped where it is a Memory.

use abi::register::{Access, PageCount, Slot};
use abi::start_page::NamedCapability;
use abi::{Error, ObjectKind, PAGE_BYTES, Rights};
use runtime::Cap;
use runtime::capability::{Any, Domain, Kind, Memory};

/// A Memory's place in the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where.
    pub address: u64,
    /// How many pages.
    pub pages: PageCount,
    /// How.
    pub access: Access,
}

/// A capability for a domain.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// What the domain knows it by.
    pub name: &'a str,
    /// Root's own.
    pub capability: Cap<Any>,
    /// What it refers to.
    pub kind: ObjectKind,
    /// The domain's rights.
    pub rights: Rights,
    /// The domain's badge; zero keeps root's.
    pub badge: u64,
    /// Where the Memory is mapped.
    pub place: Option<Place>,
}

impl<'a> Grant<'a> {
    /// A grant of this capability with these rights.
    pub fn new<T: Kind>(name: &'a str, capability: Cap<T>, rights: T::Rights) -> Grant<'a> {
        const {
            assert!(T::KIND.is_some(), "a grant says what it is");
        }
        Grant {
            name,
            capability: capability.erase(),
            kind: T::KIND.unwrap_or(ObjectKind::Reply),
            rights: rights.into(),
            badge: 0,
            place: None,
        }
    }

    /// The same with a badge.
    pub fn badged(self, badge: u64) -> Grant<'a> {
        Grant { badge, ..self }
    }

    /// The same, mapped.
    pub fn mapped(self, place: Place) -> Grant<'a> {
        Grant {
            place: Some(place),
            ..self
        }
    }

    /// Gives it to a domain, in this slot.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn give(&self, domain: Cap<Domain>, slot: Slot) -> Result<(), Error> {
        domain.install(self.capability, slot, self.rights, self.badge)?;
        match self.place {
            None => Ok(()),
            Some(Place {
                address,
                pages,
                access,
            }) => domain.map(
                Cap::<Memory>::from_slot(self.capability.slot()),
                abi::register::UserAddress(address),
                PageCount(0),
                pages,
                access,
            ),
        }
    }

    /// How the start page tells of it.
    pub fn entry(&self, slot: Slot) -> NamedCapability {
        NamedCapability {
            slot: slot.0,
            kind: self.kind as u32,
            address: self.place.map_or(0, |place| place.address),
            bytes: self.place.map_or(0, |place| place.pages.0 * PAGE_BYTES),
            ..NamedCapability::EMPTY
        }
    }
}
