//! What counts as a change of a frozen domain, and what retiring makes of it.

use abi::calls::{
    CapabilityCopy, CapabilityDelete, CapabilityMint, CapabilityRevoke, Destroy, DomainClock,
    DomainDerive, DomainHold, DomainInstall, DomainMap, DomainMapOwn, DomainRemove, DomainUnmap,
    EndpointCreate, InterruptBind, MemoryCreate, MemoryCreateContiguous, MemoryDiscard,
    MemoryPager, MemoryPopulate, MemorySupply, NotificationCreate, PoolSplit, Signal, ThreadBind,
    ThreadCreate, ThreadFaults, ThreadSchedule, ThreadStart, Wait,
};
use abi::record::Held;
use abi::register::{Access, PageCount, Slot, UserAddress};
use abi::{EndpointRights, Error, MemoryRights, Rights};
use capabilities::Storage;

use super::scene::{
    ENDPOINT, KEEPERS_SPARE, REPLY, SUBJECT, Scene, answer, call, freeze, receive, retire, thaw,
};
use crate::memory::{Ref, SlotStorage};
use crate::objects::{Thread, create_interrupt, destroy_step};
use crate::testing::{World, slots, snapshot};

const POOL: Slot = Slot(21);
const THREAD: Slot = Slot(22);
const MEMORY: Slot = Slot(25);
const OWN_NOTIFICATION: Slot = Slot(26);
const OWN_ENDPOINT: Slot = Slot(27);
const SECOND_SPARE: Slot = Slot(28);
const GIVER: Slot = Slot(29);
const ADDRESS: UserAddress = UserAddress(0x8000_0000);
const ONE: PageCount = PageCount(1);
const ZERO: PageCount = PageCount(0);

/// A subject that is in the middle of a call to the keeper; the keeper holds a Memory, a notification and an endpoint of
/// the subject's pool, through which the subject hears of its faults.
fn scene() -> Scene {
    let scene = Scene::new();
    let keeper = scene.keeper.thread;
    let pool = POOL;
    let pages = PageCount(2);
    let into = MEMORY;
    scene.world.does(keeper, MemoryCreate { pool, pages, into });
    let into = OWN_NOTIFICATION;
    scene.world.does(keeper, NotificationCreate { pool, into });
    let into = OWN_ENDPOINT;
    scene.world.does(keeper, EndpointCreate { pool, into });
    let (thread, endpoint) = (THREAD, OWN_ENDPOINT);
    scene.world.does(keeper, ThreadFaults { thread, endpoint });
    scene.world.begin(scene.subject.thread, call(ENDPOINT, 3));
    scene.world.does(scene.server, receive(ENDPOINT, REPLY));
    scene
}

fn map() -> DomainMap {
    DomainMap {
        domain: SUBJECT,
        memory: MEMORY,
        address: ADDRESS,
        first_page: ZERO,
        page_count: PageCount(2),
        access: Access::Read,
    }
}

/// The keeper maps the subject's Memory.
fn map_outside(access: Access) -> DomainMap {
    DomainMap {
        domain: slots::DOMAIN,
        access,
        ..map()
    }
}

fn split() -> PoolSplit {
    PoolSplit {
        pool: POOL,
        pages: PageCount(4),
        into: KEEPERS_SPARE,
    }
}

fn install(to: u32) -> DomainInstall {
    DomainInstall {
        domain: SUBJECT,
        from: OWN_ENDPOINT,
        to: Slot(to),
        rights: EndpointRights::SEND.into(),
        badge: 0,
    }
}

/// Where [`install_memory`] puts it.
const OWN_MEMORY: Slot = Slot(42);

fn install_memory() -> DomainInstall {
    DomainInstall {
        domain: SUBJECT,
        from: MEMORY,
        to: OWN_MEMORY,
        rights: MemoryRights::READ.into(),
        badge: 0,
    }
}

fn hold(holder: Slot, held: Held) -> DomainHold {
    DomainHold {
        domain: SUBJECT,
        from: Slot(40),
        holder,
        held,
        badge: 0,
    }
}

/// A change, after what it needs.
type Change = (&'static str, fn(&Scene), fn(&Scene));

const NOTHING: fn(&Scene) = |_| ();

/// Makes a call as the keeper.
macro_rules! keeper {
    ($call:expr) => {
        |scene: &Scene| {
            scene.world.does(scene.keeper.thread, $call);
        }
    };
}

const CHANGES: &[Change] = &[
    ("an answer", NOTHING, |scene| {
        scene.world.does(scene.server, answer(REPLY, 1));
    }),
    ("a reply right given up", NOTHING, |scene| {
        scene
            .world
            .does(scene.server, CapabilityDelete { slot: REPLY });
    }),
    (
        "a signal",
        NOTHING,
        keeper!(Signal {
            notification: OWN_NOTIFICATION,
            flags: 1
        }),
    ),
    (
        "flags taken by an outsider",
        keeper!(Signal {
            notification: OWN_NOTIFICATION,
            flags: 1
        }),
        keeper!(Wait {
            notification: OWN_NOTIFICATION,
            deadline: 0
        }),
    ),
    (
        "a capability revoked",
        NOTHING,
        keeper!(CapabilityRevoke { slot: ENDPOINT }),
    ),
    ("a capability installed", NOTHING, keeper!(install(40))),
    (
        "a capability removed",
        keeper!(install(40)),
        keeper!(DomainRemove {
            domain: SUBJECT,
            slot: Slot(40)
        }),
    ),
    (
        "a capability derived",
        keeper!(install(40)),
        keeper!(DomainDerive {
            domain: SUBJECT,
            from: Slot(40),
            to: Slot(41),
            rights: Rights(0),
            badge: 0
        }),
    ),
    ("a mapping", NOTHING, keeper!(map())),
    (
        "a mapping through its own table",
        keeper!(install_memory()),
        keeper!(DomainMapOwn {
            domain: SUBJECT,
            memory: OWN_MEMORY,
            address: ADDRESS,
            first_page: ZERO,
            page_count: PageCount(2),
            access: Access::Read
        }),
    ),
    (
        "a fault endpoint from its own table",
        keeper!(install(40)),
        keeper!(hold(THREAD, Held::FaultEndpoint)),
    ),
    (
        "a pager from its own table",
        keeper!(install(40)),
        keeper!(hold(MEMORY, Held::Pager)),
    ),
    (
        "pages that a contiguous Memory had reserved",
        keeper!(MemoryCreateContiguous {
            pool: POOL,
            pages: PageCount(2),
            into: KEEPERS_SPARE,
            alignment: PageCount(1),
            from: 0,
            below: u64::MAX
        }),
        keeper!(MemoryPopulate {
            memory: KEEPERS_SPARE,
            first_page: ZERO,
            page_count: PageCount(2)
        }),
    ),
    (
        "a page supplied before one that the giver lacks",
        |scene| {
            let keeper = scene.keeper.thread;
            let (pool, pages, into) = (slots::POOL, PageCount(2), GIVER);
            scene.world.does(keeper, MemoryCreate { pool, pages, into });
            let (memory, first_page, page_count) = (GIVER, ZERO, ONE);
            let populate = MemoryPopulate {
                memory,
                first_page,
                page_count,
            };
            scene.world.does(keeper, populate);
        },
        |scene| {
            let half = MemorySupply {
                memory: MEMORY,
                first_page: ZERO,
                page_count: PageCount(2),
                giver: GIVER,
                giver_page: ZERO,
            };
            let keeper = scene.keeper.thread;
            let refused = scene.world.call(keeper, half);
            assert_eq!(refused, Err(Error::PageAbsent));
        },
    ),
    (
        "a mapping gone",
        keeper!(map()),
        keeper!(DomainUnmap {
            domain: SUBJECT,
            address: ADDRESS
        }),
    ),
    (
        "a mapping revoked",
        keeper!(map()),
        keeper!(CapabilityRevoke { slot: MEMORY }),
    ),
    (
        "pages",
        NOTHING,
        keeper!(MemoryPopulate {
            memory: MEMORY,
            first_page: ZERO,
            page_count: ONE
        }),
    ),
    (
        "pages gone",
        keeper!(MemoryPopulate {
            memory: MEMORY,
            first_page: ZERO,
            page_count: ONE
        }),
        keeper!(MemoryDiscard {
            memory: MEMORY,
            first_page: ZERO,
            page_count: ONE
        }),
    ),
    (
        "a Memory",
        NOTHING,
        keeper!(MemoryCreate {
            pool: POOL,
            pages: ONE,
            into: KEEPERS_SPARE
        }),
    ),
    (
        "an endpoint",
        NOTHING,
        keeper!(EndpointCreate {
            pool: POOL,
            into: KEEPERS_SPARE
        }),
    ),
    (
        "a thread",
        NOTHING,
        keeper!(ThreadCreate {
            domain: SUBJECT,
            into: KEEPERS_SPARE
        }),
    ),
    (
        "a child pool",
        NOTHING,
        keeper!(PoolSplit {
            pool: POOL,
            pages: ONE,
            into: KEEPERS_SPARE
        }),
    ),
    (
        "an object in a child pool",
        keeper!(split()),
        keeper!(EndpointCreate {
            pool: KEEPERS_SPARE,
            into: SECOND_SPARE
        }),
    ),
    (
        "an object in a child pool ended",
        |scene| {
            scene.world.does(scene.keeper.thread, split());
            let (pool, into) = (KEEPERS_SPARE, SECOND_SPARE);
            let create = EndpointCreate { pool, into };
            scene.world.does(scene.keeper.thread, create);
        },
        keeper!(Destroy {
            object: SECOND_SPARE
        }),
    ),
    (
        "pages supplied",
        keeper!(MemoryPopulate {
            memory: MEMORY,
            first_page: ZERO,
            page_count: ONE
        }),
        keeper!(MemorySupply {
            memory: MEMORY,
            first_page: ZERO,
            page_count: ONE,
            giver: MEMORY,
            giver_page: ZERO
        }),
    ),
    (
        "one more who may write its memory",
        NOTHING,
        keeper!(CapabilityCopy {
            from: MEMORY,
            to: KEEPERS_SPARE
        }),
    ),
    (
        "one less who may write its memory",
        NOTHING,
        keeper!(CapabilityDelete { slot: MEMORY }),
    ),
    (
        "one more who writes its memory",
        NOTHING,
        keeper!(map_outside(Access::ReadWrite)),
    ),
    (
        "one less who writes its memory",
        keeper!(map_outside(Access::ReadWrite)),
        keeper!(DomainUnmap {
            domain: slots::DOMAIN,
            address: ADDRESS
        }),
    ),
    (
        "an object ended",
        NOTHING,
        keeper!(Destroy {
            object: OWN_NOTIFICATION
        }),
    ),
    (
        "a fault endpoint ended",
        NOTHING,
        keeper!(CapabilityRevoke { slot: OWN_ENDPOINT }),
    ),
    (
        "a priority",
        NOTHING,
        keeper!(ThreadSchedule {
            thread: THREAD,
            priority: 3
        }),
    ),
    ("a start", NOTHING, keeper!(ThreadStart { thread: THREAD })),
    (
        "a clock",
        NOTHING,
        keeper!(DomainClock {
            domain: SUBJECT,
            offset: 9
        }),
    ),
    ("a run", NOTHING, |scene| {
        scene.thaw();
        scene.freeze();
    }),
    ("a retirement undone", NOTHING, |scene| {
        let keeper = scene.keeper.thread;
        let retire = retire(scene.version(), scene.token.get());
        scene.world.does(keeper, retire);
        scene.unretire_by(keeper);
    }),
];

#[test]
fn whatever_changes_a_frozen_domain_from_outside_raises_its_version() {
    for (name, prepare, change) in CHANGES {
        let scene = scene();
        scene.freeze();
        prepare(&scene);
        let version = scene.version();
        change(&scene);
        assert!(scene.version() > version, "{name}");
        let retire = retire(version, scene.token.get());
        let refused = scene.world.call(scene.keeper.thread, retire);
        assert_eq!(refused, Err(Error::VersionMoved), "{name}");
    }
}

/// Where the keeper has an interrupt of the subject's pool.
const OWN_INTERRUPT: Slot = Slot(29);

/// Where the keeper has a Memory and a thread of the subject to which only itself holds capabilities, two to the thread.
const BARE_MEMORY: Slot = Slot(30);
const BARE_THREAD: Slot = Slot(31);
const BARE_THREAD_TOO: Slot = Slot(32);

fn make_bare(world: &World, keeper: Ref<Thread>) {
    let (pool, into) = (POOL, BARE_MEMORY);
    // More than one step takes away.
    let pages = PageCount(80);
    world.does(keeper, MemoryCreate { pool, pages, into });
    let (memory, first_page, page_count) = (into, ZERO, pages);
    world.does(
        keeper,
        MemoryPopulate {
            memory,
            first_page,
            page_count,
        },
    );
    let (domain, into) = (SUBJECT, BARE_THREAD);
    world.does(keeper, ThreadCreate { domain, into });
    let (from, to) = (BARE_THREAD, BARE_THREAD_TOO);
    world.does(keeper, CapabilityCopy { from, to });
    let thread = BARE_THREAD;
    world.does(keeper, ThreadStart { thread });
}

/// A frozen subject with something to take away in each of the objects that are returned, by their slots in the keeper's table.
fn furnished() -> (Scene, [Slot; 8]) {
    let scene = scene();
    let (world, keeper) = (&scene.world, scene.keeper.thread);
    let (memory, pager) = (MEMORY, OWN_ENDPOINT);
    world.does(
        keeper,
        MemoryPopulate {
            memory,
            first_page: ZERO,
            page_count: PageCount(2),
        },
    );
    world.does(keeper, map());
    world.does(keeper, MemoryPager { memory, pager });
    let (thread, notification) = (THREAD, OWN_NOTIFICATION);
    world.does(
        keeper,
        ThreadBind {
            thread,
            notification,
        },
    );
    world.does(keeper, split());
    let (pool, into) = (KEEPERS_SPARE, SECOND_SPARE);
    world.does(keeper, EndpointCreate { pool, into });
    let place = scene.keeper.domain.place(OWN_INTERRUPT).expect("a slot");
    create_interrupt(&world.kernel, scene.subject.pool, None, place).expect("a vector");
    let (interrupt, flags) = (OWN_INTERRUPT, 1);
    world.does(
        keeper,
        InterruptBind {
            interrupt,
            notification,
            flags,
        },
    );
    make_bare(world, keeper);
    scene.freeze();
    let objects = [
        BARE_MEMORY,
        BARE_THREAD,
        MEMORY,
        OWN_NOTIFICATION,
        OWN_ENDPOINT,
        THREAD,
        KEEPERS_SPARE,
        OWN_INTERRUPT,
    ];
    (scene, objects)
}

#[test]
fn every_step_of_a_destruction_that_changes_a_frozen_domain_raises_its_version() {
    let (_, objects) = furnished();
    for object in objects {
        let (scene, _) = furnished();
        let (kernel, domain) = (&scene.world.kernel, scene.subject.domain);
        let place = scene.keeper.domain.place(object).expect("a slot");
        let mut changed = 0;
        while let Some(held) = SlotStorage.slot(place).capability() {
            let (before, version) = (snapshot::of_domain(domain), domain.version());
            destroy_step(kernel, held.object, Some(place));
            let changes = snapshot::difference(&before, &snapshot::of_domain(domain));
            changed += usize::from(!changes.is_empty());
            let has_risen = domain.version() > version;
            assert!(changes.is_empty() || has_risen, "{object:?}: {changes:#?}");
        }
        assert!(changed > 0, "{object:?} is no change");
    }
}

#[test]
fn a_signal_that_raises_nothing_new_is_no_change() {
    let scene = scene();
    let signal = |flags| Signal {
        notification: OWN_NOTIFICATION,
        flags,
    };
    scene.freeze();
    let keeper = scene.keeper.thread;
    scene.world.does(keeper, signal(0b101));
    let version = scene.version();
    for flags in [0, 1, 0b100, 0b101] {
        scene.world.does(keeper, signal(flags));
        assert_eq!(scene.version(), version, "{flags:#b}");
    }
    scene.world.does(keeper, signal(0b10));
    assert!(scene.version() > version);
}

#[test]
fn what_changes_nothing_raises_no_version() {
    let scene = scene();
    let keeper = scene.keeper.thread;
    let populate = MemoryPopulate {
        memory: MEMORY,
        first_page: ZERO,
        page_count: PageCount(2),
    };
    scene.world.does(keeper, populate);
    let version = scene.freeze();
    scene.world.does(keeper, populate);
    assert_eq!(scene.version(), version, "every page was there");
    scene.world.does(
        keeper,
        CapabilityMint {
            from: MEMORY,
            to: KEEPERS_SPARE,
            rights: MemoryRights::READ.into(),
            badge: 0,
        },
    );
    scene.world.does(keeper, map_outside(Access::Read));
    assert_eq!(scene.version(), version, "others may read");
}

#[test]
fn reading_changes_nothing() {
    let scene = scene();
    let version = scene.freeze();
    scene.read(scene.subject.thread).expect("frozen");
    scene.read(scene.helper).expect("frozen");
    for list in [
        abi::record::List::Objects,
        abi::record::List::Mappings,
        abi::record::List::Capabilities,
        abi::record::List::Held,
    ] {
        assert!(!scene.list(list).is_empty());
    }
    assert_eq!(scene.version(), version);
}

#[test]
fn a_retired_domain_does_not_run_until_that_is_undone() {
    let scene = scene();
    let version = scene.freeze();
    let keeper = scene.keeper.thread;
    let token = scene.token.get();
    scene.world.does(keeper, retire(version, token));
    let thawed = scene.world.call(keeper, thaw(token));
    assert_eq!(thawed, Err(Error::WrongState));
    let frozen = scene.world.call(keeper, freeze(u64::MAX));
    assert_eq!(frozen, Err(Error::WrongState));
    let late = scene.world.call(scene.server, answer(REPLY, 1));
    assert_eq!(late, Err(Error::Gone));
    assert!(!scene.subject.thread.is_runnable());
    scene.unretire_by(keeper);
    scene.thaw();
    assert!(scene.subject.thread.is_runnable());
}

#[test]
fn only_a_frozen_domain_is_retired_and_nobody_freezes_himself() {
    let scene = scene();
    let keeper = scene.keeper.thread;
    let retired = scene.world.call(keeper, retire(0, 0));
    assert_eq!(retired, Err(Error::WrongState));
    let oneself = abi::calls::DomainFreeze {
        domain: slots::DOMAIN,
        ..freeze(u64::MAX)
    };
    assert_eq!(scene.world.call(keeper, oneself), Err(Error::Oneself));
}
