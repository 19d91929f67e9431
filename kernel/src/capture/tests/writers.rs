//! The writers of a domain's Memory: the counted capabilities and mappings of other domains.

use abi::calls::{
    CapabilityCopy, CapabilityDelete, CapabilityMint, CapabilityMove, CapabilityRevoke, Destroy,
    DomainInstall, DomainMap, DomainRemove, MemoryCreate, Send,
};
use abi::message::{RECEIVE_OFFSET, SEND_OFFSET};
use abi::record::{List, ObjectRecord};
use abi::register::{Access, PageCount, PageIndex, Slot, UserAddress};
use abi::{MemoryRights, MessageInfo, ObjectKind};

use super::scene::{ENDPOINT, KEEPERS_SPARE, REPLY, SUBJECT, Scene, receive};
use crate::objects::tests::checker::check;
use crate::testing::slots;

const POOL: Slot = Slot(21);
/// The subject's Memory, in its own table.
const OWN: Slot = Slot(30);
/// The same, in the keeper's table.
const GIVEN: Slot = Slot(31);
const SECOND: Slot = Slot(32);
const ADDRESS: UserAddress = UserAddress(0x8000_0000);
const PAGES: PageCount = PageCount(2);

fn scene() -> Scene {
    let scene = Scene::new();
    let (pool, pages, into) = (slots::POOL, PAGES, OWN);
    let create = MemoryCreate { pool, pages, into };
    scene.world.does(scene.subject.thread, create);
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
    DomainMap {
        domain: slots::DOMAIN,
        memory,
        address: ADDRESS,
        first_page: PageIndex(0),
        page_count: PAGES,
        access,
    }
}

#[test]
fn a_domain_does_not_count_as_a_writer_of_its_own_memory() {
    let scene = scene();
    let (from, to) = (OWN, SECOND);
    let subject = scene.subject.thread;
    scene.world.does(subject, CapabilityCopy { from, to });
    scene.world.does(subject, map(OWN, Access::ReadWrite));
    assert_eq!(writers(&scene), 0);
}

#[test]
fn a_capability_to_write_counts_wherever_it_came_from() {
    let scene = scene();
    let keeper = scene.keeper.thread;
    scene.world.give(scene.subject, OWN, scene.keeper, GIVEN, 0);
    assert_eq!(writers(&scene), 1);
    let (from, to) = (GIVEN, SECOND);
    scene.world.does(keeper, CapabilityCopy { from, to });
    assert_eq!(writers(&scene), 2);
    let (from, to) = (SECOND, KEEPERS_SPARE);
    scene.world.does(keeper, CapabilityMove { from, to });
    assert_eq!(writers(&scene), 2);
    scene.world.does(keeper, CapabilityDelete { slot: GIVEN });
    assert_eq!(writers(&scene), 1);
    let slot = OWN;
    scene
        .world
        .does(scene.subject.thread, CapabilityRevoke { slot });
    assert_eq!(writers(&scene), 0);
}

#[test]
fn a_capability_to_read_does_not_count() {
    let scene = scene();
    scene.world.give(scene.subject, OWN, scene.keeper, GIVEN, 0);
    let rights = MemoryRights::all().difference(MemoryRights::WRITE).into();
    let (from, to, badge) = (GIVEN, SECOND, 0);
    let mint = CapabilityMint {
        from,
        to,
        rights,
        badge,
    };
    scene.world.does(scene.keeper.thread, mint);
    let slot = GIVEN;
    scene
        .world
        .does(scene.keeper.thread, CapabilityDelete { slot });
    scene
        .world
        .does(scene.keeper.thread, map(SECOND, Access::Read));
    assert_eq!(writers(&scene), 0);
}

#[test]
fn a_mapping_to_write_counts_after_its_capability_is_gone() {
    let scene = scene();
    let keeper = scene.keeper.thread;
    scene.world.give(scene.subject, OWN, scene.keeper, GIVEN, 0);
    scene.world.does(keeper, map(GIVEN, Access::ReadWrite));
    assert_eq!(writers(&scene), 2);
    scene.world.does(keeper, CapabilityDelete { slot: GIVEN });
    assert_eq!(writers(&scene), 1);
    let slot = OWN;
    scene
        .world
        .does(scene.subject.thread, CapabilityRevoke { slot });
    assert_eq!(writers(&scene), 0);
}

#[test]
fn a_capability_that_comes_in_a_message_counts() {
    let scene = scene();
    let (keeper, subject) = (scene.keeper, scene.subject);
    let (from, into) = (scene.world.buffer(subject), scene.world.buffer(keeper));
    from.write_word(SEND_OFFSET, u64::from(OWN.0));
    into.write_word(RECEIVE_OFFSET, u64::from(GIVEN.0));
    scene.world.begin(keeper.thread, receive(ENDPOINT, REPLY));
    let send = Send::new(ENDPOINT, MessageInfo::try_new(0, 1).expect("short"), [0; 4]);
    scene.world.does(subject.thread, send);
    assert_eq!(writers(&scene), 1);
}

#[test]
fn installing_and_removing_count_in_the_table_that_they_change() {
    let scene = scene();
    let keeper = scene.keeper.thread;
    let (pool, pages, into) = (slots::POOL, PAGES, GIVEN);
    scene.world.does(keeper, MemoryCreate { pool, pages, into });
    let (domain, from, to) = (SUBJECT, GIVEN, SECOND);
    let (rights, badge) = (MemoryRights::all().into(), 0);
    let install = DomainInstall {
        domain,
        from,
        to,
        rights,
        badge,
    };
    scene.world.does(keeper, install);
    let memory = match scene.keeper.pool.last() {
        Some(crate::objects::Object::Memory(memory)) => memory,
        other => panic!("no Memory but {other:?}"),
    };
    assert_eq!(memory.writers(), 1);
    let slot = SECOND;
    scene.world.does(keeper, DomainRemove { domain, slot });
    assert_eq!(memory.writers(), 0);
}

#[test]
fn destroying_a_domain_removes_it_as_a_writer() {
    let scene = scene();
    let (pool, pages, into) = (POOL, PAGES, GIVEN);
    let keeper = scene.keeper.thread;
    scene.world.does(keeper, MemoryCreate { pool, pages, into });
    scene.world.does(keeper, map(GIVEN, Access::ReadWrite));
    assert_eq!(writers(&scene), 2);
    scene
        .world
        .give(scene.keeper, slots::BUFFER, scene.subject, SECOND, 0);
    check(&scene.world.kernel);
    scene.world.does(keeper, Destroy { object: POOL });
    check(&scene.world.kernel);
}
