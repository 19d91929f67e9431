//! The pages that a call moves, and the accounts of both pools.

use abi::PAGES_PER_TABLE;
use abi::calls::{MemoryCreate, PoolSplit};
use abi::register::PageCount;

use super::{Granting, PAGES, RECEIVER, SPARE, TABLES, TARGET};
use crate::capture::tests::scene::SUBJECT_POOL;
use crate::objects::tests::checker::check;
use crate::testing::calls;

/// The maximum number of pages that a step moves.
const PAGES_PER_STEP: u64 = 64;

#[test]
fn pages_move_with_their_frames_and_their_bytes() {
    let pages = [0, 1, 63, 64, 511, 512, 699];
    let granting = Granting::retired(pages);
    let frames = pages.map(|page| granting.frame(granting.source, page));
    assert_eq!(granting.grant(0, PAGES), Ok(7));
    assert_eq!(granting.present(granting.source), []);
    assert_eq!(granting.present(granting.target()), pages);
    for (page, frame) in pages.into_iter().zip(frames) {
        let granted = granting.frame(granting.target(), page);
        assert_eq!(granted, frame, "page {page}");
        assert_eq!(granted.read_word(4088), page + 1);
    }
}

#[test]
fn each_page_is_charged_to_its_new_pool_and_refunded_to_its_old_one() {
    let granting = Granting::retired(0..PAGES);
    let (subject, receiver) = granting.spent();
    let free = granting.scene.world.kernel.frames.free();
    assert_eq!(granting.grant(10, 1), Ok(1));
    // The directory and the first leaf table.
    let tables = 2;
    assert_eq!(granting.spent(), (subject - 1, receiver + 1 + tables));
    assert_eq!(granting.scene.world.kernel.frames.free(), free - tables);
    assert_eq!(granting.grant(0, PAGES), Ok(PAGES - 1));
    assert_eq!(
        granting.spent(),
        (subject - PAGES, receiver + PAGES + TABLES)
    );
}

/// The free frames after the destruction of both Memories, of which one has got pages of the other.
fn free_after_destruction() -> u64 {
    let granting = Granting::retired([0, 100, 600]);
    assert_eq!(granting.grant(0, PAGES), Ok(3));
    let manager = granting.scene.manager;
    granting.scene.does(manager, calls::destroy(TARGET));
    granting.scene.destroy();
    check(&granting.scene.world.kernel);
    granting.scene.world.kernel.frames.free()
}

#[test]
fn the_destruction_of_both_memories_frees_moved_pages_once() {
    let granting = Granting::retired([0, 100, 600]);
    let manager = granting.scene.manager;
    granting.scene.does(manager, calls::destroy(TARGET));
    granting.scene.destroy();
    let free = granting.scene.world.kernel.frames.free();
    assert_eq!(free_after_destruction(), free);
}

#[test]
fn only_pages_of_the_range_move() {
    let granting = Granting::retired(500..530);
    assert_eq!(granting.grant(510, 5), Ok(5));
    let moved: Vec<u64> = (510..515).collect();
    assert_eq!(granting.present(granting.target()), moved);
    let kept: Vec<u64> = (500..510).chain(515..530).collect();
    assert_eq!(granting.present(granting.source), kept);
}

#[test]
fn a_page_that_the_target_has_already_stays_where_it_is() {
    let granting = Granting::retired([0, 1, 2]);
    granting.populate(TARGET, 1, 1);
    let (own, other) = (
        granting.frame(granting.target(), 1),
        granting.frame(granting.source, 1),
    );
    own.write_word(4088, 9);
    assert_eq!(granting.grant(0, PAGES), Ok(2));
    assert_eq!(granting.present(granting.source), [1]);
    assert_eq!(granting.frame(granting.source, 1), other);
    assert_eq!(granting.present(granting.target()), [0, 1, 2]);
    assert_eq!(granting.frame(granting.target(), 1), own);
    assert_eq!(own.read_word(4088), 9);
}

#[test]
fn absent_pages_cost_nothing() {
    let granting = Granting::retired([600]);
    let spent = granting.spent();
    assert_eq!(granting.grant(0, 600), Ok(0));
    assert_eq!(granting.grant(601, 99), Ok(0));
    assert_eq!(granting.grant(600, 0), Ok(0));
    assert_eq!(granting.grant(PAGES, 0), Ok(0));
    assert_eq!(granting.spent(), spent);
}

#[test]
fn a_step_moves_a_bounded_number_of_pages() {
    let granting = Granting::retired(0..PAGES);
    let (world, manager) = (&granting.scene.world, granting.scene.manager);
    world.begin_step(manager, granting.request(0, PAGES));
    let mut moved = 0;
    while world.is_at_call(manager) {
        let present = granting.target().present.get();
        assert_eq!(
            present - moved,
            PAGES_PER_STEP.min(PAGES - moved).min(table_rest(moved))
        );
        moved = present;
        check(&world.kernel);
        world.step(manager);
    }
    let outcome = world.outcome::<abi::calls::DomainGrantPages>(manager);
    assert_eq!(outcome, Some(Ok(PAGES)));
    assert_eq!(granting.target().present.get(), PAGES);
}

/// The pages from this one on in its leaf table.
fn table_rest(page: u64) -> u64 {
    PAGES_PER_TABLE - page % PAGES_PER_TABLE
}

#[test]
fn a_step_without_pages_to_move_passes_a_leaf_table() {
    let granting = Granting::retired(0..PAGES);
    granting.populate(TARGET, 0, 64);
    let (world, manager) = (&granting.scene.world, granting.scene.manager);
    assert_eq!(world.steps_of(manager, granting.request(0, 64)), 1);
    // Of the pages after these, a step moves as many as fit into the rest of its budget.
    world.begin_step(manager, granting.request(0, PAGES));
    assert_eq!(granting.target().present.get(), 64 + (512 - 64) / 8);
}

#[test]
fn a_frozen_receiver_s_version_rises_with_each_step_that_moves_pages() {
    let granting = Granting::retired(0..128);
    let scene = &granting.scene;
    scene.does(scene.manager, calls::freeze(RECEIVER, u64::MAX));
    let version = granting.receiver.domain.version();
    assert_eq!(granting.grant(200, 100), Ok(0));
    assert_eq!(granting.receiver.domain.version(), version);
    assert_eq!(granting.grant(0, 128), Ok(128));
    assert_eq!(granting.receiver.domain.version(), version + 2);
}

#[test]
fn an_empty_memory_takes_a_step_per_leaf_table() {
    let granting = Granting::retired([]);
    let (world, manager) = (&granting.scene.world, granting.scene.manager);
    assert_eq!(world.steps_of(manager, granting.request(0, PAGES)), 2);
}

#[test]
fn a_memory_of_a_child_pool_of_the_retired_domain_gets_pages() {
    let granting = Granting::new();
    let (scene, manager) = (&granting.scene, granting.scene.manager);
    let split = PoolSplit {
        pool: SUBJECT_POOL,
        pages: PageCount(16),
        into: SPARE,
    };
    scene.does(manager, split);
    scene.does(manager, calls::delete(TARGET));
    let create = MemoryCreate {
        pool: SPARE,
        pages: PageCount(PAGES),
        into: TARGET,
    };
    scene.does(manager, create);
    let child = granting.target().pool();
    granting.fill([3]);
    granting.retire();
    let (subject, before) = (scene.subject.pool.used(), child.used());
    assert_eq!(granting.grant(0, PAGES), Ok(1));
    let tables = 2;
    assert_eq!(child.used(), before + 1 + tables);
    assert_eq!(scene.subject.pool.used(), subject - 1);
    scene.does(manager, calls::destroy(SUBJECT_POOL));
    check(&scene.world.kernel);
}
