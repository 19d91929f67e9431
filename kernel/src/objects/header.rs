//! The part common to all objects: [`Header`].

use core::cell::Cell;

use abi::register::ObjectId;
use capabilities::{Place, Slot};

use super::{Object, Pool};
use crate::memory::{Holder, Occupied, OwnedFrame, Ref, place_of};

/// An object's identity, its pool, and the origin of all capabilities to it.
pub struct Header {
    /// Its number in the order of creation, starting at 1. It leaves the kernel only in log lines.
    pub serial: u64,
    /// The pool whose keys encrypt its identity. It is the pool that pays for the object, or for the root pool the root pool
    /// itself.
    named_by: Ref<Pool>,
    /// The pool that pays for it; none for the root pool.
    pub pool: Option<Ref<Pool>>,
    /// Its neighbours in the pool's list, in the order of creation.
    pub previous: Cell<Option<Object>>,
    /// See `previous`.
    pub next: Cell<Option<Object>>,
    /// The object's frame.
    home: Cell<Option<Occupied>>,
    is_being_destroyed: Cell<bool>,
    /// The root of the tree of capabilities to the object.
    origin: Slot<Object>,
}

impl Header {
    /// The header of an object that `pool` pays for, with an empty origin and in no list yet.
    pub fn new(serial: u64, home: Occupied, pool: Ref<Pool>) -> Header {
        Header {
            pool: Some(pool),
            ..Header::of_root(serial, home, pool)
        }
    }

    /// The root pool's header; `this` is that pool.
    pub fn of_root(serial: u64, home: Occupied, this: Ref<Pool>) -> Header {
        Header {
            serial,
            named_by: this,
            pool: None,
            previous: Cell::new(None),
            next: Cell::new(None),
            home: Cell::new(Some(home)),
            is_being_destroyed: Cell::new(false),
            origin: Slot::empty(Holder::Origin.pack()),
        }
    }

    /// Its identity, never reused. It is computed on demand, in about a hundred instructions, since few identities are ever read.
    pub fn id(&self) -> ObjectId {
        self.named_by.identities.identity(self.serial)
    }

    /// Takes back the frame of a destroyed object, to which nothing refers any more.
    ///
    /// # Panics
    /// When called twice.
    pub(super) fn vacate(&self) -> OwnedFrame {
        let home = self.home.take();
        home.expect("an object is finished once").vacate()
    }

    /// Marks it as being destroyed. From now on it gets no new capabilities and no new content. Otherwise others could
    /// create them as fast as they are removed.
    pub fn begin_destruction(&self) {
        self.is_being_destroyed.set(true);
    }

    pub fn is_being_destroyed(&self) -> bool {
        self.is_being_destroyed.get()
    }

    /// Counts a change of the object in its pool's domain and in the domains of the pools around that pool, each only if it
    /// is frozen.
    pub fn touch(&self) {
        if let Some(pool) = self.pool {
            pool.touch();
        }
    }

    /// Whether it belongs to a domain that was moved away: every use of it on this machine fails with Gone.
    pub fn is_retired(&self) -> bool {
        self.pool.is_some_and(|pool| pool.is_retired())
    }

    pub fn origin(&self) -> Place {
        place_of(&self.origin)
    }
}
