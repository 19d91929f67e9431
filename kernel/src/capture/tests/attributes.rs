//! The Memories of devices, contiguous Memories and the boot archive appear in descriptions but are not captured.

use abi::calls::{
    DeviceMemoryCreate, DomainPages, DomainReadPages, MemoryCreate, MemoryCreateContiguous, PageSet,
};
use abi::record::{List, ObjectRecord};
use abi::register::{ObjectId, PageCount, PageIndex, Slot};
use abi::{Error, ObjectKind};

use super::scene::{SUBJECT, SUBJECT_POOL, Scene};
use crate::arch::{PhysAddr, PhysRange, fake};
use crate::memory::ForeignRun;
use crate::objects::{self, Attribute};
use crate::testing::{calls, slots};

/// The subject's Memories, in the manager's table: one with each attribute.
const ORDINARY: Slot = Slot(30);
const CONTIGUOUS: Slot = Slot(31);
const DEVICE: Slot = Slot(32);
const ARCHIVE: Slot = Slot(33);
/// The Memories that are not ordinary.
const NOT_CAPTURED: [Slot; 3] = [CONTIGUOUS, DEVICE, ARCHIVE];

const HARDWARE: Slot = Slot(34);
/// An ordinary Memory of the manager.
const STAGING: Slot = Slot(35);

const PAGES: PageCount = PageCount(2);
/// An address above the fake machine's RAM.
const BUS_ADDRESS: u64 = 0xfe00_0000;

/// A scene whose subject has a Memory with each attribute, all populated.
fn scene() -> Scene {
    let scene = Scene::new();
    let (world, manager) = (&scene.world, scene.manager);
    world.give_hardware(manager, HARDWARE);
    let pool = SUBJECT_POOL;
    let pages = PAGES;
    for (pool, into) in [(pool, ORDINARY), (slots::POOL, STAGING)] {
        world.does(manager, MemoryCreate { pool, pages, into });
    }
    let contiguous = MemoryCreateContiguous {
        pool,
        pages,
        into: CONTIGUOUS,
        alignment: PageCount(1),
        from: 0,
        below: u64::MAX,
    };
    world.does(manager, contiguous);
    let device = DeviceMemoryCreate {
        pool,
        hardware: HARDWARE,
        bus_address: BUS_ADDRESS,
        pages,
        into: DEVICE,
        cache: 0,
        made: PageCount(0),
    };
    world.does(manager, device);
    for memory in [ORDINARY, CONTIGUOUS, STAGING] {
        world.does(manager, calls::populate(memory, 0, PAGES.0));
    }
    make_archive(&scene);
    let page = scene.manager.memory(ORDINARY).frame(0).expect("a page");
    page.write_word(0, 7);
    scene
}

/// The fake machine has no archive: an unused part of its RAM takes its place.
fn make_archive(scene: &Scene) {
    let start = PhysAddr::new(0x8_0000);
    let mut boot = fake::boot_information();
    boot.archive = PhysRange::new(start, start + PAGES.0 * abi::PAGE_BYTES);
    let place = scene.manager.place(ARCHIVE);
    let (kernel, pool) = (&scene.world.kernel, scene.subject.pool);
    let run = ForeignRun::of_archive(&boot);
    objects::create_memory_of(kernel, pool, run, Attribute::Archive, place).expect("room");
}

fn id(scene: &Scene, slot: Slot) -> ObjectId {
    scene.manager.memory(slot).header.id()
}

/// The manager copies the first page of a Memory.
fn copy(scene: &Scene, of: Slot, into: Slot) -> Result<(u64, u64, u64), Error> {
    let read = DomainReadPages {
        domain: SUBJECT,
        memory: id(scene, of),
        log: 0,
        first_page: PageIndex(0),
        wanted: 1,
        into,
        into_page: PageIndex(0),
    };
    scene.call(scene.manager, read)
}

#[test]
fn a_description_shows_the_memories_that_a_device_may_write() {
    let scene = scene();
    let records = scene.list(List::Objects);
    let records: Vec<_> = records.iter().map(ObjectRecord::from_words).collect();
    for (slot, attribute, present) in [
        (ORDINARY, 0, PAGES.0),
        (CONTIGUOUS, 1, PAGES.0),
        (DEVICE, 2, PAGES.0),
        (ARCHIVE, 2, PAGES.0),
    ] {
        let id = id(&scene, slot).0;
        let record = records.iter().find(|record| record.id == id);
        let record = record.expect("described");
        assert_eq!(record.kind, ObjectKind::Memory as u64);
        let described = (record.size, record.attribute, record.present);
        assert_eq!(described, (PAGES.0, attribute, present), "{slot:?}");
    }
}

#[test]
fn memory_that_a_device_may_write_is_not_copied() {
    let scene = scene();
    for freezes in [false, true] {
        if freezes {
            scene.freeze();
        }
        for of in NOT_CAPTURED {
            assert_eq!(copy(&scene, of, STAGING), Err(Error::WrongState), "{of:?}");
        }
        assert_eq!(copy(&scene, ORDINARY, STAGING), Ok((0, 1, 0)));
    }
}

#[test]
fn nothing_is_copied_into_memory_of_a_device_or_of_the_archive() {
    let scene = scene();
    let into = |slot| {
        scene
            .manager
            .memory(slot)
            .frame(0)
            .map(|page| page.read_word(0))
    };
    let before = [CONTIGUOUS, ARCHIVE].map(into);
    assert!(
        before.iter().all(Option::is_some),
        "{before:?}: a Memory has no readable page"
    );
    for into in NOT_CAPTURED {
        let refused = copy(&scene, ORDINARY, into);
        assert_eq!(refused, Err(Error::WrongState), "{into:?}");
    }
    assert_eq!([CONTIGUOUS, ARCHIVE].map(into), before);
}

#[test]
fn memory_that_a_device_may_write_has_no_page_bitmap() {
    let scene = scene();
    for which in [PageSet::Present, PageSet::Dirty] {
        for of in NOT_CAPTURED {
            let memory = id(&scene, of);
            let pages = DomainPages {
                domain: SUBJECT,
                memory,
                log: 0,
                first_page: PageIndex(0),
                page_count: PAGES,
                which,
            };
            let refused = scene.call(scene.manager, pages);
            assert_eq!(refused, Err(Error::WrongState), "{of:?} {which:?}");
        }
    }
}

#[test]
fn memory_that_a_device_may_write_is_not_mapped_for_a_debugger() {
    let scene = scene();
    scene.freeze();
    let view = |of| calls::map_captured(SUBJECT, id(&scene, of), slots::DOMAIN, 0x9000_0000);
    for of in NOT_CAPTURED {
        let refused = scene.call(scene.manager, view(of));
        assert_eq!(refused, Err(Error::WrongState), "{of:?}");
    }
    scene.does(scene.manager, view(ORDINARY));
}
