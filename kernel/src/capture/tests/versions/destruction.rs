//! The destruction of a frozen domain's objects, step by step.

use abi::calls::{EndpointCreate, MemoryCreate};
use abi::register::{PageCount, Slot};
use capabilities::Storage;

use super::{MEMORY, OWN_ENDPOINT, OWN_NOTIFICATION, SECOND_SPARE, map, scene, split};
use crate::capture::tests::scene::{MANAGERS_SPARE, SUBJECT, SUBJECT_POOL, SUBJECT_THREAD, Scene};
use crate::memory::{Ref, SlotStorage};
use crate::objects::{Thread, create_interrupt, destroy_step};
use crate::paging::unlink_step;
use crate::testing::{World, calls, snapshot};

/// The manager's slot for an interrupt of the subject's pool.
const OWN_INTERRUPT: Slot = Slot(29);

/// The manager's slots for a Memory and a thread of the subject, to which no other domain has capabilities. Two slots hold the
/// thread.
const BARE_MEMORY: Slot = Slot(30);
const BARE_THREAD: Slot = Slot(31);
const BARE_THREAD_TOO: Slot = Slot(32);

fn make_bare(world: &World, manager: Ref<Thread>) {
    let (pool, into) = (SUBJECT_POOL, BARE_MEMORY);
    // One step cannot remove this many pages.
    let pages = PageCount(80);
    world.does(manager, MemoryCreate { pool, pages, into });
    world.does(manager, calls::populate(into, 0, 80));
    world.does(manager, calls::thread(SUBJECT, BARE_THREAD));
    world.does(manager, calls::copy(BARE_THREAD, BARE_THREAD_TOO));
    world.does(manager, calls::start(BARE_THREAD));
}

/// A frozen subject, and the slots in the manager's table of objects whose destruction has something to remove.
fn populated_scene() -> (Scene, [Slot; 8]) {
    let scene = scene();
    let (world, manager) = (&scene.world, scene.manager.thread);
    let (memory, pager) = (MEMORY, OWN_ENDPOINT);
    world.does(manager, calls::populate(memory, 0, 2));
    world.does(manager, map());
    world.does(manager, calls::pager(memory, pager));
    let notification = OWN_NOTIFICATION;
    world.does(manager, calls::bind(SUBJECT_THREAD, notification));
    world.does(manager, split());
    let (pool, into) = (MANAGERS_SPARE, SECOND_SPARE);
    world.does(manager, EndpointCreate { pool, into });
    let place = scene.manager.place(OWN_INTERRUPT);
    create_interrupt(&world.kernel, scene.subject.pool, None, place).expect("a vector");
    world.does(
        manager,
        calls::bind_interrupt(OWN_INTERRUPT, notification, 1),
    );
    make_bare(world, manager);
    scene.freeze();
    let objects = [
        BARE_MEMORY,
        BARE_THREAD,
        MEMORY,
        OWN_NOTIFICATION,
        OWN_ENDPOINT,
        SUBJECT_THREAD,
        MANAGERS_SPARE,
        OWN_INTERRUPT,
    ];
    (scene, objects)
}

#[test]
fn every_step_of_a_destruction_that_changes_a_frozen_domain_raises_its_version() {
    let (_, objects) = populated_scene();
    for object in objects {
        let (scene, _) = populated_scene();
        let (kernel, domain) = (&scene.world.kernel, scene.subject.domain);
        let place = scene.manager.place(object);
        let mut changed = 0;
        while let Some(held) = SlotStorage.slot(place).capability() {
            let (before, version) = (snapshot::of_domain(domain), domain.version());
            destroy_step(kernel, held.object, Some(place));
            let changes = snapshot::difference(&before, &snapshot::of_domain(domain));
            changed += usize::from(!changes.is_empty());
            let has_risen = domain.version() > version;
            assert!(changes.is_empty() || has_risen, "{object:?}: {changes:#?}");
        }
        assert!(changed > 0, "{object:?}: no step changed anything");
    }
}

#[test]
fn the_first_step_of_removing_a_mapping_is_a_change() {
    let scene = scene();
    let manager = scene.manager.thread;
    scene.does(manager, map());
    scene.freeze();
    let mapping = scene.subject.domain.mapping_at(map().address.0);
    let before = scene.version();
    let _ = unlink_step(mapping.expect("it was mapped"));
    assert!(scene.version() > before);
}
