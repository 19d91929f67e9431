//! Moving pages of a retired domain's Memory into another Memory. The subject is the retired domain; a third domain, the
//! receiver, has the other Memory. The manager makes the calls.
//!
//! | file | tests |
//! | --- | --- |
//! | `moves` | the pages that a call moves, and both accounts |
//! | `reach` | processors, and the dirty log of the other Memory |
//! | `refusals` | calls that move nothing, and the end of `DomainUnretire` |

mod moves;
mod reach;
mod refusals;

use abi::calls::{DomainGrantPages, MemoryCreate};
use abi::register::{PageCount, PageIndex, Slot};
use abi::{Error, PAGES_PER_TABLE};

use super::scene::{SUBJECT, SUBJECT_POOL, Scene, retire};
use crate::memory::{Frame, Ref};
use crate::objects::MemoryObject;
use crate::objects::tests::checker::check;
use crate::testing::{TestDomain, calls, slots};

/// The subject's Memory, in the manager's table.
const MEMORY: Slot = Slot(25);
/// The receiver's Memory.
const TARGET: Slot = Slot(26);
const RECEIVER: Slot = Slot(27);
const RECEIVER_POOL: Slot = Slot(28);
const SPARE: Slot = Slot(29);
/// Pages of the Memories: more than a leaf table holds.
const PAGES: u64 = 700;
/// The tables of a Memory with pages in both leaf tables: a directory, and the leaf tables.
const TABLES: u64 = 1 + PAGES.div_ceil(PAGES_PER_TABLE);

/// A subject and a receiver with a Memory each.
struct Granting {
    scene: Scene,
    receiver: TestDomain,
    source: Ref<MemoryObject>,
}

impl Granting {
    fn new() -> Granting {
        let scene = Scene::of_pages(PAGES + 64);
        let receiver = scene.world.domain_of(PAGES + 64);
        for (from, to) in [(slots::DOMAIN, RECEIVER), (slots::POOL, RECEIVER_POOL)] {
            scene.world.give(receiver, from, scene.manager, to, 0);
        }
        for (pool, into) in [(SUBJECT_POOL, MEMORY), (RECEIVER_POOL, TARGET)] {
            let pages = PageCount(PAGES);
            scene.does(scene.manager, MemoryCreate { pool, pages, into });
        }
        let source = scene.manager.memory(MEMORY);
        Granting {
            scene,
            receiver,
            source,
        }
    }

    /// As `new`, with these pages in the subject, which is retired.
    fn retired(pages: impl IntoIterator<Item = u64>) -> Granting {
        let granting = Granting::new();
        granting.fill(pages);
        granting.retire();
        granting
    }

    /// Populates pages of the subject's Memory; each contains its number plus one.
    fn fill(&self, pages: impl IntoIterator<Item = u64>) {
        for page in pages {
            self.populate(MEMORY, page, 1);
            self.frame(self.source, page).write_word(4088, page + 1);
        }
    }

    fn populate(&self, memory: Slot, first: u64, count: u64) {
        self.scene
            .does(self.scene.manager, calls::populate(memory, first, count));
    }

    fn retire(&self) {
        let version = self.scene.freeze();
        let retire = retire(version, self.scene.token.get());
        self.scene.does(self.scene.manager, retire);
    }

    /// The Memory in the slot [`TARGET`].
    fn target(&self) -> Ref<MemoryObject> {
        self.scene.manager.memory(TARGET)
    }

    fn frame(&self, memory: Ref<MemoryObject>, page: u64) -> Frame {
        memory.frame(page).expect("a page")
    }

    /// The present pages of a Memory.
    fn present(&self, memory: Ref<MemoryObject>) -> Vec<u64> {
        let pages: Vec<u64> = (0..memory.page_count)
            .filter(|page| memory.is_present(*page))
            .collect();
        assert_eq!(memory.present.get(), pages.len() as u64);
        pages
    }

    /// The pages spent by the subject and by the receiver.
    fn spent(&self) -> (u64, u64) {
        let pools = [self.scene.subject.pool, self.receiver.pool];
        let [subject, receiver] = pools.map(|pool| pool.used());
        (subject, receiver)
    }

    fn request(&self, first_page: u64, page_count: u64) -> DomainGrantPages {
        DomainGrantPages {
            domain: SUBJECT,
            memory: self.source.header.id(),
            target: TARGET,
            first_page: PageIndex(first_page),
            page_count: PageCount(page_count),
            progress: 0,
        }
    }

    /// Grants a range of pages; afterwards the kernel's accounts add up.
    fn grant(&self, first_page: u64, page_count: u64) -> Result<u64, Error> {
        let request = self.request(first_page, page_count);
        let granted = self.scene.call(self.scene.manager, request);
        check(&self.scene.world.kernel);
        granted
    }
}
