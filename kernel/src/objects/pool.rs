//! An account of physical memory: [`Pool`].
//!
//! A pool's pages are reserved in its parent when it is split off, so one domain's spending never takes from another.
//! All frames come from one allocator, and the root pool's limit is the number of its frames. So there is a frame for every page
//! that a pool has paid for.

use core::cell::Cell;

use abi::register::ObjectId;
use abi::{Error, Rights};
use capabilities::Place;

use super::create::publish_with;
use super::{Domain, Header, IdentityKeys, Object, check_free};
use crate::kernel::Kernel;
use crate::memory::Ref;

/// The maximum number of objects that one step of a search passes.
const OBJECTS_PER_STEP: usize = 256;

/// The maximum number of objects that a successful step passes. A step that passes more leaves the result to the next step,
/// since callers follow a successful search with long work of their own.
const PASSED_BEFORE_FOUND: usize = 16;

/// The result of a step of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    Found(Object),
    /// Repeating the search continues it.
    Unfinished,
    Absent,
}

impl Search {
    /// The object, if the search has found one.
    pub fn found(self) -> Option<Object> {
        match self {
            Search::Found(object) => Some(object),
            Search::Unfinished | Search::Absent => None,
        }
    }
}

/// An account of memory, and the list of the objects that it paid for.
pub struct Pool {
    pub header: Header,
    /// The number of pages that it may spend.
    pub limit: u64,
    /// Its depth in the tree of pools; the root pool has 0.
    pub depth: u32,
    /// The keys of the identities of all the machine's objects.
    pub identities: IdentityKeys,
    used: Cell<u64>,
    is_retired: Cell<bool>,
    first: Cell<Option<Object>>,
    last: Cell<Option<Object>>,
    /// The position of the last search, from which the next one can continue.
    bookmark: Cell<Option<Object>>,
    /// Its domain, if there is one.
    pub domain: Cell<Option<Ref<Domain>>>,
}

impl Pool {
    /// A pool of `limit` pages that has spent nothing.
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

    /// The number of pages that are spent, or reserved for child pools.
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

    /// Returns pages to the account.
    pub fn refund(&self, pages: u64) {
        let used = self.used.get();
        assert!(
            pages <= used,
            "a pool gets {pages} pages back and had spent {used}"
        );
        self.used.set(used - pages);
    }

    /// Counts a change in its domain and in the domains of the pools around it, each only if it is frozen.
    pub fn touch(&self) {
        let outwards = core::iter::successors(self.header.pool, |pool| pool.header.pool);
        let domains = outwards.filter_map(|pool| pool.domain.get());
        self.domain
            .get()
            .into_iter()
            .chain(domains)
            .for_each(|domain| domain.touch());
    }

    /// The oldest object.
    pub fn first(&self) -> Option<Object> {
        self.first.get()
    }

    /// The newest object.
    pub fn last(&self) -> Option<Object> {
        self.last.get()
    }

    /// Records that its domain was moved away, or that this was undone.
    pub fn set_retired(&self, is_retired: bool) {
        self.is_retired.set(is_retired);
    }

    /// Whether its domain was moved away. Stays true while the domain is being destroyed, and after that.
    pub fn is_retired(&self) -> bool {
        self.is_retired.get()
    }

    /// The serial number for this identity. Searches compare serial numbers, since an identity is computed each time it is read.
    pub fn serial_of(&self, id: ObjectId) -> u64 {
        self.identities.serial(id)
    }

    /// Searches for the object with this identity, or else the next younger one; the list is in the order of creation. Identity
    /// zero finds the first object.
    ///
    /// Passes a bounded number of objects; `bookmark` keeps the position. A search that has passed many objects returns
    /// [`Search::Unfinished`] even if it is complete; the repeated search then passes one object.
    pub fn seek(&self, id: ObjectId) -> Search {
        let serial = self.serial_of(id);
        let is_older = |object: &Object| object.header().serial < serial;
        let is_before = |object: &Object| object.header().serial <= serial;
        let marked = self.bookmark.get().filter(is_before);
        let mut next = marked.or(self.first.get());
        let mut passed = 0;
        while let Some(object) = next.filter(is_older)
            && passed < OBJECTS_PER_STEP
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

    #[cfg(test)]
    pub fn bookmark(&self) -> Option<Object> {
        self.bookmark.get()
    }

    /// Appends an object to the list.
    pub fn enlist(&self, object: Object) {
        let previous = self.last.replace(Some(object));
        object.header().previous.set(previous);
        match previous {
            Some(previous) => previous.header().next.set(Some(object)),
            None => self.first.set(Some(object)),
        }
        self.touch();
    }

    /// Removes an object from the list.
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
    /// Whether this pool is `ancestor` or one of its descendants.
    pub fn is_within(self, ancestor: Ref<Pool>) -> bool {
        core::iter::successors(Some(self), |pool| pool.header.pool).any(|pool| pool == ancestor)
    }
}

/// Splits off a child pool whose origin, and so every capability to it, has at most these rights. The child's own frame is the
/// first page that it spends.
///
/// # Errors
/// [`Error::OccupiedSlot`]; [`Error::PoolEmpty`], also for a child without pages; [`Error::TableFull`] for one nested too
/// deeply.
pub fn create_pool(
    kernel: &Kernel,
    parent: Ref<Pool>,
    pages: u64,
    rights: Rights,
    into: Place,
) -> Result<Ref<Pool>, Error> {
    check_free(into)?;
    let pool = create_unpublished_pool(kernel, parent, pages)?;
    publish_with(Object::Pool(pool), rights, into);
    Ok(pool)
}

/// As [`create_pool`], without a capability yet.
///
/// # Errors
/// [`Error::PoolEmpty`], [`Error::TableFull`].
pub fn create_unpublished_pool(
    kernel: &Kernel,
    parent: Ref<Pool>,
    pages: u64,
) -> Result<Ref<Pool>, Error> {
    if pages == 0 {
        return Err(Error::PoolEmpty);
    }
    if parent.depth == abi::POOL_DEPTH_MAX {
        return Err(Error::TableFull);
    }
    parent.charge(pages)?;
    let frame = kernel
        .frames
        .allocate()
        .expect("the root pool's limit is the number of frames");
    let pool = Ref::place(frame, |_, home| {
        Pool::new(
            Header::new(kernel.new_serial(), home, parent),
            pages,
            parent.identities,
        )
    });
    pool.charge(1).expect("the child has a page");
    parent.enlist(Object::Pool(pool));
    Ok(pool)
}
