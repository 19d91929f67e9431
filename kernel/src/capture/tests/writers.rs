//! The writers of a domain's Memory: the counted capabilities and mappings of other domains.

use abi::calls::{DomainMap, MemoryCreate, Send};
use abi::message::{RECEIVE_OFFSET, SEND_OFFSET};
use abi::record::{List, ObjectRecord};
use abi::register::{Access, Slot};
use abi::{MemoryRights, MessageInfo, ObjectKind};

use super::scene::{ENDPOINT, MANAGERS_SPARE, REPLY, SUBJECT, SUBJECT_POOL, Scene, receive};
use crate::objects::tests::checker::check;
use crate::testing::{calls, slots};

/// The subject's Memory, in its own table.
const OWN: Slot = Slot(30);
/// The subject's Memory, in the manager's table.
const GIVEN: Slot = Slot(31);
const SECOND: Slot = Slot(32);
const ADDRESS: u64 = 0x8000_0000;
const PAGES: u64 = 2;

fn scene() -> Scene {
    let scene = Scene::new();
    scene.does(scene.subject, calls::memory(PAGES, OWN));
    scene
}

/// The number of writers that the kernel reports for the subject's last Memory.
fn writers(scene: &Scene) -> u64 {
    check(&scene.world.kernel);
    let objects = scene.list(List::Objects);
    let objects = objects.iter().map(ObjectRecord::from_words);
    let mut memories = objects.filter(|object| object.kind == ObjectKind::Memory as u64);
    memories.next_back().expect("a Memory").writers
}

fn map(memory: Slot, access: Access) -> DomainMap {
    calls::map(memory, ADDRESS, 0, PAGES, access)
}

#[test]
fn a_domain_does_not_count_as_a_writer_of_its_own_memory() {
    let scene = scene();
    let subject = scene.subject.thread;
    scene.does(subject, calls::copy(OWN, SECOND));
    scene.does(subject, map(OWN, Access::ReadWrite));
    assert_eq!(writers(&scene), 0);
}

#[test]
fn a_capability_to_write_counts_whether_given_copied_or_moved() {
    let scene = scene();
    let manager = scene.manager.thread;
    scene
        .world
        .give(scene.subject, OWN, scene.manager, GIVEN, 0);
    assert_eq!(writers(&scene), 1);
    scene.does(manager, calls::copy(GIVEN, SECOND));
    assert_eq!(writers(&scene), 2);
    scene.does(manager, calls::move_to(SECOND, MANAGERS_SPARE));
    assert_eq!(writers(&scene), 2);
    scene.does(manager, calls::delete(GIVEN));
    assert_eq!(writers(&scene), 1);
    scene.does(scene.subject, calls::revoke(OWN));
    assert_eq!(writers(&scene), 0);
}

#[test]
fn a_capability_to_read_does_not_count() {
    let scene = scene();
    scene
        .world
        .give(scene.subject, OWN, scene.manager, GIVEN, 0);
    let rights = MemoryRights::all().difference(MemoryRights::WRITE);
    scene.does(scene.manager, calls::mint(GIVEN, SECOND, rights, 0));
    scene.does(scene.manager, calls::delete(GIVEN));
    scene.does(scene.manager, map(SECOND, Access::Read));
    assert_eq!(writers(&scene), 0);
}

#[test]
fn a_mapping_to_write_counts_after_its_capability_is_gone() {
    let scene = scene();
    let manager = scene.manager.thread;
    scene
        .world
        .give(scene.subject, OWN, scene.manager, GIVEN, 0);
    scene.does(manager, map(GIVEN, Access::ReadWrite));
    assert_eq!(writers(&scene), 2);
    scene.does(manager, calls::delete(GIVEN));
    assert_eq!(writers(&scene), 1);
    scene.does(scene.subject, calls::revoke(OWN));
    assert_eq!(writers(&scene), 0);
}

#[test]
fn a_capability_that_comes_in_a_message_counts() {
    let scene = scene();
    let (manager, subject) = (scene.manager, scene.subject);
    let (from, into) = (scene.world.buffer(subject), scene.world.buffer(manager));
    from.write_word(SEND_OFFSET, u64::from(OWN.0));
    into.write_word(RECEIVE_OFFSET, u64::from(GIVEN.0));
    scene.begin(manager, receive(ENDPOINT, REPLY));
    let send = Send::new(ENDPOINT, MessageInfo::try_new(0, 1).expect("short"), [0; 4]);
    scene.does(subject, send);
    assert_eq!(writers(&scene), 1);
}

#[test]
fn a_capability_that_is_installed_in_another_table_counts() {
    let scene = scene();
    let manager = scene.manager.thread;
    scene.does(manager, calls::memory(PAGES, GIVEN));
    let domain = SUBJECT;
    let rights = MemoryRights::all();
    scene.does(manager, calls::install(domain, GIVEN, SECOND, rights, 0));
    let memory = match scene.manager.pool.last() {
        Some(crate::objects::Object::Memory(memory)) => memory,
        other => panic!("not a Memory but {other:?}"),
    };
    assert_eq!(memory.writers(), 1);
    scene.does(manager, calls::remove(domain, SECOND));
    assert_eq!(memory.writers(), 0);
}

#[test]
fn destroying_a_domain_removes_it_as_a_writer() {
    let scene = scene();
    let manager = scene.manager.thread;
    let create = MemoryCreate {
        pool: SUBJECT_POOL,
        ..calls::memory(PAGES, GIVEN)
    };
    scene.does(manager, create);
    scene.does(manager, map(GIVEN, Access::ReadWrite));
    assert_eq!(writers(&scene), 2);
    scene
        .world
        .give(scene.manager, slots::BUFFER, scene.subject, SECOND, 0);
    check(&scene.world.kernel);
    scene.does(manager, calls::destroy(SUBJECT_POOL));
    check(&scene.world.kernel);
}
