//! The pages that a call copies, those that it reports as zeros or as absent, and those that it writes.

use abi::Error;
use abi::calls::{DomainReadPages, PageSet};
use abi::register::PageIndex;

use super::{ALL, Copying, MEMORY, OTHER, STAGING, STAGING_PAGES};
use crate::capture::tests::scene::retire;
use crate::memory::Entry;

#[test]
fn a_copy_distinguishes_data_zeros_and_absent_pages() {
    let copying = Copying::new();
    copying.fill([1, 4, 63]);
    copying.populate(MEMORY, 2, 1);
    for freezes in [false, true] {
        if freezes {
            copying.scene.freeze();
        }
        let (remaining, data, zero) = copying.read(copying.request(0, ALL)).expect("readable");
        assert_eq!((remaining, data, zero), (0, 1 << 63 | 0b1_0010, 0b100));
        let numbers = [0, 1, 2].map(|page| copying.frame(STAGING, page).read_word(4088));
        assert_eq!(numbers, [2, 5, 64]);
        let one = copying
            .read(copying.request(0, 0b10_0000))
            .expect("readable");
        assert_eq!(one, (0, 0, 0));
    }
    copying.fill([699]);
    let last = DomainReadPages {
        first_page: PageIndex(640),
        ..copying.request(0, 1 << 59)
    };
    assert_eq!(copying.read(last), Ok((0, 1 << 59, 0)));
    assert_eq!(copying.frame(STAGING, 0).read_word(4088), 700);
}

#[test]
fn many_pages_are_copied_in_bounded_calls() {
    let copying = Copying::new();
    copying.fill(0..64);
    let (mut wanted, mut next, mut calls) = (ALL, 0, 0);
    while wanted != 0 {
        let request = DomainReadPages {
            into_page: PageIndex(next),
            ..copying.request(0, wanted)
        };
        let (remaining, data, zero) = copying.read(request).expect("readable");
        assert_eq!((zero, remaining | data, remaining & data), (0, wanted, 0));
        assert!(data.count_ones() <= 8 && data != 0);
        (wanted, next, calls) = (remaining, next + u64::from(data.count_ones()), calls + 1);
    }
    assert_eq!((next, calls), (64, 8));
    assert!((0..64).all(|page| copying.frame(STAGING, page).read_word(4088) == page + 1));
}

#[test]
fn a_page_discarded_while_its_domain_runs_is_absent_and_its_reader_does_not_fault() {
    let copying = Copying::new();
    copying.fill([3, 4]);
    copying.discard(MEMORY, 3, 1);
    let read = copying.read(copying.request(0, 0b11000));
    assert_eq!(read, Ok((0, 0b10000, 0)));
    assert!(!copying.scene.manager.thread.stopped.get());
}

#[test]
fn a_copy_marks_its_destination_dirty_and_changes_the_domain_of_the_destination() {
    let copying = Copying::new();
    copying.fill([0]);
    let leaf = copying.memory(STAGING).leaf(0).expect("a table");
    leaf.remove_marks(0, Entry::DIRTY);
    leaf.remove_marks(1, Entry::DIRTY);
    copying.read(copying.request(0, 1)).expect("readable");
    assert!(copying.is_dirty(STAGING, 0) && !copying.is_dirty(STAGING, 1));
    // A copy into a Memory of the frozen domain itself is a change from outside.
    let version = copying.scene.freeze();
    let into_itself = DomainReadPages {
        into: MEMORY,
        ..copying.request(0, 1)
    };
    copying.read(into_itself).expect("a page");
    assert!(copying.scene.version() > version);
    let version = copying.scene.version();
    copying.read(copying.request(0, 1)).expect("readable");
    assert_eq!(copying.scene.version(), version, "reading changes nothing");
}

#[test]
fn a_retired_domain_can_be_copied_but_not_written() {
    let copying = Copying::new();
    copying.fill([7]);
    let version = copying.scene.freeze();
    let retire = retire(version, copying.scene.token.get());
    let manager = copying.scene.manager.thread;
    copying.scene.does(manager, retire);
    assert_eq!(copying.read(copying.request(0, ALL)), Ok((0, 1 << 7, 0)));
    let into = MEMORY;
    let into_it = DomainReadPages {
        into,
        ..copying.request(0, ALL)
    };
    assert_eq!(copying.read(into_it), Err(Error::Gone));
}

#[test]
fn pages_of_zeros_need_no_destination() {
    let copying = Copying::new();
    copying.populate(MEMORY, 0, 3);
    copying.fill([3]);
    copying.populate(MEMORY, 4, 2);
    let log = copying.begin_log();
    let into = OTHER;
    let request = DomainReadPages {
        into,
        ..copying.request(log, ALL)
    };
    assert_eq!(copying.read(request), Ok((0b11_1000, 0, 0b111)));
    let wanted = 0b11_1000;
    let rest = DomainReadPages { wanted, ..request };
    // The first wanted page is already clean, and a refusal does not make it dirty.
    let leaf = copying.memory(MEMORY).leaf(0).expect("a table");
    leaf.remove_marks(4, Entry::DIRTY);
    assert_eq!(copying.read(rest), Err(Error::PageAbsent));
    assert_eq!(copying.pages(log, 0, PageSet::Dirty), Ok(vec![3, 5]));
    let wanted = 0b11_0000;
    let zeros = DomainReadPages { wanted, ..request };
    assert_eq!(copying.read(zeros), Ok((0, 0, 0b11_0000)));
}

#[test]
fn zeros_between_the_data_take_no_destination_page() {
    let copying = Copying::new();
    copying.fill([0, 2, 4]);
    copying.populate(MEMORY, 1, 1);
    copying.populate(MEMORY, 3, 1);
    let into_page = PageIndex(STAGING_PAGES - 2);
    let tight = DomainReadPages {
        into_page,
        ..copying.request(0, ALL)
    };
    assert_eq!(copying.read(tight), Ok((0b1_0000, 0b101, 0b1010)));
}
