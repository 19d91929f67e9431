//! Copies that are refused and have no effect.

use abi::calls::{DomainMap, DomainReadPages, PageSet};
use abi::register::{Access, ObjectId, PageIndex, Slot};
use abi::{DomainRights, Error, MEMORY_PAGES_MAX, MemoryRights, Rights};
use capabilities::Badge;

use super::{ALL, Copying, OTHER, PAGES, SPARE, STAGING, STAGING_PAGES};
use crate::capture::tests::scene::SUBJECT;
use crate::memory::SlotStorage;
use crate::testing::calls;

#[test]
fn copies_without_a_destination_page_are_refused_and_mark_nothing_clean() {
    let copying = Copying::new();
    copying.fill([0, 1, 2]);
    let log = copying.begin_log();
    let request = copying.request(log, 0b111);
    let into_page = PageIndex(STAGING_PAGES);
    let beyond = DomainReadPages {
        into_page,
        ..request
    };
    assert_eq!(copying.read(beyond), Err(Error::PageAbsent));
    let into = OTHER;
    let absent = DomainReadPages { into, ..request };
    assert_eq!(copying.read(absent), Err(Error::PageAbsent));
    let into_page = PageIndex(STAGING_PAGES + 1);
    let outside = DomainReadPages {
        into_page,
        ..request
    };
    assert_eq!(copying.read(outside), Err(Error::ArgumentRange));
    assert_eq!(copying.pages(log, 0, PageSet::Dirty), Ok(vec![0, 1, 2]));
    let into_page = PageIndex(STAGING_PAGES - 2);
    let tight = DomainReadPages {
        into_page,
        ..request
    };
    assert_eq!(copying.read(tight), Ok((0b100, 0b11, 0)));
}

#[test]
fn the_page_beyond_the_largest_memory_is_absent() {
    let copying = Copying::new();
    copying.fill([0, 1]);
    let manager = copying.scene.manager.thread;
    copying
        .scene
        .does(manager, calls::memory(MEMORY_PAGES_MAX, SPARE));
    copying.populate(SPARE, MEMORY_PAGES_MAX - 1, 1);
    let read = |into_page| {
        copying.read(DomainReadPages {
            into: SPARE,
            into_page: PageIndex(into_page),
            ..copying.request(0, 0b11)
        })
    };
    assert_eq!(read(MEMORY_PAGES_MAX), Err(Error::PageAbsent));
    assert_eq!(read(MEMORY_PAGES_MAX - 1), Ok((0b10, 0b01, 0)));
}

#[test]
fn copies_of_invalid_ranges_are_refused() {
    let copying = Copying::new();
    copying.fill([699]);
    let request = copying.request(0, 1);
    for (first, wanted, error) in [
        (1, 1, Error::Misaligned),
        (640, 1 << 60, Error::ArgumentRange),
        (704, 1, Error::ArgumentRange),
        (u64::MAX - 63, 1, Error::ArgumentRange),
    ] {
        let first_page = PageIndex(first);
        let request = DomainReadPages {
            first_page,
            wanted,
            ..request
        };
        assert_eq!(copying.read(request), Err(error), "{first} {wanted:#x}");
    }
    let unknown = ObjectId(u64::MAX);
    for memory in [unknown, copying.memory(OTHER).header.id()] {
        let request = DomainReadPages { memory, ..request };
        assert_eq!(copying.read(request), Err(Error::NotThere));
    }
    let memory = copying.scene.subject.thread.header.id();
    let thread = DomainReadPages { memory, ..request };
    assert_eq!(copying.read(thread), Err(Error::WrongKind));
}

#[test]
fn copies_need_the_right_to_capture_and_the_right_to_write() {
    let copying = Copying::new();
    copying.fill([0]);
    let manager = copying.scene.manager;
    let mint = |from: Slot, rights: Rights| {
        let place = |slot| manager.place(slot);
        let _ = copying.scene.world.kernel.empty_slot(place(SPARE));
        capabilities::mint(&SlotStorage, place(from), place(SPARE), rights, Badge::NONE)
            .expect("minted");
    };
    mint(
        SUBJECT,
        DomainRights::all().difference(DomainRights::CAPTURE).into(),
    );
    let blind = DomainReadPages {
        domain: SPARE,
        ..copying.request(0, 1)
    };
    assert_eq!(copying.read(blind), Err(Error::MissingRight));
    let log = copying
        .scene
        .call(manager, calls::begin_log(SPARE, copying.id));
    assert_eq!(log, Err(Error::MissingRight));
    mint(
        STAGING,
        MemoryRights::all().difference(MemoryRights::WRITE).into(),
    );
    let read_only = DomainReadPages {
        into: SPARE,
        ..copying.request(0, 1)
    };
    assert_eq!(copying.read(read_only), Err(Error::MissingRight));
}

#[test]
fn memory_that_the_domain_has_mapped_is_read_but_not_logged() {
    let copying = Copying::new();
    copying.populate(OTHER, 5, 1);
    copying.frame(OTHER, 5).write_word(0, 9);
    let memory = copying.memory(OTHER).header.id();
    let request = DomainReadPages {
        memory,
        ..copying.request(0, ALL)
    };
    assert_eq!(copying.read(request), Err(Error::NotThere));
    copying.scene.does(
        copying.scene.manager,
        DomainMap {
            domain: SUBJECT,
            ..calls::map(OTHER, 0x8000_0000, 0, PAGES, Access::Read)
        },
    );
    assert_eq!(copying.read(request), Ok((0, 0b10_0000, 0)));
    let logged = DomainReadPages { log: 1, ..request };
    assert_eq!(copying.read(logged), Err(Error::NotThere));
    let manager = copying.scene.manager.thread;
    let log = copying
        .scene
        .call(manager, calls::begin_log(SUBJECT, memory));
    assert_eq!(log, Err(Error::NotThere));
}
