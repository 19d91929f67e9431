//! Every change of a frozen domain from outside: [`CHANGES`].

use abi::calls::{
    CapabilityCopy, CapabilityDelete, CapabilityRevoke, Destroy, DeviceMemoryCreate, DomainClock,
    DomainDerive, DomainHold, DomainInstall, DomainMapOwn, DomainRemove, DomainUnmap,
    EndpointCreate, MemoryCreate, MemoryCreateContiguous, MemoryDiscard, MemoryPopulate,
    MemorySupply, PoolSplit, Signal, ThreadCreate, ThreadSchedule, ThreadStart, Wait,
};
use abi::record::Held;
use abi::register::{Access, PageCount, Slot};
use abi::{Error, MemoryRights, Rights};

use super::{
    ADDRESS, GIVER, MEMORY, ONE, OWN_ENDPOINT, OWN_NOTIFICATION, POOL, SECOND_SPARE, THREAD, ZERO,
    install, map, map_outside, scene, split,
};
use crate::capture::tests::scene::{
    ENDPOINT, KEEPERS_SPARE, REPLY, SUBJECT, Scene, answer, retire,
};
use crate::testing::slots;

/// The slot that [`install_memory`] fills.
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

/// A name, a preparation, and the change.
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
    ("a reply right dropped", NOTHING, |scene| {
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
        "a mapping removed",
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
        "the rest of a device's pages",
        |scene| {
            scene.world.give_hardware(scene.keeper, SECOND_SPARE);
            // One more than a step adds.
            let create = DeviceMemoryCreate {
                pool: POOL,
                hardware: SECOND_SPARE,
                bus_address: 0xfe00_0000,
                pages: PageCount(129),
                into: KEEPERS_SPARE,
                cache: 0,
                made: PageCount(0),
            };
            scene.world.begin_step(scene.server, create);
        },
        |scene| {
            assert!(scene.world.is_at_call(scene.server));
            scene.world.step(scene.server);
            let made = scene.world.outcome::<DeviceMemoryCreate>(scene.server);
            assert_eq!(made, Some(Ok(())));
        },
    ),
    (
        "pages discarded",
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
        "an object in a child pool destroyed",
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
        "one more domain that may write its memory",
        NOTHING,
        keeper!(CapabilityCopy {
            from: MEMORY,
            to: KEEPERS_SPARE
        }),
    ),
    (
        "one less domain that may write its memory",
        NOTHING,
        keeper!(CapabilityDelete { slot: MEMORY }),
    ),
    (
        "one more domain that maps its memory to write",
        NOTHING,
        keeper!(map_outside(Access::ReadWrite)),
    ),
    (
        "one less domain that maps its memory to write",
        keeper!(map_outside(Access::ReadWrite)),
        keeper!(DomainUnmap {
            domain: slots::DOMAIN,
            address: ADDRESS
        }),
    ),
    (
        "an object destroyed",
        NOTHING,
        keeper!(Destroy {
            object: OWN_NOTIFICATION
        }),
    ),
    (
        "a fault endpoint destroyed",
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
fn every_change_of_a_frozen_domain_from_outside_raises_its_version() {
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
