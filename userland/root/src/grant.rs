//! A capability for a domain, minted from a capability of root, with a name, rights, and the mapping of a Memory.

use abi::register::{Access, PageCount, PageIndex, Slot};
use abi::start_page::NamedCapability;
use abi::{Error, ObjectKind, PAGE_BYTES, Rights};
use runtime::Cap;
use runtime::capability::{Any, Domain, Kind, Memory};

/// The mapping of a Memory in the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its virtual address.
    pub address: u64,
    /// Its size.
    pub pages: PageCount,
    pub access: Access,
}

/// A capability for a domain.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// The domain's name for it.
    pub name: &'a str,
    /// Root's own capability.
    pub capability: Cap<Any>,
    pub kind: ObjectKind,
    pub rights: Rights,
    /// The domain's badge; zero keeps root's.
    pub badge: u64,
    /// The mapping, if it is a Memory.
    pub place: Option<Place>,
}

impl<'a> Grant<'a> {
    /// A grant without badge or mapping.
    pub fn new<T: Kind>(name: &'a str, capability: Cap<T>, rights: T::Rights) -> Grant<'a> {
        const {
            assert!(T::KIND.is_some(), "a grant has a kind");
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

    /// Sets the badge.
    pub fn badged(self, badge: u64) -> Grant<'a> {
        Grant { badge, ..self }
    }

    /// Sets the mapping.
    pub fn mapped(self, place: Place) -> Grant<'a> {
        Grant {
            place: Some(place),
            ..self
        }
    }

    /// Installs the capability in this slot of a domain, and maps it if it has a place.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn install(&self, domain: Cap<Domain>, slot: Slot) -> Result<(), Error> {
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
                PageIndex(0),
                pages,
                access,
            ),
        }
    }

    /// Its entry in the start page.
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
