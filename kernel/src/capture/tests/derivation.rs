//! What was derived from what: how it is described, however many siblings there are, and that a domain rebuilt from that
//! loses as much by a revocation as the one that was read.

use abi::calls::{
    CapabilityDelete, CapabilityMint, CapabilityRevoke, DomainDerive, DomainDescribe, DomainGrow,
    DomainHold, DomainInstall, DomainMap, DomainMapOwn, MemoryCreate, MemoryPager,
    NotificationCreate, ThreadBind, ThreadFaults,
};
use abi::record::{CapabilityRecord, Held, List, MappingRecord};
use abi::register::{Access, PageCount, Register, Slot, UserAddress};
use abi::{EndpointRights, Error, MemoryRights, NotificationRights, Rights};
use capabilities::{Place, Storage};

use super::scene::{HELPER, INNER, SUBJECT, Scene};
use crate::memory::{Ref, SlotStorage};
use crate::objects::tests::checker::check;
use crate::objects::{Domain, Object};
use crate::testing::{BUFFER_ADDRESS, Citizen, slots};

/// More siblings than a call passes.
const MANY: u32 = 1500;
/// The first slot that they are in.
const FIRST: u32 = 64;
/// Slots of a table that has room for them.
const SLOTS: u32 = 2048;

/// The subject's Memories and notification, in its table.
const MAPPED: Slot = Slot(30);
const PAGED: Slot = Slot(31);
const BOUND: Slot = Slot(32);
/// A slot of the subject's that the tests fill.
const SPARE: Slot = Slot(33);
/// A slot of the keeper's that the tests fill.
const BETWEEN: Slot = Slot(34);

/// Where the subject maps its Memory.
const ADDRESS: u64 = 0x8000_0000;

const NO_PAGE: PageCount = PageCount(0);
const ONE_PAGE: PageCount = PageCount(1);

fn grow(scene: &Scene, citizen: Citizen) {
    let (domain, slots) = (slots::DOMAIN, SLOTS);
    scene
        .world
        .does(citizen.thread, DomainGrow { domain, slots });
}

/// The subject derives a capability from one of its own.
fn mint(scene: &Scene, from: Slot, to: Slot, badge: u64) {
    let rights = EndpointRights::SEND.into();
    let mint = CapabilityMint {
        from,
        to,
        rights,
        badge,
    };
    scene.world.does(scene.subject.thread, mint);
}

/// Makes the subject one that has derived much from three of its slots: capabilities, a mapping, a pager, a fault endpoint,
/// a bound notification.
fn furnish(scene: &Scene) {
    let (world, thread) = (&scene.world, scene.subject.thread);
    let pool = slots::POOL;
    grow(scene, scene.subject);
    for into in [MAPPED, PAGED] {
        let pages = ONE_PAGE;
        world.does(thread, MemoryCreate { pool, pages, into });
    }
    world.does(thread, NotificationCreate { pool, into: BOUND });
    world.does(
        thread,
        DomainMap {
            domain: slots::DOMAIN,
            memory: MAPPED,
            address: UserAddress(ADDRESS),
            first_page: NO_PAGE,
            page_count: ONE_PAGE,
            access: Access::ReadWrite,
        },
    );
    let (memory, pager) = (PAGED, INNER);
    world.does(thread, MemoryPager { memory, pager });
    let (thread_slot, endpoint, notification) = (slots::THREAD, INNER, BOUND);
    let faults = ThreadFaults {
        thread: thread_slot,
        endpoint,
    };
    world.does(thread, faults);
    let bind = ThreadBind {
        thread: thread_slot,
        notification,
    };
    world.does(thread, bind);
    for number in 0..MANY {
        mint(scene, INNER, Slot(FIRST + number), u64::from(number) + 1);
    }
}

fn mappings(scene: &Scene) -> Vec<MappingRecord> {
    let records = scene.list(List::Mappings);
    records.iter().map(MappingRecord::from_words).collect()
}

fn held(scene: &Scene) -> Vec<CapabilityRecord> {
    let records = scene.list(List::Held);
    records.iter().map(CapabilityRecord::from_words).collect()
}

fn parent_of(scene: &Scene, slot: Slot) -> Option<u64> {
    let capabilities = scene.capabilities();
    let record = capabilities
        .iter()
        .find(|record| record.slot == u64::from(slot.0));
    record.expect("described").parent.checked_sub(1)
}

/// A record's parent that is this slot.
fn word(slot: Slot) -> u64 {
    u64::from(slot.0) + 1
}

#[test]
fn whatever_hangs_from_a_slot_is_described_with_it() {
    let scene = Scene::new();
    furnish(&scene);
    scene.freeze();
    let capabilities = scene.capabilities();
    let minted = |record: &&CapabilityRecord| record.slot >= u64::from(FIRST);
    assert_eq!(capabilities.iter().filter(minted).count(), MANY as usize);
    for record in capabilities.iter().filter(minted) {
        assert_eq!(record.parent, word(INNER), "slot {}", record.slot);
        assert_eq!(record.badge, record.slot - u64::from(FIRST) + 1);
    }
    // What was made out of a pool, or given by others, hangs from nothing in the table.
    for slot in [INNER, MAPPED, slots::DOMAIN, HELPER] {
        assert_eq!(parent_of(&scene, slot), None, "{slot:?}");
    }
    let of = |address| {
        let all = mappings(&scene);
        let found = all.iter().find(|mapping| mapping.address == address);
        found.expect("mapped").parent
    };
    assert_eq!(of(ADDRESS), word(MAPPED));
    assert_eq!(of(BUFFER_ADDRESS), word(slots::BUFFER));
    for (what, slot) in [
        (Held::Pager, INNER),
        (Held::FaultEndpoint, INNER),
        (Held::BoundNotification, BOUND),
    ] {
        let all = held(&scene);
        let mut all = all.iter().filter(|record| record.slot == what as u64);
        let record = all.next().expect("held");
        assert_eq!(record.parent, word(slot), "{what:?}");
        assert!(all.next().is_none());
    }
    check(&scene.world.kernel);
}

/// Everything that a subject of [`furnish`] loses when it revokes what hangs from three of its slots.
fn revoke_all(scene: &Scene) -> Vec<&'static str> {
    let (world, subject) = (&scene.world, scene.subject);
    let mut lost = Vec::new();
    for slot in [INNER, MAPPED, BOUND] {
        world.does(subject.thread, CapabilityRevoke { slot });
    }
    let minted = (FIRST..FIRST + MANY).map(|slot| place(subject.domain, Slot(slot)));
    if minted.into_iter().all(is_empty) {
        lost.push("all that was minted");
    }
    if subject.domain.mapping_at(ADDRESS).is_none() {
        lost.push("the mapping");
    }
    let Object::Memory(paged) = object(subject.domain, PAGED) else {
        panic!("not a Memory");
    };
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

fn place(domain: Ref<Domain>, slot: Slot) -> Place {
    domain.place(slot).expect("a slot")
}

fn is_empty(place: Place) -> bool {
    SlotStorage.slot(place).is_empty()
}

fn object(domain: Ref<Domain>, slot: Slot) -> Object {
    let held = SlotStorage.slot(place(domain, slot)).capability();
    held.expect("occupied").object
}

#[test]
fn a_rebuilt_domain_loses_by_a_revocation_what_the_one_that_was_read_loses() {
    let mut scene = Scene::new();
    furnish(&scene);
    scene.freeze();
    let capabilities = scene.capabilities();
    let (mappings, held) = (mappings(&scene), held(&scene));
    scene.thaw();
    let lost = revoke_all(&scene);
    assert_eq!(lost.len(), 5, "{lost:?}");

    scene.rebuild_bare();
    let keeper = scene.keeper.thread;
    let grow = DomainGrow {
        domain: SUBJECT,
        slots: SLOTS,
    };
    scene.world.does(keeper, grow);
    make_again(&scene);
    for record in capabilities
        .iter()
        .filter(|record| record.slot >= u64::from(FIRST))
    {
        let derive = DomainDerive {
            domain: SUBJECT,
            from: Slot(record.parent as u32 - 1),
            to: Slot(record.slot as u32),
            rights: Rights(record.rights as u16),
            badge: record.badge,
        };
        scene.world.does(keeper, derive);
    }
    for record in mappings.iter().filter(|record| record.address == ADDRESS) {
        let map = DomainMapOwn {
            domain: SUBJECT,
            memory: Slot(record.parent as u32 - 1),
            address: UserAddress(record.address),
            first_page: PageCount(record.first_page),
            page_count: PageCount(record.page_count),
            access: Access::from_register(record.access).expect("an access"),
        };
        scene.world.does(keeper, map);
    }
    for record in &held {
        let held = Held::from_register(record.slot).expect("what it is for");
        let hold = DomainHold {
            domain: SUBJECT,
            from: Slot(record.parent as u32 - 1),
            holder: match held {
                Held::Pager => BETWEEN,
                _ => Scene::SUBJECTS_THREAD,
            },
            held,
            badge: 0,
        };
        scene.world.does(keeper, hold);
    }
    scene.thaw();
    assert_eq!(revoke_all(&scene), lost);
    check(&scene.world.kernel);
}

/// The objects of [`furnish`] for a rebuilt subject: in its table, and the Memory with a pager in the keeper's slot
/// `BETWEEN`.
fn make_again(scene: &Scene) {
    let (world, keeper) = (&scene.world, scene.keeper.thread);
    let pool = Scene::SUBJECTS_POOL;
    let install = |from, to, rights: Rights| {
        let (domain, badge) = (SUBJECT, 0);
        let install = DomainInstall {
            domain,
            from,
            to,
            rights,
            badge,
        };
        world.does(keeper, install);
    };
    for (to, keep) in [(MAPPED, false), (PAGED, true)] {
        let (pages, into) = (ONE_PAGE, BETWEEN);
        world.does(keeper, MemoryCreate { pool, pages, into });
        install(BETWEEN, to, MemoryRights::all().into());
        if !keep {
            world.does(keeper, CapabilityDelete { slot: BETWEEN });
        }
    }
    let into = Slot(BETWEEN.0 + 1);
    world.does(keeper, NotificationCreate { pool, into });
    install(into, BOUND, NotificationRights::all().into());
}

/// Gives many of the keeper's slots a capability derived from the subject's slot.
fn give_many(scene: &Scene, from: Slot) {
    grow(scene, scene.keeper);
    for slot in FIRST..FIRST + MANY {
        scene
            .world
            .give(scene.subject, from, scene.keeper, Slot(slot), 0);
    }
}

/// Describes the subject's slot `SPARE`: in how many steps, and with which parent. Before each step but the first, `before`
/// happens.
fn describe_spare(scene: &Scene, mut before: impl FnMut(usize)) -> (usize, u64) {
    let describe = DomainDescribe {
        domain: SUBJECT,
        list: List::Capabilities,
        cursor: SPARE.0.into(),
    };
    let keeper = scene.keeper.thread;
    scene.world.begin_step(keeper, describe);
    let mut steps = 1;
    while scene.world.is_at_call(keeper) {
        before(steps);
        scene.world.step(keeper);
        steps += 1;
    }
    let outcome = scene.world.outcome::<DomainDescribe>(keeper);
    let (count, ..) = outcome.expect("complete").expect("described");
    assert!(count > 0);
    let buffer = scene.world.buffer(scene.keeper);
    let words = core::array::from_fn(|index| {
        buffer.read_word(abi::message::DATA_OFFSET + index as u64 * 8)
    });
    let record = CapabilityRecord::from_words(&words);
    assert_eq!(record.slot, SPARE.0.into());
    (steps, record.parent)
}

#[test]
fn a_parent_behind_many_siblings_is_found_in_bounded_steps() {
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
fn siblings_that_go_while_the_way_leads_past_them_do_not_lead_astray() {
    let scene = Scene::new();
    give_many(&scene, INNER);
    mint(&scene, INNER, SPARE, 7);
    let version = scene.freeze();
    // Whole ranges go, that where the description stopped among them.
    let (steps, parent) = describe_spare(&scene, |step| {
        let step = step as u32;
        let end = FIRST + MANY - (step - 1) * 400;
        for slot in (end.saturating_sub(600).max(FIRST)..end).map(Slot) {
            let place = place(scene.keeper.domain, slot);
            if !is_empty(place) {
                scene.world.kernel.empty_slot(place).expect("occupied");
            }
        }
    });
    assert_eq!((parent, scene.version()), (word(INNER), version));
    assert!(steps > 1, "{steps} steps");
    check(&scene.world.kernel);
}

#[test]
fn a_capability_that_went_through_others_still_hangs_from_its_slot() {
    let scene = Scene::new();
    let (world, keeper, subject) = (&scene.world, scene.keeper, scene.subject);
    world.give(subject, INNER, keeper, BETWEEN, 0);
    world.give(keeper, BETWEEN, subject, SPARE, 0);
    let version = scene.freeze();
    assert_eq!(parent_of(&scene, SPARE), Some(INNER.0.into()));
    // The other gives up its own: the subject's hangs where it hung, and has not changed.
    world.does(keeper.thread, CapabilityDelete { slot: BETWEEN });
    assert_eq!(parent_of(&scene, SPARE), Some(INNER.0.into()));
    assert_eq!(scene.version(), version);
}

#[test]
fn what_an_object_holds_twice_is_described_however_far_both_parents_are() {
    let scene = Scene::new();
    let (world, thread) = (&scene.world, scene.subject.thread);
    let (pool, into) = (slots::POOL, BOUND);
    world.does(thread, NotificationCreate { pool, into });
    give_many(&scene, INNER);
    for slot in FIRST + MANY..SLOTS {
        world.give(scene.subject, BOUND, scene.keeper, Slot(slot), 0);
    }
    // The newest child stands before all older ones.
    let (of, endpoint, notification) = (slots::THREAD, INNER, BOUND);
    world.does(
        thread,
        ThreadFaults {
            thread: of,
            endpoint,
        },
    );
    world.does(
        thread,
        ThreadBind {
            thread: of,
            notification,
        },
    );
    for freeze in [false, true] {
        if freeze {
            scene.freeze();
        }
        let parents: Vec<_> = held(&scene).iter().map(|record| record.parent).collect();
        assert_eq!(parents, [word(INNER), word(BOUND)]);
    }
}

#[test]
fn a_domain_that_ends_while_it_is_described_leaves_no_bookmark() {
    let scene = Scene::new();
    // The keeper's endpoint outlives the subject.
    let endpoint = super::scene::ENDPOINT;
    grow(&scene, scene.keeper);
    for slot in FIRST..FIRST + MANY {
        let (world, keeper) = (&scene.world, scene.keeper);
        world.give(keeper, endpoint, keeper, Slot(slot), 0);
    }
    scene
        .world
        .give(scene.keeper, endpoint, scene.subject, SPARE, 9);
    scene.freeze();
    let describe = DomainDescribe {
        domain: SUBJECT,
        list: List::Capabilities,
        cursor: SPARE.0.into(),
    };
    let server = scene.server;
    server.message_buffer.set(BUFFER_ADDRESS);
    scene.world.begin_step(server, describe);
    assert!(scene.world.is_at_call(server));
    let bookmark = scene.subject.domain.ascent.bookmark();
    assert!(!is_empty(bookmark));
    scene.destroy();
    check(&scene.world.kernel);
    scene
        .world
        .does(scene.keeper.thread, CapabilityRevoke { slot: endpoint });
    check(&scene.world.kernel);
}

#[test]
fn nothing_is_held_or_mapped_that_the_domain_itself_could_not() {
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
    // A refusal leaves the one that is there.
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
