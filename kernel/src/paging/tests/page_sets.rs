//! The sets of a Memory's pages: the present ones, and the dirty ones of its log.

use abi::calls::{DomainPages, PageSet};
use abi::message::DATA_OFFSET;
use abi::register::{PageCount, PageIndex};
use abi::{Error, PAGE_BYTES};

use super::{ADDRESS, MEMORY, OTHER, PAGES, Scene};
use crate::memory::Entry;
use crate::testing::{calls, slots};

impl Scene {
    fn begin_log(&self) -> u64 {
        let memory = self.id();
        self.world
            .does(self.actor, calls::begin_log(slots::DOMAIN, memory))
    }

    /// The pages of a set, from `first` on.
    fn pages(&self, log: u64, first: u64, which: PageSet) -> Result<Vec<u64>, Error> {
        let (domain, memory, first_page) = (slots::DOMAIN, self.id(), PageIndex(first));
        let read = DomainPages {
            domain,
            memory,
            log,
            first_page,
            page_count: PageCount(2048),
            which,
        };
        let covered = self.world.call(self.actor, read)?;
        let buffer = self.world.buffer(self.actor);
        let is_set = |index: &u64| {
            let word = buffer.read_word(DATA_OFFSET + index / 64 * 8);
            word >> (index % 64) & 1 == 1
        };
        Ok((0..covered)
            .filter(is_set)
            .map(|index| first + index)
            .collect())
    }

    /// Writes a page as user code does.
    fn write(&self, page: u64) {
        self.map(ADDRESS, 0, PAGES).expect("room");
        let address = ADDRESS + page * PAGE_BYTES;
        let written = self.world.store(self.actor, address, 1);
        written.expect("a present page");
        self.world.does(self.actor, calls::unmap(ADDRESS));
    }
}

#[test]
fn a_dirty_log_reports_each_write_once() {
    let scene = Scene::new();
    scene.populate(3, 4).expect("room");
    let log = scene.begin_log();
    assert_eq!(scene.pages(log, 0, PageSet::Dirty), Ok(vec![3, 4, 5, 6]));
    assert_eq!(scene.pages(log, 0, PageSet::Dirty), Ok(vec![]));
    scene.write(5);
    assert_eq!(scene.pages(log, 0, PageSet::Dirty), Ok(vec![5]));
    assert_eq!(scene.pages(log, 0, PageSet::Dirty), Ok(vec![]));
    assert_eq!(scene.pages(0, 0, PageSet::Present), Ok(vec![3, 4, 5, 6]));
}

#[test]
fn a_leaf_table_that_was_not_used_since_the_last_pass_is_not_read() {
    let scene = Scene::new();
    scene.populate(3, 4).expect("room");
    let log = scene.begin_log();
    scene.pages(log, 0, PageSet::Dirty).expect("a pass");
    // No processor marks a page without marking the link to its table.
    let leaf = scene.memory(MEMORY).leaf(5).expect("a table");
    leaf.add_marks(5, Entry::DIRTY);
    assert_eq!(scene.pages(log, 0, PageSet::Dirty), Ok(vec![]));
    scene.write(6);
    assert_eq!(scene.pages(log, 0, PageSet::Dirty), Ok(vec![5, 6]));
}

#[test]
fn a_page_that_was_discarded_and_inserted_again_is_dirty() {
    let scene = Scene::new();
    scene.populate(3, 4).expect("room");
    let log = scene.begin_log();
    scene.pages(log, 0, PageSet::Dirty).expect("a pass");
    scene.discard(4, 1).expect("a page");
    assert_eq!(scene.pages(log, 0, PageSet::Dirty), Ok(vec![]));
    assert_eq!(scene.pages(0, 0, PageSet::Present), Ok(vec![3, 5, 6]));
    scene.populate(4, 1).expect("room");
    assert_eq!(scene.pages(log, 0, PageSet::Dirty), Ok(vec![4]));
}

#[test]
fn a_page_that_the_kernel_writes_is_dirty() {
    let scene = Scene::new();
    let memory = scene.memory(slots::BUFFER);
    let leaf = memory.leaf(0).expect("a table");
    leaf.remove_marks(0, Entry::DIRTY);
    scene
        .pages(0, 0, PageSet::Present)
        .expect("into the message buffer");
    assert!(leaf.flags(0).contains(Entry::DIRTY));
    scene.populate(0, 1).expect("room");
    scene.supply(9, 1, 0).expect("it is there");
    let leaf = scene.memory(OTHER).leaf(9).expect("a table");
    leaf.remove_marks(9, Entry::DIRTY);
    scene.supply(9, 1, 0).expect("it is there");
    assert!(leaf.flags(9).contains(Entry::DIRTY));
}

#[test]
fn a_bitmap_ends_with_its_leaf_table_or_the_memory() {
    let scene = Scene::new();
    for (first_page, page_count, covered) in [
        (0, 2048, 512),
        (0, 100, 100),
        (512, 2048, PAGES - 512),
        (512, PAGES - 512, PAGES - 512),
        (512, 7, 7),
    ] {
        let read = DomainPages {
            domain: slots::DOMAIN,
            memory: scene.id(),
            log: 0,
            first_page: PageIndex(first_page),
            page_count: PageCount(page_count),
            which: PageSet::Present,
        };
        assert_eq!(scene.world.does(scene.actor, read), covered);
    }
}

#[test]
fn a_bitmap_begins_at_a_leaf_table_of_the_memory() {
    let scene = Scene::new();
    let log = scene.begin_log();
    for which in [PageSet::Present, PageSet::Dirty] {
        assert_eq!(scene.pages(log, 1, which), Err(Error::Misaligned));
        assert_eq!(scene.pages(log, 1024, which), Err(Error::ArgumentRange));
    }
}
