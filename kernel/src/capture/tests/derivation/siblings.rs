//! Searches for parents beyond many siblings, which take bounded steps.

use abi::NotificationRights;
use abi::calls::DomainDescribe;
use abi::record::{CapabilityRecord, List};
use abi::register::Slot;

use super::{
    BETWEEN, BOUND, FIRST, MANY, SLOTS, SPARE, grow, held, is_empty, mint, parent_of, word,
};
use crate::capture::tests::scene::{ENDPOINT, INNER, SUBJECT, Scene};
use crate::memory::Ref;
use crate::objects::Thread;
use crate::objects::tests::checker::check;
use crate::testing::{BUFFER_ADDRESS, calls, slots};

/// Fills many of the manager's slots with capabilities derived from a slot of the subject.
fn give_many(scene: &Scene, from: Slot) {
    grow(scene, scene.manager);
    for slot in FIRST..FIRST + MANY {
        scene
            .world
            .give(scene.subject, from, scene.manager, Slot(slot), 0);
    }
}

/// The description of the subject's table from this slot on.
fn describe_from(slot: Slot) -> DomainDescribe {
    calls::describe(SUBJECT, List::Capabilities, slot.0.into())
}

/// The first record of a description that a thread of the manager has requested.
fn first_record(scene: &Scene, thread: Ref<Thread>) -> CapabilityRecord {
    let outcome = scene.world.outcome::<DomainDescribe>(thread);
    let (count, ..) = outcome.expect("complete").expect("described");
    assert!(count > 0);
    let buffer = scene.world.buffer(scene.manager);
    let words = core::array::from_fn(|index| {
        buffer.read_word(abi::message::DATA_OFFSET + index as u64 * 8)
    });
    CapabilityRecord::from_words(&words)
}

/// Describes the subject's slot `SPARE`, running `before` before each step but the first. Returns the number of steps and the
/// parent.
fn describe_spare(scene: &Scene, mut before: impl FnMut(usize)) -> (usize, u64) {
    let manager = scene.manager.thread;
    scene.begin_step(manager, describe_from(SPARE));
    let mut steps = 1;
    while scene.world.is_at_call(manager) {
        before(steps);
        scene.world.step(manager);
        steps += 1;
    }
    let record = first_record(scene, manager);
    assert_eq!(record.slot, SPARE.0.into());
    (steps, record.parent)
}

#[test]
fn a_parent_beyond_many_siblings_is_found_in_bounded_steps() {
    let scene = Scene::new();
    give_many(&scene, INNER);
    mint(&scene, INNER, SPARE, 7);
    scene.freeze();
    let (steps, parent) = describe_spare(&scene, |_| {});
    assert_eq!(parent, word(INNER));
    assert!((4..10).contains(&steps), "{steps} steps");
    check(&scene.world.kernel);
}

#[test]
fn deleting_siblings_during_the_search_does_not_mislead_it() {
    let scene = Scene::new();
    give_many(&scene, INNER);
    mint(&scene, INNER, SPARE, 7);
    let version = scene.freeze();
    // Whole ranges are deleted, including the slot where the search stopped.
    let (steps, parent) = describe_spare(&scene, |step| {
        let step = step as u32;
        let end = FIRST + MANY - (step - 1) * 400;
        for slot in (end.saturating_sub(600).max(FIRST)..end).map(Slot) {
            let place = scene.manager.place(slot);
            if !is_empty(place) {
                scene.world.kernel.empty_slot(place).expect("occupied");
            }
        }
    });
    assert_eq!((parent, scene.version()), (word(INNER), version));
    assert!(steps > 1, "{steps} steps");
    check(&scene.world.kernel);
}

/// Lets the subject create the notification `BOUND`.
fn create_notification(scene: &Scene) {
    scene.does(scene.subject, calls::notification(BOUND));
}

#[test]
fn two_threads_that_describe_a_domain_in_turns_both_get_the_right_parents() {
    const OTHER: Slot = Slot(SPARE.0 + 1);
    let scene = Scene::new();
    let (world, subject) = (&scene.world, scene.subject);
    create_notification(&scene);
    give_many(&scene, INNER);
    mint(&scene, INNER, SPARE, 7);
    world.give(subject, BOUND, subject, OTHER, 0);
    scene.freeze();
    let (first, second) = (scene.manager.thread, scene.server);
    second.message_buffer.set(BUFFER_ADDRESS);
    world.begin_step(first, describe_from(SPARE));
    assert!(world.is_at_call(first));
    assert!(!is_empty(subject.domain.parent_search.bookmark()));
    world.does(second, describe_from(OTHER));
    let record = first_record(&scene, second);
    assert_eq!((record.slot, record.parent), (OTHER.0.into(), word(BOUND)));
    while world.is_at_call(first) {
        world.step(first);
    }
    let record = first_record(&scene, first);
    assert_eq!((record.slot, record.parent), (SPARE.0.into(), word(INNER)));
    check(&world.kernel);
}

#[test]
fn a_slot_that_is_filled_again_is_described_with_its_new_parent() {
    for is_frozen in [true, false] {
        describe_filled_again(is_frozen);
    }
}

/// Describes a slot of the frozen or running subject twice, and fills it with another capability in between.
fn describe_filled_again(is_frozen: bool) {
    let scene = Scene::new();
    let (world, manager) = (&scene.world, scene.manager.thread);
    create_notification(&scene);
    mint(&scene, INNER, SPARE, 7);
    if is_frozen {
        scene.freeze();
    }
    let (_, parent) = describe_spare(&scene, |_| {});
    assert_eq!(parent, word(INNER));
    let domain = SUBJECT;
    world.does(manager, calls::remove(domain, SPARE));
    let derive = calls::derive(domain, BOUND, SPARE, NotificationRights::SIGNAL, 0);
    world.does(manager, derive);
    let (_, parent) = describe_spare(&scene, |_| {});
    assert_eq!(parent, word(BOUND));
}

#[test]
fn a_capability_passed_through_others_keeps_its_parent() {
    let scene = Scene::new();
    let (world, manager, subject) = (&scene.world, scene.manager, scene.subject);
    world.give(subject, INNER, manager, BETWEEN, 0);
    world.give(manager, BETWEEN, subject, SPARE, 0);
    let version = scene.freeze();
    assert_eq!(parent_of(&scene, SPARE), Some(INNER.0.into()));
    // The other domain deletes its capability. The subject's capability keeps its parent, and the subject has not changed.
    world.does(manager, calls::delete(BETWEEN));
    assert_eq!(parent_of(&scene, SPARE), Some(INNER.0.into()));
    assert_eq!(scene.version(), version);
}

#[test]
fn both_capabilities_held_by_an_object_are_described_even_if_their_parents_are_far_away() {
    let scene = Scene::new();
    let (world, thread) = (&scene.world, scene.subject.thread);
    create_notification(&scene);
    give_many(&scene, INNER);
    for slot in FIRST + MANY..SLOTS {
        world.give(scene.subject, BOUND, scene.manager, Slot(slot), 0);
    }
    // The search from the newest child passes all older ones.
    world.does(thread, calls::faults(slots::THREAD, INNER));
    world.does(thread, calls::bind(slots::THREAD, BOUND));
    for freeze in [false, true] {
        if freeze {
            scene.freeze();
        }
        let parents: Vec<_> = held(&scene).iter().map(|record| record.parent).collect();
        assert_eq!(parents, [word(INNER), word(BOUND)]);
    }
}

#[test]
fn a_domain_destroyed_while_it_is_described_leaves_no_bookmark() {
    let scene = Scene::new();
    // The manager's endpoint outlives the subject.
    let endpoint = ENDPOINT;
    grow(&scene, scene.manager);
    for slot in FIRST..FIRST + MANY {
        let (world, manager) = (&scene.world, scene.manager);
        world.give(manager, endpoint, manager, Slot(slot), 0);
    }
    scene
        .world
        .give(scene.manager, endpoint, scene.subject, SPARE, 9);
    scene.freeze();
    let server = scene.server;
    server.message_buffer.set(BUFFER_ADDRESS);
    scene.begin_step(server, describe_from(SPARE));
    assert!(scene.world.is_at_call(server));
    let bookmark = scene.subject.domain.parent_search.bookmark();
    assert!(!is_empty(bookmark));
    scene.destroy();
    check(&scene.world.kernel);
    scene.does(scene.manager, calls::revoke(endpoint));
    check(&scene.world.kernel);
}
