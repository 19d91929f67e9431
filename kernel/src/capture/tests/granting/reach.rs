//! Moved pages are out of reach through their old Memory, and dirty in their new one.

use abi::PAGE_BYTES;
use abi::calls::{DomainPages, PageSet};
use abi::message::DATA_OFFSET;
use abi::register::{Access, PageCount, PageIndex};

use super::{Granting, MEMORY, PAGES, RECEIVER, TARGET};
use crate::memory::Entry;
use crate::testing::calls;

const SOURCE_ADDRESS: u64 = 0x8000_0000;
const TARGET_ADDRESS: u64 = 0x9000_0000;

#[test]
fn a_moved_page_is_reached_only_through_its_new_memory() {
    let granting = Granting::new();
    granting.fill([0, 1, 2]);
    let (world, manager) = (&granting.scene.world, granting.scene.manager);
    for (memory, address) in [(MEMORY, SOURCE_ADDRESS), (TARGET, TARGET_ADDRESS)] {
        world.does(
            manager,
            calls::map(memory, address, 0, PAGES, Access::ReadWrite),
        );
    }
    granting.retire();
    // The processor has cached all three translations.
    for page in 0..3 {
        let address = SOURCE_ADDRESS + page * PAGE_BYTES;
        assert_eq!(world.store(manager, address, 10 + page), Some(()));
    }
    assert_eq!(granting.grant(0, 2), Ok(2));
    assert_eq!(
        world.load(manager, SOURCE_ADDRESS + 2 * PAGE_BYTES),
        Some(12)
    );
    for page in 0..2 {
        let address = TARGET_ADDRESS + page * PAGE_BYTES;
        assert_eq!(world.load(manager, address), Some(10 + page));
        assert_eq!(world.store(manager, address, 20 + page), Some(()));
    }
    assert_eq!(world.load(manager, SOURCE_ADDRESS), None);
    assert!(manager.thread.stopped.get());
}

#[test]
fn a_moved_page_is_new_for_the_dirty_log_of_its_memory() {
    let granting = Granting::new();
    granting.fill([5, 600]);
    let manager = granting.scene.manager;
    let leaf = granting.source.leaf(5).expect("a table");
    leaf.remove_marks(5, Entry::MARKS);
    granting.retire();
    let memory = granting.target().header.id();
    granting.populate(TARGET, 0, 1);
    let log = granting
        .scene
        .does(manager, calls::begin_log(RECEIVER, memory));
    let dirty = || {
        granting.scene.does(
            manager,
            DomainPages {
                domain: RECEIVER,
                memory,
                log,
                first_page: PageIndex(0),
                page_count: PageCount(PAGES),
                which: PageSet::Dirty,
            },
        );
        granting.scene.world.buffer(manager).read_word(DATA_OFFSET)
    };
    assert_eq!(dirty(), 1);
    assert_eq!(granting.grant(0, PAGES), Ok(2));
    assert_eq!(dirty(), 1 << 5);
    assert_eq!(dirty(), 0);
}
