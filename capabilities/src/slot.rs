//! A slot: the 64 bytes that hold a capability and its position in the derivation tree.
//!
//! ```text
//!    0  object (16)   badge (8)   rights (2)   generation (1)   role (1)   unused (4)
//!   32  holder (8)
//!   40  before its start, before its end, after its start, after its end: 4 links of 6 bytes
//! ```
//!
//! Content and links are in cells, because slots are reached through shared references; the kernel lock protects them. Only
//! this crate writes to a slot: `euler_tour.rs` writes the links, `derivation.rs` the content. The function `bookmark` in
//! `family.rs` also writes a content.

use core::cell::Cell;

use crate::euler_tour::{Edge, Link};
use crate::{Badge, Capability, Object};

/// The way in which a capability was put into its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The root of a tree (made by [`plant`](crate::plant)), or the first capability to something that was made from another
    /// object (made by [`derive`](crate::derive())). It is removed after all its descendants.
    Origin,
    /// Copied or minted: it has its parent's object and no more rights.
    Copy,
}

/// The content of an occupied slot: a [`Capability`], laid out flat so that it takes no more than 32 bytes.
#[derive(Clone, Copy)]
pub(crate) struct Content<O: Object> {
    pub(crate) object: O,
    pub(crate) badge: Badge,
    pub(crate) rights: O::Rights,
    /// The number of origins above this origin. A copy has the generation of its parent.
    pub(crate) generation: u8,
    pub(crate) role: Role,
}

impl<O: Object> Content<O> {
    pub(crate) fn new(capability: Capability<O>, generation: u8, role: Role) -> Self {
        Self {
            object: capability.object,
            badge: capability.badge,
            rights: capability.rights,
            generation,
            role,
        }
    }

    pub(crate) fn capability(self) -> Capability<O> {
        Capability {
            object: self.object,
            rights: self.rights,
            badge: self.badge,
        }
    }
}

/// A place for one capability, empty or occupied.
#[repr(C, align(64))]
pub struct Slot<O: Object> {
    content: Cell<Option<Content<O>>>,
    holder: u64,
    before: [Cell<Link>; 2],
    after: [Cell<Link>; 2],
}

impl<O: Object> Slot<O> {
    /// An empty slot that belongs to `holder`.
    #[must_use]
    pub const fn empty(holder: u64) -> Self {
        Self {
            content: Cell::new(None),
            holder,
            before: [const { Cell::new(Link::NONE) }; 2],
            after: [const { Cell::new(Link::NONE) }; 2],
        }
    }

    /// The number given when the slot was made. This crate does not interpret it.
    #[must_use]
    pub fn holder(&self) -> u64 {
        self.holder
    }

    /// Whether it holds no capability.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.content.get().is_none()
    }

    /// The capability that it holds.
    #[must_use]
    pub fn capability(&self) -> Option<Capability<O>> {
        self.content.get().map(Content::capability)
    }

    /// The role of its capability; `None` if the slot is empty.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.content.get().map(|content| content.role)
    }

    pub(crate) fn content(&self) -> Option<Content<O>> {
        self.content.get()
    }

    pub(crate) fn set_content(&self, content: Option<Content<O>>) {
        self.content.set(content);
    }

    pub(crate) fn before(&self, edge: Edge) -> &Cell<Link> {
        &self.before[edge as usize]
    }

    pub(crate) fn after(&self, edge: Edge) -> &Cell<Link> {
        &self.after[edge as usize]
    }
}

#[cfg(test)]
mod tests {
    use core::num::NonZeroU64;

    use super::*;
    use crate::Rights;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Bits(u16);

    impl Rights for Bits {
        fn none() -> Self {
            Self(0)
        }
        fn contains(self, other: Self) -> bool {
            other.0 & !self.0 == 0
        }
    }

    /// The kernel's form: a reference that is never null, and a kind.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Reference {
        Endpoint(NonZeroU64),
        Reply { thread: NonZeroU64, call: u32 },
    }

    impl Object for Reference {
        type Rights = Bits;
    }

    #[test]
    fn takes_one_cache_line() {
        assert_eq!(size_of::<Reference>(), 16);
        assert_eq!(size_of::<Slot<Reference>>(), 64);
        assert_eq!(align_of::<Slot<Reference>>(), 64);
    }

    #[test]
    fn gives_back_what_was_put_in() {
        let at = NonZeroU64::new(4096).unwrap();
        for object in [
            Reference::Endpoint(at),
            Reference::Reply {
                thread: at,
                call: 7,
            },
        ] {
            let capability = Capability {
                object,
                rights: Bits(3),
                badge: Badge::new(9),
            };
            let slot = Slot::empty(5);
            assert!(slot.is_empty());
            slot.set_content(Some(Content::new(capability, 1, Role::Copy)));
            assert_eq!(slot.capability(), Some(capability));
            assert_eq!(slot.role(), Some(Role::Copy));
            assert_eq!(slot.holder(), 5);
        }
    }
}
