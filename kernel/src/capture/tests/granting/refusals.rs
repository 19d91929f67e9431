//! Calls that move nothing, and the end of `DomainUnretire`.

use abi::Error;
use abi::calls::{DomainGrantPages, MemoryCreate, MemoryCreateContiguous, PoolSplit};
use abi::register::{ObjectId, PageCount, Slot};

use super::{Granting, MEMORY, PAGES, SPARE, TARGET};
use crate::capture::tests::scene::{SUBJECT_POOL, SUBJECT_THREAD, Scene, unretire};
use crate::objects::tests::checker::check;
use crate::objects::{self, Object, Step};
use crate::testing::{calls, slots, snapshot};

/// Expects this error of a call that changes nothing.
fn expect_refusal(granting: &Granting, request: DomainGrantPages, error: Error) {
    let scene = &granting.scene;
    let snapshot = || snapshot::of_kernel(&scene.world.kernel, scene.manager.thread);
    crate::testing::stand_at(scene.manager.thread, request);
    let before = snapshot();
    assert_eq!(scene.call(scene.manager, request), Err(error));
    let changes = snapshot::difference(&before, &snapshot());
    assert!(changes.is_empty(), "{request:?} changed {changes:#?}");
}

/// Replaces the target by a Memory of `pages` pages in this pool.
fn replace_target(scene: &Scene, pool: Slot, pages: u64) {
    scene.does(scene.manager, calls::delete(TARGET));
    let (pages, into) = (PageCount(pages), TARGET);
    scene.does(scene.manager, MemoryCreate { pool, pages, into });
}

#[test]
fn only_a_retired_domain_loses_pages() {
    let granting = Granting::new();
    granting.fill([0]);
    expect_refusal(&granting, granting.request(0, 1), Error::WrongState);
    granting.scene.freeze();
    expect_refusal(&granting, granting.request(0, 1), Error::WrongState);
    granting.scene.thaw();
    granting.retire();
    granting.scene.unretire_by(granting.scene.manager.thread);
    expect_refusal(&granting, granting.request(0, 1), Error::WrongState);
}

#[test]
fn the_target_is_not_a_memory_of_the_retired_domain_or_of_another_one() {
    let granting = Granting::new();
    replace_target(&granting.scene, SUBJECT_POOL, PAGES);
    granting.fill([0]);
    granting.retire();
    expect_refusal(&granting, granting.request(0, 1), Error::Gone);
    let itself = DomainGrantPages {
        target: MEMORY,
        ..granting.request(0, 1)
    };
    expect_refusal(&granting, itself, Error::Gone);

    let granting = Granting::retired([0]);
    let scene = &granting.scene;
    let other = scene.world.domain();
    scene
        .world
        .give(other, slots::BUFFER, scene.manager, SPARE, 0);
    other.domain.retire();
    let into_other = DomainGrantPages {
        target: SPARE,
        ..granting.request(0, 1)
    };
    expect_refusal(&granting, into_other, Error::Gone);
}

#[test]
fn both_memories_are_ordinary() {
    for (pool, is_source) in [(SUBJECT_POOL, true), (slots::POOL, false)] {
        let granting = Granting::new();
        let (scene, manager) = (&granting.scene, granting.scene.manager);
        let contiguous = MemoryCreateContiguous {
            pool,
            pages: PageCount(2),
            into: SPARE,
            alignment: PageCount(1),
            from: 0,
            below: u64::MAX,
        };
        scene.does(manager, contiguous);
        if is_source {
            granting.populate(SPARE, 0, 1);
        }
        granting.fill([0]);
        granting.retire();
        let request = granting.request(0, 1);
        let request = if is_source {
            let memory = manager.memory(SPARE).header.id();
            DomainGrantPages { memory, ..request }
        } else {
            let target = SPARE;
            DomainGrantPages { target, ..request }
        };
        expect_refusal(&granting, request, Error::WrongState);
    }
}

#[test]
fn both_memories_have_the_range() {
    for (source_is_shorter, pages) in [(true, PAGES + 1), (false, PAGES - 1)] {
        let granting = Granting::new();
        replace_target(&granting.scene, slots::POOL, pages);
        granting.fill([0, 698]);
        granting.retire();
        let shorter = if source_is_shorter { PAGES } else { pages };
        for (first, count) in [
            (0, shorter + 1),
            (shorter, 1),
            (shorter + 1, 0),
            (1, u64::MAX),
            (u64::MAX, 1),
        ] {
            expect_refusal(
                &granting,
                granting.request(first, count),
                Error::ArgumentRange,
            );
        }
        assert_eq!(granting.grant(0, shorter), Ok(2));
    }
}

#[test]
fn the_source_is_a_memory_of_the_retired_domain_s_pool() {
    let granting = Granting::retired([0]);
    let request = granting.request(0, 1);
    for memory in [ObjectId(u64::MAX), granting.target().header.id()] {
        let foreign = DomainGrantPages { memory, ..request };
        expect_refusal(&granting, foreign, Error::NotThere);
    }
    let memory = granting.scene.subject.thread.header.id();
    let thread = DomainGrantPages { memory, ..request };
    expect_refusal(&granting, thread, Error::WrongKind);
    let domain = SUBJECT_THREAD;
    let thread = DomainGrantPages { domain, ..request };
    expect_refusal(&granting, thread, Error::WrongKind);
}

#[test]
fn memories_that_are_being_destroyed_neither_give_nor_get_pages() {
    for slot in [MEMORY, TARGET] {
        let granting = Granting::retired(0..100);
        granting.populate(TARGET, 300, 100);
        let (kernel, manager) = (&granting.scene.world.kernel, granting.scene.manager);
        let memory = Object::Memory(manager.memory(slot));
        let keep = manager.place(slot);
        let step = objects::destroy_step(kernel, memory, Some(keep));
        assert_eq!(step, Step::More);
        expect_refusal(&granting, granting.request(0, PAGES), Error::Gone);
    }
}

#[test]
fn a_pool_that_cannot_pay_for_a_step_gets_none_of_its_pages() {
    let granting = Granting::new();
    let (scene, manager) = (&granting.scene, granting.scene.manager);
    let split = PoolSplit {
        pool: slots::POOL,
        // The pool itself, the Memory, a directory, a leaf table, and pages for one step and a half.
        pages: PageCount(4 + 96),
        into: SPARE,
    };
    scene.does(manager, split);
    replace_target(scene, SPARE, PAGES);
    granting.fill(0..128);
    granting.retire();
    let pool = granting.target().pool();
    let subject = scene.subject.pool.used();
    assert_eq!(granting.grant(0, PAGES), Err(Error::PoolEmpty));
    assert_eq!(granting.target().present.get(), 64);
    assert_eq!(granting.source.present.get(), 64);
    assert_eq!((pool.used(), scene.subject.pool.used()), (68, subject - 64));
    expect_refusal(&granting, granting.request(64, 64), Error::PoolEmpty);
    assert_eq!(granting.grant(64, 32), Ok(32));
    assert_eq!(pool.used(), pool.limit);
    expect_refusal(&granting, granting.request(96, 1), Error::PoolEmpty);
}

#[test]
fn a_pool_that_cannot_pay_for_tables_gets_no_page() {
    for spare in 0..2 {
        let granting = Granting::new();
        let (scene, manager) = (&granting.scene, granting.scene.manager);
        let split = PoolSplit {
            pool: slots::POOL,
            pages: PageCount(2 + spare),
            into: SPARE,
        };
        scene.does(manager, split);
        replace_target(scene, SPARE, PAGES);
        granting.fill([0]);
        granting.retire();
        let subject = scene.subject.pool.used();
        assert_eq!(granting.grant(0, 1), Err(Error::PoolEmpty));
        assert_eq!(granting.present(granting.source), [0]);
        assert_eq!(scene.subject.pool.used(), subject);
        assert!(scene.subject.domain.is_restorable());
    }
}

#[test]
fn a_domain_that_has_lost_a_page_stays_retired() {
    let granting = Granting::retired([0, 1]);
    let manager = granting.scene.manager;
    assert_eq!(granting.grant(0, 1), Ok(1));
    let version = granting.scene.version();
    for deadline in [0, u64::MAX] {
        let refused = granting.scene.call(manager, unretire(deadline));
        assert_eq!(refused, Err(Error::WrongState));
    }
    assert!(granting.scene.subject.domain.is_retired());
    assert_eq!(granting.scene.version(), version);
    granting.scene.destroy();
    check(&granting.scene.world.kernel);
}

#[test]
fn a_domain_that_has_lost_no_page_can_be_unretired() {
    let granting = Granting::retired([0, 1]);
    granting.populate(TARGET, 0, 1);
    assert_eq!(granting.grant(0, 1), Ok(0));
    assert_eq!(granting.grant(2, 600), Ok(0));
    granting.scene.unretire_by(granting.scene.manager.thread);
    granting.scene.thaw();
    assert!(granting.scene.subject.domain.is_running());
}
