//! The dirty log of a Memory: its owner, and the pages that a copy or a pass marks clean.

use abi::Error;
use abi::calls::{DomainPages, PageSet};
use abi::message::DATA_OFFSET;
use abi::register::{Access, PageCount, PageIndex};

use super::{ALL, Copying, MEMORY, PAGES, STAGING};
use crate::arch::fake::Event;
use crate::capture::tests::scene::SUBJECT;
use crate::testing::calls;

#[test]
fn with_its_log_a_page_is_marked_clean_before_it_is_copied() {
    let copying = Copying::new();
    copying.fill([1, 2, 3]);
    let log = copying.begin_log();
    copying.scene.world.machine.take_events();
    assert_eq!(copying.read(copying.request(0, 0b10)), Ok((0, 0b10, 0)));
    assert!(
        copying.is_dirty(MEMORY, 1),
        "a copy without the log marks nothing clean"
    );
    let events = copying.scene.world.machine.take_events();
    assert!(!events.contains(&Event::FlushAll), "{events:?}");
    // Before the flush another core may write without marking the page dirty again.
    let late = copying.frame(MEMORY, 2).address();
    copying.scene.world.machine.store_before_flush(late, 77);
    assert_eq!(copying.read(copying.request(log, 0b110)), Ok((0, 0b110, 0)));
    assert_eq!(copying.frame(STAGING, 1).read_word(0), 77);
    assert_eq!(copying.pages(log, 0, PageSet::Dirty), Ok(vec![3]));
}

#[test]
fn a_log_belongs_to_the_last_caller_that_began_it() {
    let copying = Copying::new();
    copying.fill([1, 2]);
    for stranger in [0, 1, u64::MAX] {
        let refused = copying.pages(stranger, 0, PageSet::Dirty);
        assert_eq!(refused, Err(Error::InUse), "no log was begun");
    }
    let first = copying.begin_log();
    assert_eq!(copying.pages(first, 0, PageSet::Dirty), Ok(vec![1, 2]));
    copying.fill([3]);
    let second = copying.begin_log();
    assert_ne!(first, second);
    assert_eq!(copying.pages(first, 0, PageSet::Dirty), Err(Error::InUse));
    assert_eq!(copying.read(copying.request(first, ALL)), Err(Error::InUse));
    assert_eq!(copying.pages(0, 0, PageSet::Dirty), Err(Error::InUse));
    assert_eq!(copying.pages(second, 0, PageSet::Dirty), Ok(vec![3]));
    let present = copying.pages(first, 0, PageSet::Present);
    assert_eq!(
        present,
        Ok(vec![1, 2, 3]),
        "reading present pages needs no log"
    );
}

#[test]
fn a_pass_loses_no_page_in_whatever_order_it_reads() {
    let copying = Copying::new();
    copying.fill([1, 600]);
    let log = copying.begin_log();
    // The pass reads the last leaf table first, and the other one only later.
    assert_eq!(copying.pages(log, 512, PageSet::Dirty), Ok(vec![600]));
    copying.fill([2]);
    assert_eq!(copying.pages(log, 512, PageSet::Dirty), Ok(vec![]));
    assert_eq!(copying.pages(log, 0, PageSet::Dirty), Ok(vec![1, 2]));
    assert_eq!(copying.pages(log, 0, PageSet::Dirty), Ok(vec![]));
}

#[test]
fn a_pass_marks_no_page_clean_beyond_those_that_it_covers() {
    for count in [1, 63, 64, 65, 100, 127] {
        let copying = Copying::new();
        copying.fill(0..130);
        let log = copying.begin_log();
        let some = copying.some_pages(log, 0, count, PageSet::Dirty);
        assert_eq!(some, Ok((0..count).collect()));
        let rest = copying.pages(log, 0, PageSet::Dirty);
        assert_eq!(rest, Ok((count..130).collect()), "after {count}");
    }
}

#[test]
fn the_page_that_receives_the_bitmap_of_a_dirty_pass_is_dirty_afterwards() {
    const ADDRESS: u64 = 0x8000_0000;
    let copying = Copying::new();
    let manager = copying.scene.manager.thread;
    copying.fill([0, 1]);
    let map = calls::map(MEMORY, ADDRESS, 0, PAGES, Access::ReadWrite);
    copying.scene.does(manager, map);
    manager.message_buffer.set(ADDRESS);
    let pass = DomainPages {
        domain: SUBJECT,
        memory: copying.id,
        log: copying.begin_log(),
        first_page: PageIndex(0),
        page_count: PageCount(512),
        which: PageSet::Dirty,
    };
    assert_eq!(copying.scene.call(manager, pass), Ok(512));
    assert!(!copying.is_dirty(MEMORY, 1));
    assert!(copying.is_dirty(MEMORY, 0));
    assert_eq!(copying.scene.call(manager, pass), Ok(512));
    let written = copying.frame(MEMORY, 0).read_word(DATA_OFFSET);
    assert_eq!(written, 1, "in the next pass");
}
