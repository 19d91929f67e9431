//! The capability model: rights, slots, tables and derivation.
//!
//! A pure model that the kernel uses as it is: no allocation, no unsafe code, no dependency. It is generic over the objects
//! of capabilities and their rights ([`Object`], [`Rights`]), and over the location of slots ([`Storage`], [`Directory`]).
//!
//! | file | content |
//! | --- | --- |
//! | `object.rs`, `rights.rs`, `badge.rs` | the parts of a [`Capability`] |
//! | `capability.rs` | the capability as a value, and minting |
//! | `slot.rs` | a [`Slot`]: 64 bytes that hold one capability and its position in the tree |
//! | `storage.rs` | a [`Place`]: the location of a slot |
//! | `euler_tour.rs` | the linked list that represents the tree |
//! | `derivation.rs` | [`plant`], [`copy`], [`mint`], [`derive()`], [`move_to`], [`delete`], [`clear_leaf`] |
//! | `revocation.rs` | [`revoke`] and [`revoke_except`], one step at a time |
//! | `family.rs` | [`climb`], [`first_child`], [`next_sibling`]: reading the tree; [`bookmark`]: resuming a climb |
//! | `table.rs` | a domain's [`Table`]: maps a [`SlotNumber`] to a place |
//! | `error.rs` | the reason an operation was refused |
//!
//! # The tree
//!
//! Every occupied slot is in one tree, below the slot that it was derived from. An *origin* is the first capability to
//! something, usually an object; [`plant`] and [`derive()`] make origins. A *copy* refers to its parent's object; [`copy`] and
//! [`mint`] make copies.
//!
//! ```text
//!     pool            origin, in the Pool object
//!      └─ pool           copy, in slot 3 of domain 1
//!          ├─ endpoint   origin, in the Endpoint object that was allocated from the pool
//!          │   └─ endpoint        copy, slot 4 of domain 1
//!          │       ├─ endpoint, send, badge 7    copy, slot 2 of domain 2
//!          │       └─ endpoint, send, badge 8    copy, slot 2 of domain 3
//!          └─ memory     origin, in the Memory object
//!              └─ memory          copy, slot 5 of domain 1
//!                  └─ mapping     origin, in the record of the mapping
//! ```
//!
//! Revoking a slot removes all its descendants. Deleting a copy leaves its children to its parent. An origin cannot be
//! removed before its descendants, since they would refer to something that no longer exists.
//!
//! # Invariants
//!
//! 1. An empty slot has no links. The links of occupied slots are symmetric, and start and end nest as brackets do.
//! 2. A root is an origin.
//! 3. A copy has its parent's object, no right that its parent lacks, and its parent's badge if that is set.
//! 4. An origin's generation is one more than its parent's (0 for a root). A copy has its parent's generation. No generation
//!    exceeds [`GENERATION_MAX`].
//! 5. An operation takes constant time, whatever the number of relatives. A step of revocation reads at most `3 *
//!    (GENERATION_MAX + 2)` marks of the tour; every operation writes at most twelve links. (Finding a parent takes many
//!    operations: [`climb`].)
//! 6. A refused operation changes nothing.
//!
//! A slot does not store its parent. Otherwise moving or deleting a slot would write to each of its children, and it may
//! have any number of children. Both operations would have to be interruptible, and every other operation would have to handle
//! partly moved slots. The limit on generations bounds how deep a step of revocation searches for a removable origin. A limit on
//! depth is not suitable: domains may pass copies back and forth without end, and each copy is one level deeper. Origins are
//! not nested that way.
//!
//! # Use
//!
//! ```
//! use capabilities::{Badge, Capability, Object, Place, RevokeStep, Rights, Slot, Storage};
//!
//! #[derive(Clone, Copy, Debug, PartialEq, Eq)]
//! struct Endpoint(u8);
//! #[derive(Clone, Copy, Debug, PartialEq, Eq)]
//! struct Bits(u16);
//!
//! impl Object for Endpoint {
//!     type Rights = Bits;
//! }
//! impl Rights for Bits {
//!     fn none() -> Self { Bits(0) }
//!     fn contains(self, other: Self) -> bool { other.0 & !self.0 == 0 }
//! }
//!
//! struct Frame([Slot<Endpoint>; 3]);
//! impl Storage for Frame {
//!     type Object = Endpoint;
//!     fn slot(&self, place: Place) -> &Slot<Endpoint> { &self.0[place.get() as usize - 1] }
//! }
//!
//! let frame = Frame([const { Slot::empty(0) }; 3]);
//! let [origin, server, client] = [1, 2, 3].map(|place| Place::new(place).unwrap());
//! capabilities::plant(&frame, origin, Capability::new(Endpoint(9), Bits(0b11)))?;
//! capabilities::copy(&frame, origin, server)?;
//! capabilities::mint(&frame, server, client, Bits(0b01), Badge::new(7))?;
//! while let RevokeStep::Removed { place, .. } = capabilities::revoke(&frame, server)? {
//!     assert_eq!(place, client);
//! }
//! # Ok::<(), capabilities::Error<Bits>>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod badge;
mod capability;
mod derivation;
mod error;
mod euler_tour;
mod family;
mod object;
mod revocation;
mod rights;
mod slot;
mod storage;
mod table;
#[cfg(test)]
mod testing;

pub use badge::Badge;
pub use capability::Capability;
pub use derivation::{
    GENERATION_MAX, check_derivable, clear_leaf, copy, delete, derive, mint, move_to, plant,
};
pub use error::{Error, Result};
pub use family::{Climb, bookmark, climb, first_child, has_children, next_sibling};
pub use object::Object;
pub use revocation::{RevokeStep, next_revoked, revoke, revoke_except};
pub use rights::Rights;
pub use slot::{Role, Slot};
pub use storage::{Place, Storage};
pub use table::{Directory, Scan, SlotNumber, Table};
