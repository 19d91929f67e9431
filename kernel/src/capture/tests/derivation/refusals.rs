//! Derivations that are refused because the domain itself could not make them.

use abi::calls::{
    CapabilityMint, Destroy, DomainHold, DomainInstallReply, DomainMapOwn, MemoryCreate,
    NotificationCreate,
};
use abi::record::Held;
use abi::register::{Access, Slot, UserAddress};
use abi::thread_state::Awaits;
use abi::{EndpointRights, Error, MemoryRights, NotificationRights, Rights};
use capabilities::Storage;

use super::{
    ADDRESS, BETWEEN, BOUND, MAPPED, NO_PAGE, ONE_PAGE, PAGED, SPARE, is_empty, mint, object,
};
use crate::capture::tests::scene::{INNER, KEEPERS_SPARE, SUBJECT, Scene};
use crate::memory::SlotStorage;
use crate::objects::Object;
use crate::testing::slots;

#[test]
fn nothing_is_held_or_mapped_without_the_domains_own_rights() {
    let scene = Scene::new();
    let (world, subject) = (&scene.world, scene.subject);
    let (pool, pages) = (slots::POOL, ONE_PAGE);
    for into in [MAPPED, PAGED] {
        world.does(subject.thread, MemoryCreate { pool, pages, into });
    }
    world.give(subject, PAGED, scene.keeper, BETWEEN, 0);
    mint(&scene, INNER, SPARE, 7);
    let hold = |from, badge| {
        let (domain, holder, held) = (SUBJECT, BETWEEN, Held::Pager);
        let hold = DomainHold {
            domain,
            from,
            holder,
            held,
            badge,
        };
        world.call(scene.keeper.thread, hold)
    };
    let Object::Memory(paged) = object(subject.domain, PAGED) else {
        panic!("not a Memory");
    };
    let pager = || {
        let held = SlotStorage.slot(paged.pager()).capability();
        held.map(|held| held.badge.get())
    };
    assert_eq!(hold(MAPPED, 0), Err(Error::WrongKind));
    assert_eq!(hold(Slot(40), 0), Err(Error::EmptySlot));
    assert_eq!(pager(), None);
    assert_eq!(hold(SPARE, 0), Ok(()));
    assert_eq!(pager(), Some(7));
    // A refusal keeps the present one.
    assert_eq!(hold(SPARE, 8), Err(Error::BadgeFixed));
    assert_eq!(pager(), Some(7));
    assert_eq!(hold(INNER, 8), Ok(()));
    assert_eq!(pager(), Some(8));
    let receive_only = EndpointRights::RECEIVE.into();
    let mint = CapabilityMint {
        from: INNER,
        to: Slot(40),
        rights: receive_only,
        badge: 0,
    };
    world.does(subject.thread, mint);
    assert_eq!(hold(Slot(40), 0), Err(Error::MissingRight));

    let read_only = CapabilityMint {
        from: MAPPED,
        to: Slot(41),
        rights: MemoryRights::READ.into(),
        badge: 0,
    };
    world.does(subject.thread, read_only);
    let map = |memory, access| {
        let map = DomainMapOwn {
            domain: SUBJECT,
            memory,
            address: UserAddress(ADDRESS),
            first_page: NO_PAGE,
            page_count: ONE_PAGE,
            access,
        };
        world.call(scene.keeper.thread, map)
    };
    let refused = map(Slot(41), Access::ReadWrite);
    assert_eq!(refused, Err(Error::MissingRight));
    assert_eq!(map(INNER, Access::Read), Err(Error::WrongKind));
    assert_eq!(map(Slot(41), Access::Read), Ok(()));
}

/// Lets the subject derive a capability with these rights.
fn limit(scene: &Scene, from: Slot, to: Slot, rights: Rights) {
    let badge = 0;
    let mint = CapabilityMint {
        from,
        to,
        rights,
        badge,
    };
    scene.world.does(scene.subject.thread, mint);
}

#[test]
fn nothing_is_held_of_another_kind_or_without_the_right() {
    const RECEIVE_ONLY: Slot = Slot(40);
    const SIGNAL_ONLY: Slot = Slot(41);
    const EMPTY: Slot = Slot(42);
    const THREAD: Slot = Scene::SUBJECTS_THREAD;
    let scene = Scene::new();
    let (world, subject) = (&scene.world, scene.subject);
    let (pool, pages, into) = (slots::POOL, ONE_PAGE, PAGED);
    world.does(subject.thread, MemoryCreate { pool, pages, into });
    let into = BOUND;
    world.does(subject.thread, NotificationCreate { pool, into });
    world.give(subject, PAGED, scene.keeper, BETWEEN, 0);
    limit(&scene, INNER, RECEIVE_ONLY, EndpointRights::RECEIVE.into());
    let signal = NotificationRights::SIGNAL.into();
    limit(&scene, BOUND, SIGNAL_ONLY, signal);
    let Object::Memory(paged) = object(subject.domain, PAGED) else {
        panic!("not a Memory");
    };
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
            THREAD,
            faults,
            INNER,
            RECEIVE_ONLY,
            BOUND,
        ),
        (
            Held::BoundNotification,
            THREAD,
            bound,
            BOUND,
            SIGNAL_ONLY,
            INNER,
        ),
    ] {
        let hold = |from| {
            let (domain, badge) = (SUBJECT, 0);
            let hold = DomainHold {
                domain,
                from,
                holder,
                held,
                badge,
            };
            world.call(scene.keeper.thread, hold)
        };
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
fn nothing_of_a_domain_goes_into_an_object_of_another() {
    let scene = Scene::new();
    let (world, keeper) = (&scene.world, scene.keeper);
    let (pool, pages, into) = (slots::POOL, ONE_PAGE, BETWEEN);
    world.does(keeper.thread, MemoryCreate { pool, pages, into });
    let notification = NotificationCreate { pool, into: BOUND };
    world.does(scene.subject.thread, notification);
    for (from, holder, held) in [
        (INNER, BETWEEN, Held::Pager),
        (INNER, slots::THREAD, Held::FaultEndpoint),
        (BOUND, slots::THREAD, Held::BoundNotification),
    ] {
        let hold = DomainHold {
            domain: SUBJECT,
            from,
            holder,
            held,
            badge: 0,
        };
        let refused = world.call(keeper.thread, hold);
        assert_eq!(refused, Err(Error::WrongState), "{held:?}");
    }
    let Object::Memory(memory) = object(keeper.domain, BETWEEN) else {
        panic!("not a Memory");
    };
    for inside in [
        memory.pager(),
        keeper.thread.fault_endpoint(),
        keeper.thread.bound_notification(),
    ] {
        assert!(is_empty(inside));
    }
}

#[test]
fn no_reply_right_is_installed_for_a_thread_that_is_being_destroyed() {
    let scene = Scene::new();
    let (world, keeper) = (&scene.world, scene.keeper);
    let thread = Scene::SUBJECTS_THREAD;
    world.give(keeper, thread, keeper, KEEPERS_SPARE, 0);
    scene.freeze();
    let mut state = scene.read(scene.subject.thread).expect("frozen");
    state.awaits = Awaits::Answer as u64;
    scene.write(0, &state).expect("a state of a thread");
    // The time budget is spent after one step.
    world.machine.set_ticks_step(10_000);
    world.begin_step(scene.server, Destroy { object: thread });
    assert!(scene.subject.thread.header.is_being_destroyed());
    let install = DomainInstallReply {
        domain: SUBJECT,
        thread,
        to: Slot(40),
        rights: Rights(0),
    };
    assert_eq!(world.call(keeper.thread, install), Err(Error::Gone));
}
