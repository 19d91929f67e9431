//! An account of physical memory: [`Pool`].
//!
//! A pool's pages are reserved in its parent when it is split off, so that what one domain spends never takes
//! from another. Frames themselves come from one allocator: the sum of all limits never exceeds what it has.

use core::cell::Cell;

use abi::Error;
use abi::register::ObjectId;

use super::{Domain, Header, IdentityKeys, Object};
use crate::memory::Ref;

/// Objects that a step of a search passes.
const OBJECTS_PASSED: usize = 256;

/// Objects that a step passes before it finds what it looks for, at most: one that passes more leaves that to the next step,
/// since those who search go on with work that takes long, too.
const PASSED_BEFORE_FOUND: usize = 16;

/// What a step of a search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// There it is.
    Found(Object),
    /// The same search again goes on.
    Unfinished,
    /// There is none.
    Absent,
}

/// An account of memory, and the list of what it paid for.
pub struct Pool {
    /// What all objects have.
    pub header: Header,
    /// How many pages it may spend.
    pub limit: u64,
    /// How many pools it lies in.
    pub depth: u32,
    /// What the identities of all the machine's objects are made with.
    pub identities: IdentityKeys,
    used: Cell<u64>,
    is_retired: Cell<bool>,
    first: Cell<Option<Object>>,
    last: Cell<Option<Object>>,
    /// Where the last search stopped, so that the next one need not begin at the beginning.
    bookmark: Cell<Option<Object>>,
    /// The domain that belongs to it, if there is one.
    pub domain: Cell<Option<Ref<Domain>>>,
}

impl Pool {
    /// A pool of this many pages that has spent nothing.
    pub fn new(header: Header, limit: u64, identities: IdentityKeys) -> Pool {
        Pool {
            identities,
            depth: header.pool.map_or(0, |parent| parent.depth + 1),
            header,
            limit,
            used: Cell::new(0),
            is_retired: Cell::new(false),
            first: Cell::new(None),
            last: Cell::new(None),
            bookmark: Cell::new(None),
            domain: Cell::new(None),
        }
    }

    /// How many pages are spent, or reserved for child pools.
    pub fn used(&self) -> u64 {
        self.used.get()
    }

    /// Spends pages.
    ///
    /// # Errors
    /// [`Error::PoolEmpty`].
    pub fn charge(&self, pages: u64) -> Result<(), Error> {
        let used = self
            .used
            .get()
            .checked_add(pages)
            .filter(|used| *used <= self.limit)
            .ok_or(Error::PoolEmpty)?;
        self.used.set(used);
        Ok(())
    }

    /// Gives pages back to the account.
    pub fn refund(&self, pages: u64) {
        let used = self.used.get();
        assert!(
            pages <= used,
            "a pool gets {pages} pages back and had spent {used}"
        );
        self.used.set(used - pages);
    }

    /// Counts a change of what belongs to it in its domain, and in the domains of the pools that it lies in, as far as they
    /// are frozen.
    pub fn touch(&self) {
        let outwards = core::iter::successors(self.header.pool, |pool| pool.header.pool);
        let domains = outwards.filter_map(|pool| pool.domain.get());
        self.domain
            .get()
            .into_iter()
            .chain(domains)
            .for_each(|domain| domain.touch());
    }

    /// The object made first.
    pub fn first(&self) -> Option<Object> {
        self.first.get()
    }

    /// The object made last.
    pub fn last(&self) -> Option<Object> {
        self.last.get()
    }

    /// Its domain has gone elsewhere, or has come back.
    pub fn set_retired(&self, is_retired: bool) {
        self.is_retired.set(is_retired);
    }

    /// Whether its domain has gone elsewhere. That stays true while the domain is destroyed, and after that.
    pub fn is_retired(&self) -> bool {
        self.is_retired.get()
    }

    /// The serial number of the object of this identity: what a search compares, since an identity is made anew for each look.
    pub fn serial_of(&self, id: ObjectId) -> u64 {
        self.identities.serial(id)
    }

    /// Looks for the object of this identity, or else the next younger one: the list is in the order of creation. No identity,
    /// zero, leads to the first object.
    ///
    /// Passes a bounded number of objects; the bookmark keeps how far it came. A search is unfinished also when it has passed
    /// many objects and is at its end: the same again then passes one.
    pub fn seek(&self, id: ObjectId) -> Search {
        let serial = self.serial_of(id);
        let is_older = |object: &Object| object.header().serial < serial;
        let is_before = |object: &Object| object.header().serial <= serial;
        let marked = self.bookmark.get().filter(is_before);
        let mut next = marked.or(self.first.get());
        let mut passed = 0;
        while let Some(object) = next.filter(is_older)
            && passed < OBJECTS_PASSED
        {
            self.bookmark.set(next);
            next = object.header().next.get();
            passed += 1;
        }
        match next {
            _ if passed > PASSED_BEFORE_FOUND => Search::Unfinished,
            Some(object) => Search::Found(object),
            None => Search::Absent,
        }
    }

    /// Where the last search stopped.
    #[cfg(test)]
    pub fn bookmark(&self) -> Option<Object> {
        self.bookmark.get()
    }

    /// Enters an object at the end of the list.
    pub fn enlist(&self, object: Object) {
        let previous = self.last.replace(Some(object));
        object.header().previous.set(previous);
        match previous {
            Some(previous) => previous.header().next.set(Some(object)),
            None => self.first.set(Some(object)),
        }
        self.touch();
    }

    /// Takes an object out of the list.
    pub fn delist(&self, object: Object) {
        let header = object.header();
        let (previous, next) = (header.previous.take(), header.next.take());
        if self.bookmark.get() == Some(object) {
            self.bookmark.set(previous);
        }
        match previous {
            Some(previous) => previous.header().next.set(next),
            None => self.first.set(next),
        }
        match next {
            Some(next) => next.header().previous.set(previous),
            None => self.last.set(previous),
        }
        self.touch();
    }
}

impl Ref<Pool> {
    /// Whether this pool is `ancestor` or was split off from it, at whatever remove.
    pub fn is_within(self, ancestor: Ref<Pool>) -> bool {
        core::iter::successors(Some(self), |pool| pool.header.pool).any(|pool| pool == ancestor)
    }
}
