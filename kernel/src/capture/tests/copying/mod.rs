//! Copying pages out of a domain: results, refusals, the owner of a dirty log, and mappings for a debugger. The manager is the
//! domain that copies; the subject is the domain that is copied.
//!
//! | file | tests |
//! | --- | --- |
//! | `copies` | the pages that a call copies |
//! | `refusals` | calls that copy nothing |
//! | `logs` | the dirty log: its owner and its passes |
//! | `views` | mappings of a domain for a debugger |

mod copies;
mod logs;
mod refusals;
mod views;

use abi::Error;
use abi::calls::{DomainPages, DomainReadPages, MemoryCreate, PageSet};
use abi::message::DATA_OFFSET;
use abi::register::{ObjectId, PageCount, PageIndex, Slot};

use super::scene::{SUBJECT, SUBJECT_POOL, Scene};
use crate::memory::{Entry, Frame, Ref};
use crate::objects::MemoryObject;
use crate::testing::{calls, slots};

/// The subject's Memory, in the manager's table.
const MEMORY: Slot = Slot(25);
/// The manager's Memory for copies.
const STAGING: Slot = Slot(26);
const OTHER: Slot = Slot(27);
const SPARE: Slot = Slot(28);
/// Pages of the Memories: more than a leaf table holds.
const PAGES: u64 = 700;
const STAGING_PAGES: u64 = 64;
const ALL: u64 = u64::MAX;

/// A subject with a Memory, and a manager with a Memory for copies.
struct Copying {
    scene: Scene,
    id: ObjectId,
}

impl Copying {
    fn new() -> Copying {
        let scene = Scene::new();
        let manager = scene.manager.thread;
        for (pool, pages, into) in [
            (SUBJECT_POOL, PAGES, MEMORY),
            (slots::POOL, STAGING_PAGES, STAGING),
            (slots::POOL, PAGES, OTHER),
        ] {
            let pages = PageCount(pages);
            scene.does(manager, MemoryCreate { pool, pages, into });
        }
        let copying = Copying {
            id: ObjectId(0),
            scene,
        };
        copying.populate(STAGING, 0, STAGING_PAGES);
        Copying {
            id: copying.memory(MEMORY).header.id(),
            ..copying
        }
    }

    fn memory(&self, slot: Slot) -> Ref<MemoryObject> {
        self.scene.manager.memory(slot)
    }

    fn frame(&self, slot: Slot, page: u64) -> Frame {
        self.memory(slot).frame(page).expect("a page")
    }

    fn populate(&self, memory: Slot, first: u64, count: u64) {
        self.scene
            .does(self.scene.manager, calls::populate(memory, first, count));
    }

    fn discard(&self, memory: Slot, first: u64, count: u64) {
        self.scene
            .does(self.scene.manager, calls::discard(memory, first, count));
    }

    /// Populates pages of the subject's Memory with data that is not zero: each contains its number plus one.
    fn fill(&self, pages: impl IntoIterator<Item = u64>) {
        for page in pages {
            self.populate(MEMORY, page, 1);
            self.frame(MEMORY, page).write_word(4088, page + 1);
        }
    }

    fn is_dirty(&self, slot: Slot, page: u64) -> bool {
        let leaf = self.memory(slot).leaf(page).expect("a table");
        leaf.flags(page).contains(Entry::DIRTY)
    }

    fn request(&self, log: u64, wanted: u64) -> DomainReadPages {
        DomainReadPages {
            domain: SUBJECT,
            memory: self.id,
            log,
            first_page: PageIndex(0),
            wanted,
            into: STAGING,
            into_page: PageIndex(0),
        }
    }

    fn read(&self, request: DomainReadPages) -> Result<(u64, u64, u64), Error> {
        self.scene.call(self.scene.manager, request)
    }

    fn begin_log(&self) -> u64 {
        self.scene
            .does(self.scene.manager, calls::begin_log(SUBJECT, self.id))
    }

    /// The pages of a set in one leaf table, which begins at `first`.
    fn pages(&self, log: u64, first: u64, which: PageSet) -> Result<Vec<u64>, Error> {
        self.some_pages(log, first, 512, which)
    }

    /// Like `pages`, for at most this many pages.
    fn some_pages(
        &self,
        log: u64,
        first: u64,
        count: u64,
        which: PageSet,
    ) -> Result<Vec<u64>, Error> {
        let covered = self.scene.call(
            self.scene.manager,
            DomainPages {
                domain: SUBJECT,
                memory: self.id,
                log,
                first_page: PageIndex(first),
                page_count: PageCount(count),
                which,
            },
        )?;
        let buffer = self.scene.world.buffer(self.scene.manager);
        let is_set = |page: &u64| {
            let word = buffer.read_word(DATA_OFFSET + (page - first) / 64 * 8);
            word >> (page % 64) & 1 == 1
        };
        Ok((first..first + covered).filter(is_set).collect())
    }
}
