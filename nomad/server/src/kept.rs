//! The copy of a domain that has left, for the case that the domain returns: [`Kept`].
//!
//! ```text
//!   the domain leaves   Outgoing::release ----> Kept: the retired domain, the list of its Memories
//!                                                |     root may destroy its pool at any time (`exists`)
//!   it is admitted      Incoming::give_kept <----+     all pages move, or none is used
//!   there is time       Kept::give_up <----------'     root destroys what is left, or a copy that is not wanted any more
//! ```
//!
//! `nomad_shell::returns` decides which copies are kept, for how long, and which one an arriving domain gets.

use alloc::collections::BTreeMap;

use abi::register::{ObjectId, PageCount, PageIndex};
use identity::{DomainId, Incarnation};
use nomad_shell::page_set::PageSet;
use nomad_shell::returns::COPIES_MAX;
use runtime::capability::{Domain, Kind, Memory, Pool};
use runtime::{Cap, Error};

use crate::capture::captured::for_each_bitmap;
use crate::owned::Owned;
use crate::root::Root;

/// A retired domain that runs elsewhere. Root owns its memory, and may destroy it at any time.
#[derive(Debug)]
pub struct Kept {
    id: DomainId,
    incarnation: Incarnation,
    domain: Owned<Domain>,
    /// A capability for its pool, without any right. It shows only whether the pool exists.
    pool: Owned<Pool>,
    memories: KeptMemories,
}

/// The most Memories of a copy that is kept.
pub const MEMORIES_MAX: usize = 64;
/// The most bytes of this server's heap for the lists of all copies. The nodes of a map may be half empty.
pub const LISTS_BYTES: usize = COPIES_MAX * MEMORIES_MAX * 3 * size_of::<(u32, KeptMemory)>();

/// The Memories of a copy, by their positions in the image with which the domain left.
pub type KeptMemories = BTreeMap<u32, KeptMemory>;

/// A Memory of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptMemory {
    pub id: ObjectId,
    pub page_count: u64,
}

impl Kept {
    /// The copy of a domain that has left as this incarnation, with its pool and the Memories that were sent.
    pub fn new(
        (id, incarnation): (DomainId, Incarnation),
        domain: Owned<Domain>,
        pool: Owned<Pool>,
        memories: KeptMemories,
    ) -> Kept {
        Kept {
            id,
            incarnation,
            domain,
            pool,
            memories,
        }
    }

    /// Whether the copy still exists. Root may destroy it at any time.
    pub fn exists(&self) -> bool {
        let found = self.pool.cap().inspect();
        found.is_ok_and(|found| found.kind == Pool::KIND)
    }

    /// Lets root destroy what is left of it, when the processor has nothing else to do.
    pub fn give_up(self, root: Root) {
        root.reclaim(self.id, self.incarnation);
    }

    /// The positions of its Memories, and their sizes in pages.
    pub fn sizes(&self) -> impl Iterator<Item = (u32, u64)> {
        let memories = self.memories.iter();
        memories.map(|(position, memory)| (*position, memory.page_count))
    }

    /// Moves all pages of the Memory at this position into another Memory of the same size; returns which pages these are.
    ///
    /// # Errors
    /// [`Error::NotThere`] if there is no such Memory, or if some of its pages are not there; or the error of the kernel. In
    /// either case some pages may have moved.
    pub fn move_pages(&self, position: u32, target: Cap<Memory>) -> Result<PageSet, Error> {
        let KeptMemory { id, page_count } = *self.memories.get(&position).ok_or(Error::NotThere)?;
        let domain = self.domain.cap();
        let mut present = PageSet::new(page_count);
        for_each_bitmap(
            page_count,
            |first, count| domain.present_pages(id, first, count),
            |first, bits| present.insert_all(first, bits),
        )?;
        let moved = domain.grant_pages(id, target, PageIndex(0), PageCount(page_count))?;
        let is_complete = moved.0 == present.len();
        is_complete.then_some(present).ok_or(Error::NotThere)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use abi::Request;
    use abi::calls::{CapabilityDelete, DomainGrantPages};
    use abi::register::Slot;
    use runtime::host::{CallResult, DONE, with_kernel, write_message_data};
    use runtime::protocol::root::Request as RootRequest;

    use super::*;

    const ID: DomainId = DomainId(3);
    const INCARNATION: Incarnation = Incarnation(6);
    const ROOT: Slot = Slot(7);
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
            (ID, INCARNATION),
            Owned::new(Cap::from_slot(DOMAIN)),
            Owned::new(Cap::from_slot(POOL)),
            memories,
        )
    }

    /// A kernel in whose Memories every second page is present, and which moves this many of them.
    fn kernel<const MOVED: u64>(request: &Request) -> CallResult {
        match request {
            Request::DomainPages(call) => {
                write_message_data(&[0x55; 75]);
                Ok([call.page_count.0, 0, 0, 0, 0, 0, 0, 0])
            }
            Request::DomainGrantPages(_) => Ok([MOVED, 0, 0, 0, 0, 0, 0, 0]),
            _ => DONE,
        }
    }

    fn move_pages<const MOVED: u64>(position: u32) -> (Result<u64, Error>, Vec<Request>) {
        with_kernel(kernel::<MOVED>, || {
            let moved = kept().move_pages(position, Cap::from_slot(TARGET));
            moved.map(|pages| pages.len())
        })
    }

    #[test]
    fn all_pages_of_a_memory_are_moved() {
        let (moved, calls) = move_pages::<300>(3);
        assert_eq!(moved, Ok(300));
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
    fn a_memory_of_which_a_page_has_not_moved_does_not_continue() {
        assert_eq!(move_pages::<299>(3).0, Err(Error::NotThere));
    }

    #[test]
    fn a_memory_at_another_position_does_not_continue() {
        let (moved, calls) = move_pages::<300>(2);
        assert_eq!(moved, Err(Error::NotThere));
        let is_grant = |call: &Request| matches!(call, Request::DomainGrantPages(_));
        assert!(!calls.iter().any(is_grant));
    }

    #[test]
    fn root_destroys_it_when_it_is_given_up_and_its_slots_are_freed() {
        let root = Root::new(Cap::from_slot(ROOT));
        let ((), calls) = with_kernel(kernel::<0>, || kept().give_up(root));
        let [request, forget @ ..] = calls.as_slice() else {
            panic!("no call");
        };
        let Request::Call(call) = request else {
            panic!("{request:?}");
        };
        assert_eq!(call.endpoint, ROOT);
        let reclaim = runtime::protocol::encode(&RootRequest::Reclaim {
            id: ID,
            incarnation: INCARNATION,
        });
        let words = [call.w0, call.w1, call.w2, call.w3];
        assert!(words.starts_with(reclaim.as_slice()), "{call:?}");
        let forgotten =
            [DOMAIN, POOL].map(|slot| Request::CapabilityDelete(CapabilityDelete { slot }));
        assert_eq!(forget, forgotten);
    }
}
