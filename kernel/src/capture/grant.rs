//! Moves pages of a retired domain's Memory into another Memory, with their frames: [`Grant`].
//!
//! A frame leaves the source's leaf table as [`Unmapped`], and only the flush of the TLBs makes it a frame for the target. So no
//! processor reaches it through the source any more when the target has it. The step changes either all or nothing of both
//! Memories and both accounts.

use abi::{Error, PAGES_PER_TABLE};
use heapless::Vec;

use crate::kernel::Kernel;
use crate::memory::{Entry, LeafTable, Ref, Unmapped};
use crate::objects::{Attribute, Domain, MemoryObject, Object, check_alive};

/// The maximum number of pages that one step moves.
const PAGES_PER_STEP: usize = Unmapped::MAX;

/// The maximum number of pages that one step examines if it moves none.
const LOOKS_PER_STEP: u64 = 512;

/// The cost of moving a page, in examined pages. One budget covers both.
const LOOKS_PER_PAGE: u64 = LOOKS_PER_STEP / PAGES_PER_STEP as u64;

// A step that examines all its pages moves at most as many as it has room for.
const _: () = assert!(LOOKS_PER_STEP.is_multiple_of(PAGES_PER_STEP as u64));

/// A range of pages to be moved.
#[derive(Clone, Copy, Debug)]
pub struct Grant {
    /// The retired domain.
    pub domain: Ref<Domain>,
    /// A Memory of its pool.
    pub source: Ref<MemoryObject>,
    /// The Memory that gets the pages, at the same positions. It is not in that pool.
    pub target: Ref<MemoryObject>,
    pub first_page: u64,
    pub page_count: u64,
}

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantStep {
    /// The pages from the first one on that need no further step.
    pub handled: u64,
    /// The pages among them that were moved.
    pub moved: u64,
}

/// The pages that a step moves, which are in one leaf table, in ascending order.
type Pages = Vec<u64, PAGES_PER_STEP>;

impl Grant {
    /// Moves the first pages of the range that the source has and the target lacks.
    ///
    /// # Errors
    /// [`Error::WrongState`] unless the domain is retired and both Memories are ordinary; [`Error::ArgumentRange`];
    /// [`Error::Gone`] if one of the Memories is being destroyed; [`Error::PoolEmpty`] if the target's pool cannot pay for the
    /// step's pages, of which none is then moved. The target may keep new page tables.
    pub fn step(self, kernel: &Kernel) -> Result<GrantStep, Error> {
        self.check()?;
        let (pages, handled) = self.choose();
        if !pages.is_empty() {
            self.move_pages(kernel, &pages)?;
        }
        let moved = pages.len() as u64;
        Ok(GrantStep { handled, moved })
    }

    fn check(&self) -> Result<(), Error> {
        let memories = [self.source, self.target];
        let is_ordinary = |memory: &Ref<MemoryObject>| memory.attribute == Attribute::Ordinary;
        if !self.domain.is_retired() || !memories.iter().all(is_ordinary) {
            return Err(Error::WrongState);
        }
        let holds = |memory: &Ref<MemoryObject>| memory.holds(self.first_page, self.page_count);
        if !memories.iter().all(holds) {
            return Err(Error::ArgumentRange);
        }
        memories
            .into_iter()
            .try_for_each(|memory| check_alive(Object::Memory(memory)))
    }

    /// The pages to move, all in the leaf table of the first page, and the number of pages that are then handled.
    fn choose(&self) -> (Pages, u64) {
        let mut pages = Pages::new();
        let first = self.first_page;
        let in_table = self
            .page_count
            .min(PAGES_PER_TABLE - first % PAGES_PER_TABLE);
        let Some(leaf) = self.source.leaf(first) else {
            return (pages, in_table);
        };
        let existing = self.target.leaf(first);
        let is_in = |leaf: LeafTable, page| leaf.flags(page).contains(Entry::PRESENT);
        let mut looks = 0;
        for page in first..first + in_table {
            if looks >= LOOKS_PER_STEP {
                return (pages, page - first);
            }
            looks += 1;
            if is_in(leaf, page) && !existing.is_some_and(|target| is_in(target, page)) {
                looks += LOOKS_PER_PAGE - 1;
                pages.push(page).expect("the budget is for no more pages");
            }
        }
        (pages, in_table)
    }

    /// Moves these pages. Nothing fails once the target's pool has paid for them.
    fn move_pages(&self, kernel: &Kernel, pages: &Pages) -> Result<(), Error> {
        let Grant { source, target, .. } = *self;
        let (from_pool, to_pool) = (source.pool(), target.pool());
        let to = target.ensure_leaf(self.first_page, || kernel.take_frame(to_pool))?;
        to_pool.charge(pages.len() as u64)?;
        let from = source
            .leaf(self.first_page)
            .expect("its pages were found there");
        let mut unmapped = Unmapped::none();
        for page in pages {
            source.remove(from, *page, &mut unmapped);
        }
        // No copy of these pages exists for a dirty log of the target, so they are dirty there.
        for (page, frame) in pages.iter().zip(unmapped.flush()) {
            target.insert(to, *page, frame, Entry::LEAF);
        }
        from_pool.refund(pages.len() as u64);
        self.domain.record_grant();
        source.header.touch();
        target.header.touch();
        Ok(())
    }
}
