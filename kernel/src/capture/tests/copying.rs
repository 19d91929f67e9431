//! What copying pages out of a domain returns and refuses, who owns a dirty log, and what a mapping for a debugger does.

use abi::calls::{
    CapabilityRevoke, DomainBeginLog, DomainMap, DomainMapCaptured, DomainPages, DomainReadPages,
    MemoryCreate, MemoryDiscard, MemoryPager, MemoryPopulate, PageSet, ThreadFaults,
};
use abi::fault::FaultKind;
use abi::message::DATA_OFFSET;
use abi::register::{Access, ObjectId, PageCount, Slot, UserAddress};
use abi::{DomainRights, Error, MEMORY_PAGES_MAX, MemoryRights, Rights};
use capabilities::{Badge, Storage};

use super::scene::{ENDPOINT, INNER, SUBJECT, Scene, retire};
use crate::arch::Cause;
use crate::arch::fake::Event;
use crate::memory::{Entry, Frame, Ref, SlotStorage};
use crate::objects::{MemoryObject, Object, Phase};
use crate::testing::slots;

const POOL: Slot = Slot(21);
/// The subject's Memory, in the keeper's table.
const MEMORY: Slot = Slot(25);
/// The keeper's Memory for copies.
const STAGING: Slot = Slot(26);
const OTHER: Slot = Slot(27);
const SPARE: Slot = Slot(28);
/// Pages of the Memories: more than a leaf table has.
const PAGES: u64 = 700;
const STAGING_PAGES: u64 = 64;
const ALL: u64 = u64::MAX;

/// A subject with a Memory and a keeper with room for copies of it.
struct Copying {
    scene: Scene,
    id: ObjectId,
}

impl Copying {
    fn new() -> Copying {
        let scene = Scene::new();
        let keeper = scene.keeper.thread;
        for (pool, pages, into) in [
            (POOL, PAGES, MEMORY),
            (slots::POOL, STAGING_PAGES, STAGING),
            (slots::POOL, PAGES, OTHER),
        ] {
            let pages = PageCount(pages);
            scene.world.does(keeper, MemoryCreate { pool, pages, into });
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
        let place = self.scene.keeper.domain.place(slot).expect("a slot");
        match SlotStorage.slot(place).capability().map(|held| held.object) {
            Some(Object::Memory(memory)) => memory,
            other => panic!("no Memory but {other:?}"),
        }
    }

    fn frame(&self, slot: Slot, page: u64) -> Frame {
        self.memory(slot).frame(page).expect("a page")
    }

    fn populate(&self, memory: Slot, first: u64, count: u64) {
        let (first_page, page_count) = (PageCount(first), PageCount(count));
        self.scene.world.does(
            self.scene.keeper.thread,
            MemoryPopulate {
                memory,
                first_page,
                page_count,
            },
        );
    }

    fn discard(&self, memory: Slot, first: u64, count: u64) {
        let (first_page, page_count) = (PageCount(first), PageCount(count));
        self.scene.world.does(
            self.scene.keeper.thread,
            MemoryDiscard {
                memory,
                first_page,
                page_count,
            },
        );
    }

    /// Gives the subject's Memory pages that are not zero, each with its number in it.
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
            first_page: PageCount(0),
            wanted,
            into: STAGING,
            into_page: PageCount(0),
        }
    }

    fn read(&self, request: DomainReadPages) -> Result<(u64, u64, u64), Error> {
        self.scene.world.call(self.scene.keeper.thread, request)
    }

    fn begin_log(&self) -> u64 {
        let (domain, memory) = (SUBJECT, self.id);
        self.scene
            .world
            .does(self.scene.keeper.thread, DomainBeginLog { domain, memory })
    }

    /// The pages of a set, from `first` on.
    fn pages(&self, log: u64, first: u64, which: PageSet) -> Result<Vec<u64>, Error> {
        let covered = self.scene.world.call(
            self.scene.keeper.thread,
            DomainPages {
                domain: SUBJECT,
                memory: self.id,
                log,
                first_page: PageCount(first),
                page_count: PageCount(512),
                which,
            },
        )?;
        let buffer = self.scene.world.buffer(self.scene.keeper);
        let is_set = |page: &u64| {
            let word = buffer.read_word(DATA_OFFSET + (page - first) / 64 * 8);
            word >> (page % 64) & 1 == 1
        };
        Ok((first..first + covered).filter(is_set).collect())
    }
}

#[test]
fn a_copy_tells_data_from_zeros_and_from_nothing() {
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
        first_page: PageCount(640),
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
            into_page: PageCount(next),
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
fn a_page_that_goes_while_its_domain_runs_is_absent_and_nobody_is_asked_for_it() {
    let copying = Copying::new();
    copying.fill([3, 4]);
    copying.discard(MEMORY, 3, 1);
    let read = copying.read(copying.request(0, 0b11000));
    assert_eq!(read, Ok((0, 0b10000, 0)));
    assert!(!copying.scene.keeper.thread.stopped.get());
}

#[test]
fn with_its_log_a_page_is_clean_from_before_it_is_copied() {
    let copying = Copying::new();
    copying.fill([1, 2, 3]);
    let log = copying.begin_log();
    copying.scene.world.machine.take_events();
    assert_eq!(copying.read(copying.request(0, 0b10)), Ok((0, 0b10, 0)));
    assert!(copying.is_dirty(MEMORY, 1), "the log was left alone");
    let events = copying.scene.world.machine.take_events();
    assert!(!events.contains(&Event::FlushAll), "{events:?}");
    // Until the flush another core may write without making the page dirty again.
    let late = copying.frame(MEMORY, 2).address();
    copying.scene.world.machine.store_before_flush(late, 77);
    assert_eq!(copying.read(copying.request(log, 0b110)), Ok((0, 0b110, 0)));
    assert_eq!(copying.frame(STAGING, 1).read_word(0), 77);
    assert_eq!(copying.pages(log, 0, PageSet::Dirty), Ok(vec![3]));
}

#[test]
fn a_copy_is_a_store_of_the_readers() {
    let copying = Copying::new();
    copying.fill([0]);
    let leaf = copying.memory(STAGING).leaf(0).expect("a table");
    leaf.remove_marks(0, Entry::DIRTY);
    leaf.remove_marks(1, Entry::DIRTY);
    copying.read(copying.request(0, 1)).expect("readable");
    assert!(copying.is_dirty(STAGING, 0) && !copying.is_dirty(STAGING, 1));
    // Into a Memory of the frozen domain itself, it is a change from outside.
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
fn copies_are_refused_without_room_and_then_nothing_is_clean() {
    let copying = Copying::new();
    copying.fill([0, 1, 2]);
    let log = copying.begin_log();
    let request = copying.request(log, 0b111);
    let into_page = PageCount(STAGING_PAGES);
    let beyond = DomainReadPages {
        into_page,
        ..request
    };
    assert_eq!(copying.read(beyond), Err(Error::PageAbsent));
    let into = OTHER;
    let absent = DomainReadPages { into, ..request };
    assert_eq!(copying.read(absent), Err(Error::PageAbsent));
    let into_page = PageCount(STAGING_PAGES + 1);
    let outside = DomainReadPages {
        into_page,
        ..request
    };
    assert_eq!(copying.read(outside), Err(Error::ArgumentRange));
    assert_eq!(copying.pages(log, 0, PageSet::Dirty), Ok(vec![0, 1, 2]));
    let into_page = PageCount(STAGING_PAGES - 2);
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
    let (pool, pages, into) = (slots::POOL, PageCount(MEMORY_PAGES_MAX), SPARE);
    let keeper = copying.scene.keeper.thread;
    let create = MemoryCreate { pool, pages, into };
    copying.scene.world.does(keeper, create);
    copying.populate(SPARE, MEMORY_PAGES_MAX - 1, 1);
    let read = |into_page| {
        copying.read(DomainReadPages {
            into,
            into_page: PageCount(into_page),
            ..copying.request(0, 0b11)
        })
    };
    assert_eq!(read(MEMORY_PAGES_MAX), Err(Error::PageAbsent));
    assert_eq!(read(MEMORY_PAGES_MAX - 1), Ok((0b10, 0b01, 0)));
}

#[test]
fn copies_are_refused_of_what_there_is_not() {
    let copying = Copying::new();
    copying.fill([699]);
    let request = copying.request(0, 1);
    for (first, wanted, error) in [
        (1, 1, Error::Misaligned),
        (640, 1 << 60, Error::ArgumentRange),
        (704, 1, Error::ArgumentRange),
        (u64::MAX - 63, 1, Error::ArgumentRange),
    ] {
        let first_page = PageCount(first);
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
    let keeper = copying.scene.keeper;
    let mint = |from: Slot, rights: Rights| {
        let place = |slot| keeper.domain.place(slot).expect("a slot");
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
    let (domain, memory) = (SPARE, copying.id);
    let log = copying
        .scene
        .world
        .call(keeper.thread, DomainBeginLog { domain, memory });
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
fn what_the_domain_has_mapped_is_read_but_not_logged() {
    let copying = Copying::new();
    copying.populate(OTHER, 5, 1);
    copying.frame(OTHER, 5).write_word(0, 9);
    let memory = copying.memory(OTHER).header.id();
    let request = DomainReadPages {
        memory,
        ..copying.request(0, ALL)
    };
    assert_eq!(copying.read(request), Err(Error::NotThere));
    copying.scene.world.does(
        copying.scene.keeper.thread,
        DomainMap {
            domain: SUBJECT,
            memory: OTHER,
            address: UserAddress(0x8000_0000),
            first_page: PageCount(0),
            page_count: PageCount(PAGES),
            access: Access::Read,
        },
    );
    assert_eq!(copying.read(request), Ok((0, 0b10_0000, 0)));
    let logged = DomainReadPages { log: 1, ..request };
    assert_eq!(copying.read(logged), Err(Error::NotThere));
    let domain = SUBJECT;
    let keeper = copying.scene.keeper.thread;
    let log = copying
        .scene
        .world
        .call(keeper, DomainBeginLog { domain, memory });
    assert_eq!(log, Err(Error::NotThere));
}

#[test]
fn a_retired_domain_is_copied_as_it_was() {
    let copying = Copying::new();
    copying.fill([7]);
    let version = copying.scene.freeze();
    let retire = retire(version, copying.scene.token.get());
    let keeper = copying.scene.keeper.thread;
    copying.scene.world.does(keeper, retire);
    assert_eq!(copying.read(copying.request(0, ALL)), Ok((0, 1 << 7, 0)));
    let into = MEMORY;
    let into_it = DomainReadPages {
        into,
        ..copying.request(0, ALL)
    };
    assert_eq!(copying.read(into_it), Err(Error::Gone));
}

#[test]
fn a_log_belongs_to_the_one_who_began_it_last() {
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
    assert_eq!(present, Ok(vec![1, 2, 3]), "that needs no log");
}

#[test]
fn a_pass_loses_no_page_whatever_its_order_and_where_it_ends() {
    let copying = Copying::new();
    copying.fill([1, 600]);
    let log = copying.begin_log();
    // The last leaf table first, and then no more for a while.
    assert_eq!(copying.pages(log, 512, PageSet::Dirty), Ok(vec![600]));
    copying.fill([2]);
    assert_eq!(copying.pages(log, 512, PageSet::Dirty), Ok(vec![]));
    assert_eq!(copying.pages(log, 0, PageSet::Dirty), Ok(vec![1, 2]));
    assert_eq!(copying.pages(log, 0, PageSet::Dirty), Ok(vec![]));
}

const VIEW: u64 = 0x9000_0000;

impl Copying {
    fn map_captured(&self) -> Result<(), Error> {
        let map = DomainMapCaptured {
            domain: SUBJECT,
            memory: self.id,
            into: slots::DOMAIN,
            address: UserAddress(VIEW),
        };
        self.scene.world.call(self.scene.keeper.thread, map)
    }

    /// The keeper touches a page of its view.
    fn touch(&self, page: u64) {
        self.scene
            .world
            .kernel
            .scheduler
            .force(self.scene.keeper.thread);
        self.scene.world.kernel.enter(Cause::Exception {
            vector: 14,
            error: 4,
            address: VIEW + page * abi::PAGE_BYTES,
        });
    }
}

#[test]
fn a_domain_is_mapped_for_a_debugger_while_it_is_frozen() {
    let copying = Copying::new();
    copying.fill([1]);
    assert_eq!(copying.map_captured(), Err(Error::WrongState));
    copying.scene.freeze();
    assert_eq!(copying.map_captured(), Ok(()));
    let keeper = copying.scene.keeper;
    let seen = keeper.domain.space.translate(VIEW + abi::PAGE_BYTES);
    let seen = seen.expect("mapped");
    assert_eq!((seen.frame, seen.write), (copying.frame(MEMORY, 1), false));
}

#[test]
fn an_absent_page_of_a_captured_domain_is_its_readers_fault_and_no_message_to_its_pager() {
    let copying = Copying::new();
    let scene = &copying.scene;
    let (keeper, server) = (scene.keeper.thread, scene.server);
    copying.fill([1, 2]);
    scene
        .world
        .give(scene.subject, INNER, scene.keeper, SPARE, 0);
    let (memory, pager) = (MEMORY, SPARE);
    scene.world.does(keeper, MemoryPager { memory, pager });
    scene.freeze();
    copying.map_captured().expect("frozen");
    copying.touch(1);
    assert_eq!(keeper.phase.get(), Phase::Ready, "it is there");
    // It goes away under the reader, and the reader's own handler hears of that.
    let (thread, endpoint) = (slots::THREAD, ENDPOINT);
    scene.world.does(keeper, ThreadFaults { thread, endpoint });
    let (first_page, page_count) = (PageCount(1), PageCount(1));
    let discard = MemoryDiscard {
        memory,
        first_page,
        page_count,
    };
    scene.world.does(server, discard);
    copying.touch(1);
    let Phase::SendingFault {
        endpoint, fault, ..
    } = keeper.phase.get()
    else {
        panic!("it is in {:?}", keeper.phase.get());
    };
    let address = VIEW + abi::PAGE_BYTES;
    assert_eq!(fault.words, [FaultKind::Page as u64, address, 4]);
    let pool = endpoint.header.pool;
    assert_eq!(pool, Some(scene.keeper.pool), "the reader's endpoint");
}

#[test]
fn the_reader_of_a_captured_domain_stops_at_an_absent_page_without_a_handler() {
    let copying = Copying::new();
    let scene = &copying.scene;
    copying.fill([1]);
    scene
        .world
        .give(scene.subject, INNER, scene.keeper, SPARE, 0);
    let (memory, pager) = (MEMORY, SPARE);
    scene
        .world
        .does(scene.keeper.thread, MemoryPager { memory, pager });
    scene.freeze();
    copying.map_captured().expect("frozen");
    scene.thaw();
    copying.touch(3);
    assert_eq!(scene.keeper.thread.phase.get(), Phase::Ready);
    assert!(scene.keeper.thread.stopped.get());
}

#[test]
fn what_belongs_to_another_is_copied_while_it_is_mapped_and_is_not_mapped_for_a_debugger() {
    let copying = Copying::new();
    let (domain, memory) = (SUBJECT, OTHER);
    let lent = DomainMap {
        domain,
        memory,
        address: UserAddress(0x8000_0000),
        first_page: PageCount(0),
        page_count: PageCount(PAGES),
        access: Access::Read,
    };
    let keeper = copying.scene.keeper.thread;
    copying.scene.world.does(keeper, lent);
    copying.populate(OTHER, 5, 1);
    copying.scene.freeze();
    let foreign = Copying {
        id: copying.memory(OTHER).header.id(),
        ..copying
    };
    // A view would hang below the Domain, where no revocation of the Memory reaches it.
    assert_eq!(foreign.map_captured(), Err(Error::NotThere));
    let request = foreign.request(0, ALL);
    assert_eq!(foreign.read(request), Ok((0, 0, 0b10_0000)));
    foreign
        .scene
        .world
        .does(keeper, CapabilityRevoke { slot: OTHER });
    assert_eq!(foreign.read(request), Err(Error::NotThere));
}

#[test]
fn pages_of_zeros_need_no_room() {
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
    // The first of them is clean already, and a refusal does not make it dirty.
    let leaf = copying.memory(MEMORY).leaf(0).expect("a table");
    leaf.remove_marks(4, Entry::DIRTY);
    assert_eq!(copying.read(rest), Err(Error::PageAbsent));
    assert_eq!(copying.pages(log, 0, PageSet::Dirty), Ok(vec![3, 5]));
    let wanted = 0b11_0000;
    let zeros = DomainReadPages { wanted, ..request };
    assert_eq!(copying.read(zeros), Ok((0, 0, 0b11_0000)));
}

#[test]
fn zeros_between_the_data_take_no_room() {
    let copying = Copying::new();
    copying.fill([0, 2, 4]);
    copying.populate(MEMORY, 1, 1);
    copying.populate(MEMORY, 3, 1);
    let into_page = PageCount(STAGING_PAGES - 2);
    let tight = DomainReadPages {
        into_page,
        ..copying.request(0, ALL)
    };
    assert_eq!(copying.read(tight), Ok((0b1_0000, 0b101, 0b1010)));
}

#[test]
fn the_page_that_a_dirty_pass_writes_its_answer_to_is_dirty_afterwards() {
    const ADDRESS: u64 = 0x8000_0000;
    let copying = Copying::new();
    let keeper = copying.scene.keeper.thread;
    copying.fill([0, 1]);
    let (domain, memory) = (slots::DOMAIN, MEMORY);
    let map = DomainMap {
        domain,
        memory,
        address: UserAddress(ADDRESS),
        first_page: PageCount(0),
        page_count: PageCount(PAGES),
        access: Access::ReadWrite,
    };
    copying.scene.world.does(keeper, map);
    keeper.message_buffer.set(ADDRESS);
    let pass = DomainPages {
        domain: SUBJECT,
        memory: copying.id,
        log: copying.begin_log(),
        first_page: PageCount(0),
        page_count: PageCount(512),
        which: PageSet::Dirty,
    };
    assert_eq!(copying.scene.world.call(keeper, pass), Ok(512));
    assert!(!copying.is_dirty(MEMORY, 1));
    assert!(copying.is_dirty(MEMORY, 0));
}
