//! The copies of domains that have left: [`Remains`]. Root owns their memory. nomad may destroy a copy or take its pages for the
//! domain's return, and root destroys the oldest ones when it lacks memory.

use std::collections::BTreeMap;

use identity::DomainId;
use nomad_shell::page_set::PageSet;

use super::Hardware;
use super::transit::Outgoing;
use crate::machine::Mutant;
use crate::memory::Memory;

/// nomad's capability for a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Remainder(u32);

/// The copies, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Remains {
    copies: Vec<Left>,
    /// The number of copies that were ever added.
    added: u32,
    /// The first copy of each domain, for a mutant.
    first: BTreeMap<DomainId, Memory>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Left {
    number: Remainder,
    domain: DomainId,
    /// The size of its pool.
    pool_pages: u64,
    /// Its pages, until they are moved.
    pages: Option<Memory>,
}

impl Remains {
    /// The pages of the pools that root may destroy.
    pub fn pool_pages(&self) -> u64 {
        self.copies.iter().map(|copy| copy.pool_pages).sum()
    }

    /// The capabilities for all copies.
    pub fn all(&self) -> impl Iterator<Item = Remainder> {
        self.copies.iter().map(|copy| copy.number)
    }

    /// The copy of this domain that was added last.
    pub(super) fn of(&self, domain: DomainId) -> Option<Remainder> {
        let mut copies = self.copies.iter().rev();
        let copy = copies.find(|copy| copy.domain == domain)?;
        Some(copy.number)
    }

    /// Takes the pages of a copy, which move into the domain that returns; `None` if the copy was destroyed, or its pages have moved.
    /// One mutant has only the first copy of each domain.
    pub(super) fn take_pages(&mut self, number: Remainder, mutant: Mutant) -> Option<Memory> {
        let mut copies = self.copies.iter_mut();
        let copy = copies.find(|copy| copy.number == number)?;
        let pages = copy.pages.take()?;
        let first = self.first.get(&copy.domain);
        let first = first.filter(|_| mutant == Mutant::ReturnsToFirstCopy);
        Some(first.cloned().unwrap_or(pages))
    }

    fn take(&mut self, number: Remainder) -> Option<Left> {
        let index = self.copies.iter().position(|copy| copy.number == number)?;
        Some(self.copies.remove(index))
    }
}

impl Hardware {
    /// Takes pages out of the machine's pool. Root destroys copies if there are too few. Returns whether there were enough.
    pub(super) fn reserve(&mut self, pages: u64) -> bool {
        if self.kernel.free_pages + self.remains.pool_pages() < pages {
            return false;
        }
        while !self.kernel.reserve(pages) {
            let Some(oldest) = self.remains.copies.first() else {
                return false;
            };
            self.destroy_remainder(oldest.number);
        }
        true
    }

    /// Adds the copy of a domain.
    pub(super) fn add_remainder(
        &mut self,
        domain: DomainId,
        pool_pages: u64,
        pages: Memory,
    ) -> Remainder {
        // No number is used twice: nomad may still have the capability for a copy that root has destroyed.
        let number = Remainder(self.remains.added);
        self.remains.added += 1;
        if self.parts.mutant == Mutant::ReturnsToFirstCopy {
            let first = self.remains.first.entry(domain);
            first.or_insert_with(|| pages.clone());
        }
        self.remains.copies.push(Left {
            number,
            domain,
            pool_pages,
            pages: Some(pages),
        });
        number
    }

    /// Has nomad keep the copy of a domain that has left. A nomad that was restarted since does not know which pages were sent, and destroys
    /// the copy.
    pub(super) fn keep_if_known(&mut self, left: &Outgoing, copy: Remainder) -> Option<Remainder> {
        if left.pages.is_none() {
            self.destroy_remainder(copy);
        }
        left.pages.as_ref().map(|_| copy)
    }

    /// Destroys a copy, unless it is destroyed already.
    pub(super) fn destroy_remainder(&mut self, number: Remainder) {
        let copy = self.remains.take(number);
        self.kernel.free_pages += copy.map_or(0, |copy| copy.pool_pages);
    }

    /// Destroys all copies, because nomad has ended.
    pub fn destroy_remains(&mut self) {
        let all: Vec<Remainder> = self.remains.all().collect();
        all.into_iter().for_each(|it| self.destroy_remainder(it));
    }
}

/// The pages of a Memory that are present.
pub fn present_set(memory: &Memory) -> PageSet {
    let mut present = PageSet::new(memory.page_count() as u64);
    let pages = memory.present();
    pages.for_each(|page| present.insert(page as u64));
    present
}
