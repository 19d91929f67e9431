//! What every object has: [`Header`].

use core::cell::Cell;

use abi::register::ObjectId;
use capabilities::{Place, Slot};

use super::{Object, Pool};
use crate::memory::{Holder, Occupied, OwnedFrame, Ref, place_of};

/// Identity, the pool that pays, and the origin of all capabilities to the object.
pub struct Header {
    /// Its place in the order of creation, from one on; never leaves the kernel but in its log.
    pub serial: u64,
    /// The pool whose keys name it: the one that pays, or for the root pool that one itself.
    named_by: Ref<Pool>,
    /// Who pays; nobody for the root pool.
    pub pool: Option<Ref<Pool>>,
    /// The neighbours in the pool's list, in the order of creation.
    pub previous: Cell<Option<Object>>,
    /// See `previous`.
    pub next: Cell<Option<Object>>,
    /// The frame that the object lies in.
    home: Cell<Option<Occupied>>,
    is_ending: Cell<bool>,
    /// The root of the tree of capabilities to the object.
    origin: Slot<Object>,
}

impl Header {
    /// The header of an object that `pool` pays for, in no list yet, whose origin is empty.
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
            is_ending: Cell::new(false),
            origin: Slot::empty(Holder::Origin.pack()),
        }
    }

    /// Its identity: never used again. It is made when it is asked for, in some hundred instructions: hardly any object is asked.
    pub fn id(&self) -> ObjectId {
        self.named_by.identities.identity(self.serial)
    }

    /// Takes back the object's frame: the object is finished, and nothing refers to it any more.
    ///
    /// # Panics
    /// The second time.
    pub(super) fn vacate(&self) -> OwnedFrame {
        let home = self.home.take();
        home.expect("an object is finished once").vacate()
    }

    /// It is being destroyed: nobody makes another capability to it, or anything out of it. Else others could make them as fast as
    /// they are taken away.
    pub fn end(&self) {
        self.is_ending.set(true);
    }

    /// Whether it is being destroyed.
    pub fn is_ending(&self) -> bool {
        self.is_ending.get()
    }

    /// Counts a change of the object, if the domain of its pool is frozen.
    pub fn touch(&self) {
        if let Some(pool) = self.pool {
            pool.touch();
        }
    }

    /// Whether it belongs to a domain that has gone elsewhere: whoever uses it from here hears that it is gone.
    pub fn is_retired(&self) -> bool {
        self.pool.is_some_and(|pool| pool.is_retired())
    }

    /// The origin's place.
    pub fn origin(&self) -> Place {
        place_of(&self.origin)
    }
}
