//! What every object has: [`Header`].

use core::cell::Cell;

use abi::register::ObjectId;
use capabilities::{Place, Slot};

use super::{Identity, Object, Pool};
use crate::memory::{Holder, Occupied, OwnedFrame, Ref, place_of};

/// Identity, the pool that pays, and the origin of all capabilities to the object.
pub struct Header {
    /// Its identity: never used again.
    pub id: ObjectId,
    /// Its place in the order of creation.
    pub serial: u64,
    /// Who pays; nobody for the root pool.
    pub pool: Option<Ref<Pool>>,
    /// The neighbours in the pool's list, in the order of creation.
    pub previous: Cell<Option<Object>>,
    /// See `previous`.
    pub next: Cell<Option<Object>>,
    /// The frame that the object lies in.
    home: Cell<Option<Occupied>>,
    /// The root of the tree of capabilities to the object.
    origin: Slot<Object>,
}

impl Header {
    /// The header of an object in no list yet, whose origin is empty.
    pub fn new(identity: Identity, home: Occupied, pool: Option<Ref<Pool>>) -> Header {
        Header {
            id: identity.id,
            serial: identity.serial,
            pool,
            previous: Cell::new(None),
            next: Cell::new(None),
            home: Cell::new(Some(home)),
            origin: Slot::empty(Holder::Origin.pack()),
        }
    }

    /// Takes back the object's frame: the object is finished, and nothing refers to it any more.
    ///
    /// # Panics
    /// The second time.
    pub(super) fn vacate(&self) -> OwnedFrame {
        let home = self.home.take();
        home.expect("an object is finished once").vacate()
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
