//! A revocation has the same effects in a domain and in one rebuilt from its description.

use abi::calls::{DomainHold, MemoryCreate, NotificationCreate};
use abi::record::Held;
use abi::register::{Access, Register, Slot};
use abi::{MemoryRights, NotificationRights, Rights};

use super::{
    ADDRESS, BETWEEN, BOUND, FIRST, MANY, MAPPED, ONE_PAGE, PAGED, SLOTS, derive_everything, held,
    is_empty, mappings,
};
use crate::capture::tests::scene::{INNER, SUBJECT, SUBJECT_POOL, SUBJECT_THREAD, Scene};
use crate::objects::tests::checker::check;
use crate::testing::calls;

/// Revokes the three slots that [`derive_everything`] derived from; returns what the subject loses.
fn revoke_all(scene: &Scene) -> Vec<&'static str> {
    let (world, subject) = (&scene.world, scene.subject);
    let mut lost = Vec::new();
    for slot in [INNER, MAPPED, BOUND] {
        world.does(subject, calls::revoke(slot));
    }
    let minted = (FIRST..FIRST + MANY).map(|slot| subject.place(Slot(slot)));
    if minted.into_iter().all(is_empty) {
        lost.push("all minted capabilities");
    }
    if subject.domain.mapping_at(ADDRESS).is_none() {
        lost.push("the mapping");
    }
    let paged = subject.memory(PAGED);
    let thread = subject.thread;
    for (name, place) in [
        ("the pager", paged.pager()),
        ("the fault endpoint", thread.fault_endpoint()),
        ("the bound notification", thread.bound_notification()),
    ] {
        if is_empty(place) {
            lost.push(name);
        }
    }
    lost
}

#[test]
fn a_revocation_removes_the_same_from_a_rebuilt_domain_as_from_the_original() {
    let mut scene = Scene::new();
    derive_everything(&scene);
    scene.freeze();
    let capabilities = scene.capabilities();
    let (mappings, held) = (mappings(&scene), held(&scene));
    scene.thaw();
    let lost = revoke_all(&scene);
    assert_eq!(lost.len(), 5, "{lost:?}");

    scene.rebuild_bare();
    let manager = scene.manager.thread;
    scene.does(manager, calls::grow(SUBJECT, SLOTS));
    create_objects_again(&scene);
    for record in capabilities
        .iter()
        .filter(|record| record.slot >= u64::from(FIRST))
    {
        let derive = calls::derive(
            SUBJECT,
            Slot(record.parent as u32 - 1),
            Slot(record.slot as u32),
            Rights(record.rights as u16),
            record.badge,
        );
        scene.does(manager, derive);
    }
    for record in mappings.iter().filter(|record| record.address == ADDRESS) {
        let map = calls::map_own(
            SUBJECT,
            Slot(record.parent as u32 - 1),
            record.address,
            record.first_page,
            record.page_count,
            Access::from_register(record.access).expect("an access"),
        );
        scene.does(manager, map);
    }
    for record in &held {
        let held = Held::from_register(record.slot).expect("a kind");
        let hold = DomainHold {
            domain: SUBJECT,
            from: Slot(record.parent as u32 - 1),
            holder: match held {
                Held::Pager => BETWEEN,
                _ => SUBJECT_THREAD,
            },
            held,
            badge: 0,
        };
        scene.does(manager, hold);
    }
    scene.thaw();
    assert_eq!(revoke_all(&scene), lost);
    check(&scene.world.kernel);
}

/// Creates the objects of [`derive_everything`] for a rebuilt subject, in its table. The Memory with a pager is also in the
/// manager's slot `BETWEEN`.
fn create_objects_again(scene: &Scene) {
    let (world, manager) = (&scene.world, scene.manager.thread);
    let pool = SUBJECT_POOL;
    let install = |from, to, rights: Rights| {
        world.does(manager, calls::install(SUBJECT, from, to, rights, 0));
    };
    for (to, keep) in [(MAPPED, false), (PAGED, true)] {
        let (pages, into) = (ONE_PAGE, BETWEEN);
        world.does(manager, MemoryCreate { pool, pages, into });
        install(BETWEEN, to, MemoryRights::all().into());
        if !keep {
            world.does(manager, calls::delete(BETWEEN));
        }
    }
    let into = Slot(BETWEEN.0 + 1);
    world.does(manager, NotificationCreate { pool, into });
    install(into, BOUND, NotificationRights::all().into());
}
