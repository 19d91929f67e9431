//! Derivations that are refused because the domain itself could not make them.

use abi::record::Held;
use abi::register::{Access, Slot};
use abi::thread_state::Awaits;
use abi::{EndpointRights, Error, MemoryRights, NotificationRights, Rights};
use capabilities::Storage;

use super::{ADDRESS, BETWEEN, BOUND, MAPPED, PAGED, SPARE, is_empty, mint};
use crate::capture::tests::scene::{INNER, MANAGERS_SPARE, SUBJECT, SUBJECT_THREAD, Scene};
use crate::memory::SlotStorage;
use crate::testing::{calls, slots};

#[test]
fn nothing_is_held_or_mapped_without_the_domains_own_rights() {
    let scene = Scene::new();
    let (world, subject) = (&scene.world, scene.subject);
    for into in [MAPPED, PAGED] {
        world.does(subject, calls::memory(1, into));
    }
    world.give(subject, PAGED, scene.manager, BETWEEN, 0);
    mint(&scene, INNER, SPARE, 7);
    let hold = |from, badge| {
        let hold = calls::hold(SUBJECT, from, BETWEEN, Held::Pager, badge);
        world.call(scene.manager, hold)
    };
    let paged = subject.memory(PAGED);
    let pager = || {
        let held = SlotStorage.slot(paged.pager()).capability();
        held.map(|held| held.badge.get())
    };
    assert_eq!(hold(MAPPED, 0), Err(Error::WrongKind));
    assert_eq!(hold(Slot(40), 0), Err(Error::EmptySlot));
    assert_eq!(pager(), None);
    assert_eq!(hold(SPARE, 0), Ok(()));
    assert_eq!(pager(), Some(7));
    // A refusal keeps the present pager.
    assert_eq!(hold(SPARE, 8), Err(Error::BadgeFixed));
    assert_eq!(pager(), Some(7));
    assert_eq!(hold(INNER, 8), Ok(()));
    assert_eq!(pager(), Some(8));
    let mint = calls::mint(INNER, Slot(40), EndpointRights::RECEIVE, 0);
    world.does(subject, mint);
    assert_eq!(hold(Slot(40), 0), Err(Error::MissingRight));

    let read_only = calls::mint(MAPPED, Slot(41), MemoryRights::READ, 0);
    world.does(subject, read_only);
    let map = |memory, access| {
        let map = calls::map_own(SUBJECT, memory, ADDRESS, 0, 1, access);
        world.call(scene.manager, map)
    };
    let refused = map(Slot(41), Access::ReadWrite);
    assert_eq!(refused, Err(Error::MissingRight));
    assert_eq!(map(INNER, Access::Read), Err(Error::WrongKind));
    assert_eq!(map(Slot(41), Access::Read), Ok(()));
}

/// Lets the subject derive a capability with these rights.
fn limit(scene: &Scene, from: Slot, to: Slot, rights: Rights) {
    scene.does(scene.subject, calls::mint(from, to, rights, 0));
}

#[test]
fn an_object_holds_no_capability_of_another_kind_or_without_the_right() {
    const RECEIVE_ONLY: Slot = Slot(40);
    const SIGNAL_ONLY: Slot = Slot(41);
    const EMPTY: Slot = Slot(42);
    let scene = Scene::new();
    let (world, subject) = (&scene.world, scene.subject);
    world.does(subject, calls::memory(1, PAGED));
    world.does(subject, calls::notification(BOUND));
    world.give(subject, PAGED, scene.manager, BETWEEN, 0);
    limit(&scene, INNER, RECEIVE_ONLY, EndpointRights::RECEIVE.into());
    let signal = NotificationRights::SIGNAL.into();
    limit(&scene, BOUND, SIGNAL_ONLY, signal);
    let paged = subject.memory(PAGED);
    let (faults, bound) = (
        subject.thread.fault_endpoint(),
        subject.thread.bound_notification(),
    );
    for (held, holder, inside, fit, poor, other) in [
        (
            Held::Pager,
            BETWEEN,
            paged.pager(),
            INNER,
            RECEIVE_ONLY,
            BOUND,
        ),
        (
            Held::FaultEndpoint,
            SUBJECT_THREAD,
            faults,
            INNER,
            RECEIVE_ONLY,
            BOUND,
        ),
        (
            Held::BoundNotification,
            SUBJECT_THREAD,
            bound,
            BOUND,
            SIGNAL_ONLY,
            INNER,
        ),
    ] {
        let hold = |from| world.call(scene.manager, calls::hold(SUBJECT, from, holder, held, 0));
        for (from, error) in [
            (other, Error::WrongKind),
            (PAGED, Error::WrongKind),
            (EMPTY, Error::EmptySlot),
            (poor, Error::MissingRight),
        ] {
            assert_eq!(hold(from), Err(error), "{held:?} of {from:?}");
            assert!(is_empty(inside), "{held:?} of {from:?}");
        }
        assert_eq!(hold(fit), Ok(()), "{held:?}");
        assert!(!is_empty(inside), "{held:?}");
    }
}

#[test]
fn a_capability_of_one_domain_is_not_held_by_an_object_of_another() {
    let scene = Scene::new();
    let (world, manager) = (&scene.world, scene.manager);
    world.does(manager, calls::memory(1, BETWEEN));
    world.does(scene.subject, calls::notification(BOUND));
    for (from, holder, held) in [
        (INNER, BETWEEN, Held::Pager),
        (INNER, slots::THREAD, Held::FaultEndpoint),
        (BOUND, slots::THREAD, Held::BoundNotification),
    ] {
        let refused = world.call(manager, calls::hold(SUBJECT, from, holder, held, 0));
        assert_eq!(refused, Err(Error::WrongState), "{held:?}");
    }
    let memory = manager.memory(BETWEEN);
    for inside in [
        memory.pager(),
        manager.thread.fault_endpoint(),
        manager.thread.bound_notification(),
    ] {
        assert!(is_empty(inside));
    }
}

#[test]
fn no_reply_right_is_installed_for_a_thread_that_is_being_destroyed() {
    let scene = Scene::new();
    let (world, manager) = (&scene.world, scene.manager);
    let thread = SUBJECT_THREAD;
    world.give(manager, thread, manager, MANAGERS_SPARE, 0);
    scene.freeze();
    let mut state = scene.read(scene.subject.thread).expect("frozen");
    state.awaits = Awaits::Reply as u64;
    scene.write(0, &state).expect("a state of a thread");
    // The time budget is spent after one step.
    world.machine.set_ticks_step(10_000);
    world.begin_step(scene.server, calls::destroy(thread));
    assert!(scene.subject.thread.header.is_being_destroyed());
    let install = calls::install_reply(SUBJECT, thread, Slot(40), Rights(0));
    assert_eq!(world.call(manager, install), Err(Error::Gone));
}
