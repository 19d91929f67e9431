//! A Memory whose pages arrive.

use abi::PAGE_BYTES;
use abi::register::{Access, PageCount, PageIndex};
use nomad_image::{PAGE_BYTES as PAGE_LENGTH, PageMap};
use runtime::capability::{Domain, Memory, Pool};
use runtime::mapping::Mapping;
use runtime::{Cap, Error};

use crate::capture::captured::{Log, for_each_bitmap};
use crate::kept::Kept;
use crate::machine::Machine;
use crate::owned::destroy_or_forget;
use nomad_shell::arriving_pages::{ArrivingPages, Pages};
use nomad_shell::returns::Visited;

/// A Memory of the arriving domain, mapped here so that its pages can be written.
#[derive(Debug)]
pub struct Arriving {
    memory: Cap<Memory>,
    view: Mapping,
    pages: ArrivingPages,
    /// The log of the pages that are written after its last round.
    log: Option<Log>,
}

/// An arriving Memory and its mapping.
struct View<'a> {
    memory: Cap<Memory>,
    view: &'a Mapping,
}

impl Pages for View<'_> {
    type Error = Error;

    fn populate(&mut self, first: u64, count: u64) -> Result<(), Error> {
        self.memory.populate(PageIndex(first), PageCount(count))
    }

    fn discard(&mut self, first: u64, count: u64) -> Result<(), Error> {
        self.memory.discard(PageIndex(first), PageCount(count))
    }

    fn clear(&mut self, page: u64) {
        write(self.view, page, &[0; PAGE_LENGTH]);
    }
}

fn write(view: &Mapping, page: u64, bytes: &[u8; PAGE_LENGTH]) {
    view.memory().write((page * PAGE_BYTES) as usize, bytes);
}

impl Arriving {
    /// Makes a Memory and maps it into `own`.
    ///
    /// # Errors
    /// The error of the kernel.
    pub fn new(own: Cap<Domain>, pool: Cap<Pool>, pages: u64) -> Result<Arriving, Error> {
        let memory = pool.create_memory(PageCount(pages))?;
        let view = Mapping::new(own, memory, PageCount(pages), Access::ReadWrite)
            .inspect_err(|_| destroy_or_forget(memory))?;
        Ok(Arriving {
            memory,
            view,
            pages: ArrivingPages::new(pages),
            log: None,
        })
    }

    /// Takes over the pages of the Memory at this position of a kept copy of the domain. Both Memories have the same size.
    ///
    /// # Errors
    /// The error of [`Kept::move_pages`]. Then this Memory is to be destroyed.
    pub fn continue_from(&mut self, kept: &Kept, position: u32) -> Result<(), Error> {
        let moved = kept.move_pages(position, self.memory)?;
        self.pages.insert_kept(&moved);
        Ok(())
    }

    /// Its size in pages.
    pub fn page_count(&self) -> u64 {
        self.pages.present().page_count()
    }

    /// Logs which pages are written from now on. `domain` is the domain that was built with this Memory.
    ///
    /// # Errors
    /// The error of the kernel. Then there is no log.
    pub fn log_writes(&mut self, machine: &Machine, domain: Cap<Domain>) -> Result<(), Error> {
        let log = match self.log.take() {
            Some(log) => log,
            None => {
                let memory = machine.identify(self.memory.erase())?;
                let token = domain.begin_log(memory)?;
                Log { memory, token }
            }
        };
        for_each_bitmap(
            self.page_count(),
            |first, count| domain.take_dirty_pages(log.memory, log.token, first, count),
            |_, _| {},
        )?;
        self.log = Some(log);
        Ok(())
    }

    /// Removes and returns its log, with the pages that are present. `position` is its position in the image.
    pub fn take_log(&mut self, position: u32) -> Option<Visited<Log>> {
        Some(Visited {
            position,
            log: self.log.take()?,
            present: self.pages.present().clone(),
        })
    }

    pub fn memory(&self) -> Cap<Memory> {
        self.memory
    }

    /// Applies a chunk to the Memory's pages. Pages with data are populated now, and written when their bytes arrive.
    ///
    /// # Errors
    /// The error of the kernel.
    pub fn apply(&mut self, first_page: u64, map: &PageMap) -> Result<(), Error> {
        let Arriving {
            memory,
            view,
            pages,
            ..
        } = self;
        let memory = *memory;
        pages.apply(first_page, map, &mut View { memory, view })
    }

    /// Writes a page that a chunk announced.
    pub fn put(&self, page: u64, bytes: &[u8; PAGE_LENGTH]) {
        write(&self.view, page, bytes);
    }

    /// Removes the Memory's pager, if it has one. A capability that a Memory holds does not end with the domain in
    /// which it was derived.
    pub fn remove_pager(&self) {
        if let Err(error) = self.memory.set_pager(None) {
            log::warn!("removing a pager: {error}");
        }
    }

    /// Unmaps it, and drops the capability for it.
    pub fn forget(self) {
        drop(self.view);
        self.memory.forget();
    }

    pub fn destroy(self) {
        drop(self.view);
        destroy_or_forget(self.memory);
    }
}

#[cfg(test)]
mod tests {
    use abi::Request;
    use abi::calls::MemoryDiscard;
    use abi::register::Slot;
    use alloc::vec::Vec;
    use nomad_image::PageChange;
    use runtime::host::{DONE, with_kernel};

    use super::*;

    const OWN: Cap<Domain> = Cap::from_slot(Slot(2));
    const POOL: Cap<Pool> = Cap::from_slot(Slot(3));
    /// The first page of the Memory's second chunk.
    const FIRST: u64 = 512;
    const PAGES: u64 = 600;

    /// A chunk with this change to its pages 1 and 2.
    fn pages(change: PageChange) -> PageMap {
        let mut map = PageMap::try_new(88).expect("a chunk");
        [1, 2].into_iter().for_each(|page| map.set(page, change));
        map
    }

    fn arriving() -> Arriving {
        Arriving::new(OWN, POOL, PAGES).expect("makes a Memory")
    }

    fn byte_of(arriving: &Arriving, page: u64) -> u8 {
        let mut byte = [0];
        let memory = arriving.view.memory();
        memory.read((page * PAGE_BYTES) as usize + 77, &mut byte);
        byte[0]
    }

    #[test]
    fn only_a_page_that_was_written_and_is_zero_again_is_zeroed() {
        with_kernel(
            |_| DONE,
            || {
                let mut arriving = arriving();
                let data = pages(PageChange::Data);
                assert_eq!(arriving.apply(FIRST, &data), Ok(()));
                let [written, other] = [FIRST + 1, FIRST + 3];
                [written, other]
                    .into_iter()
                    .for_each(|page| arriving.put(page, &[5; PAGE_LENGTH]));
                let zero = pages(PageChange::Zero);
                assert_eq!(arriving.apply(FIRST, &zero), Ok(()));
                assert_eq!(byte_of(&arriving, written), 0);
                assert_eq!(byte_of(&arriving, other), 5, "the chunk does not name it");
                assert!(arriving.pages.is_empty());
            },
        );
    }

    #[test]
    fn a_page_that_the_domain_discarded_is_discarded_here() {
        let (memory, calls) = with_kernel(
            |_| DONE,
            || {
                let mut arriving = arriving();
                for change in [PageChange::Data, PageChange::Absent] {
                    assert_eq!(arriving.apply(FIRST, &pages(change)), Ok(()));
                }
                assert!(arriving.pages.is_empty());
                arriving.memory().slot()
            },
        );
        let discarded: Vec<_> = calls
            .into_iter()
            .filter(|call| matches!(call, Request::MemoryDiscard(_)))
            .collect();
        let expected = Request::MemoryDiscard(MemoryDiscard {
            memory,
            first_page: PageIndex(FIRST + 1),
            page_count: PageCount(2),
        });
        assert_eq!(discarded, [expected]);
    }
}
