//! The copy of a domain that has left, for the case that the domain returns: [`Kept`].

use alloc::collections::BTreeMap;

use abi::register::{ObjectId, PageCount, PageIndex};
use nomad_shell::page_set::PageSet;
use runtime::capability::{Domain, Kind, Memory, Pool};
use runtime::{Cap, Error};

use crate::capture::captured::for_each_bitmap;
use crate::owned::{Owned, destroy_or_forget};

/// A retired domain that runs elsewhere. Root owns its memory, and may destroy it at any time.
#[derive(Debug)]
pub struct Kept {
    domain: Owned<Domain>,
    /// The pool, with the right to destroy it.
    pool: Cap<Pool>,
    memories: KeptMemories,
}

/// The Memories of a copy, by their positions in the image with which the domain left.
pub type KeptMemories = BTreeMap<u32, KeptMemory>;

/// A Memory of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptMemory {
    pub id: ObjectId,
    pub page_count: u64,
}

impl Kept {
    /// The copy of a domain whose pool this is, with the Memories that were sent.
    pub fn new(domain: Owned<Domain>, pool: Cap<Pool>, memories: KeptMemories) -> Kept {
        Kept {
            domain,
            pool,
            memories,
        }
    }

    /// Whether root has not destroyed it.
    pub fn exists(&self) -> bool {
        let found = self.pool.inspect();
        found.is_ok_and(|found| found.kind == Pool::KIND)
    }

    /// Destroys what is left of it.
    pub fn destroy(self) {
        destroy_or_forget(self.pool);
    }

    /// Moves all pages of the Memory at this position into another Memory of the same size; returns which pages these are. Each
    /// Memory can be moved once: if this fails, some of its pages have moved.
    ///
    /// # Errors
    /// [`Error::NotThere`] if there is no such Memory; or the error of the kernel.
    pub fn move_pages(
        &mut self,
        position: u32,
        target: Cap<Memory>,
        page_count: u64,
    ) -> Result<PageSet, Error> {
        let memory = self.memories.remove(&position);
        let memory = memory.filter(|memory| memory.page_count == page_count);
        let id = memory.ok_or(Error::NotThere)?.id;
        let domain = self.domain.cap();
        let mut present = PageSet::new(page_count);
        for_each_bitmap(
            page_count,
            |first, count| domain.present_pages(id, first, count),
            |first, bits| present.insert_all(first, bits),
        )?;
        domain.grant_pages(id, target, PageIndex(0), PageCount(page_count))?;
        Ok(present)
    }
}

#[cfg(test)]
mod tests {
    use abi::Request;
    use abi::calls::{CapabilityDelete, Destroy, DomainGrantPages};
    use abi::register::Slot;
    use runtime::host::{CallResult, DONE, with_kernel};

    use super::*;

    const DOMAIN: Slot = Slot(8);
    const POOL: Slot = Slot(9);
    const TARGET: Slot = Slot(10);
    const MEMORY: KeptMemory = KeptMemory {
        id: ObjectId(5),
        page_count: 600,
    };

    fn kept() -> Kept {
        let memories = KeptMemories::from([(3, MEMORY)]);
        Kept::new(
            Owned::new(Cap::from_slot(DOMAIN)),
            Cap::from_slot(POOL),
            memories,
        )
    }

    /// A kernel in whose Memories every page is absent.
    fn kernel(request: &Request) -> CallResult {
        match request {
            Request::DomainPages(call) => Ok([call.page_count.0, 0, 0, 0, 0, 0, 0, 0]),
            _ => DONE,
        }
    }

    fn move_pages(kept: &mut Kept, position: u32, page_count: u64) -> Result<u64, Error> {
        let moved = kept.move_pages(position, Cap::from_slot(TARGET), page_count);
        moved.map(|pages| pages.page_count())
    }

    #[test]
    fn all_pages_of_a_memory_are_moved_once() {
        let ((), calls) = with_kernel(kernel, || {
            let mut kept = kept();
            assert_eq!(move_pages(&mut kept, 3, 600), Ok(600));
            assert_eq!(move_pages(&mut kept, 3, 600), Err(Error::NotThere));
        });
        let grants = calls.into_iter().filter_map(|call| match call {
            Request::DomainGrantPages(call) => Some(call),
            _ => None,
        });
        let expected = DomainGrantPages {
            domain: DOMAIN,
            memory: MEMORY.id,
            target: TARGET,
            first_page: PageIndex(0),
            page_count: PageCount(600),
            progress: 0,
        };
        assert!(grants.eq([expected]));
    }

    #[test]
    fn a_memory_at_another_position_or_of_another_size_does_not_continue() {
        let ((), calls) = with_kernel(kernel, || {
            for (position, page_count) in [(2, 600), (3, 601)] {
                let moved = move_pages(&mut kept(), position, page_count);
                assert_eq!(moved, Err(Error::NotThere));
            }
        });
        let is_grant = |call: &Request| matches!(call, Request::DomainGrantPages(_));
        assert!(!calls.iter().any(is_grant));
    }

    #[test]
    fn its_pool_is_destroyed_and_its_slots_are_freed() {
        let ((), calls) = with_kernel(kernel, || kept().destroy());
        let destroy = Request::Destroy(Destroy { object: POOL });
        let forget = Request::CapabilityDelete(CapabilityDelete { slot: DOMAIN });
        assert_eq!(calls, [destroy, forget]);
    }
}
