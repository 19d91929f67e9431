//! Every change to a frozen domain from outside: [`CHANGES`].

use abi::calls::{
    DeviceMemoryCreate, DomainHold, DomainInstall, DomainUnmap, EndpointCreate, MemoryCreate,
    MemoryCreateContiguous, PoolSplit,
};
use abi::record::Held;
use abi::register::{Access, PageCount, Slot, UserAddress};
use abi::{Error, MemoryRights, Rights};

use super::{
    ADDRESS, MEMORY, ONE, OWN_ENDPOINT, OWN_NOTIFICATION, SECOND_SPARE, SOURCE, install, map,
    map_outside, scene, split,
};
use crate::capture::tests::scene::{
    ENDPOINT, MANAGERS_SPARE, REPLY, SUBJECT, SUBJECT_POOL, SUBJECT_THREAD, Scene, reply, retire,
};
use crate::testing::calls;

/// The slot that [`install_memory`] fills.
const OWN_MEMORY: Slot = Slot(42);

fn install_memory() -> DomainInstall {
    calls::install(SUBJECT, MEMORY, OWN_MEMORY, MemoryRights::READ, 0)
}

fn hold(holder: Slot, held: Held) -> DomainHold {
    calls::hold(SUBJECT, Slot(40), holder, held, 0)
}

/// A name, a preparation, and the change.
type Change = (&'static str, fn(&Scene), fn(&Scene));

const NOTHING: fn(&Scene) = |_| ();

/// Makes a call as the manager.
macro_rules! manager {
    ($call:expr) => {
        |scene: &Scene| {
            scene.does(scene.manager, $call);
        }
    };
}

const CHANGES: &[Change] = &[
    ("a reply", NOTHING, |scene| {
        scene.does(scene.server, reply(REPLY, 1));
    }),
    ("a reply right dropped", NOTHING, |scene| {
        scene.does(scene.server, calls::delete(REPLY));
    }),
    (
        "a signal",
        NOTHING,
        manager!(calls::signal(OWN_NOTIFICATION, 1)),
    ),
    (
        "flags taken by an outsider",
        manager!(calls::signal(OWN_NOTIFICATION, 1)),
        manager!(calls::wait(OWN_NOTIFICATION, 0)),
    ),
    (
        "a capability revoked",
        NOTHING,
        manager!(calls::revoke(ENDPOINT)),
    ),
    ("a capability installed", NOTHING, manager!(install(40))),
    (
        "a capability removed",
        manager!(install(40)),
        manager!(calls::remove(SUBJECT, Slot(40))),
    ),
    (
        "a capability derived",
        manager!(install(40)),
        manager!(calls::derive(SUBJECT, Slot(40), Slot(41), Rights(0), 0)),
    ),
    ("a mapping", NOTHING, manager!(map())),
    (
        "a mapping through its own table",
        manager!(install_memory()),
        manager!(calls::map_own(
            SUBJECT,
            OWN_MEMORY,
            ADDRESS,
            0,
            2,
            Access::Read
        )),
    ),
    (
        "a fault endpoint from its own table",
        manager!(install(40)),
        manager!(hold(SUBJECT_THREAD, Held::FaultEndpoint)),
    ),
    (
        "a pager from its own table",
        manager!(install(40)),
        manager!(hold(MEMORY, Held::Pager)),
    ),
    (
        "pages that a contiguous Memory had reserved",
        manager!(MemoryCreateContiguous {
            pool: SUBJECT_POOL,
            pages: PageCount(2),
            into: MANAGERS_SPARE,
            alignment: PageCount(1),
            from: 0,
            below: u64::MAX
        }),
        manager!(calls::populate(MANAGERS_SPARE, 0, 2)),
    ),
    (
        "a page supplied before one that the source lacks",
        |scene| {
            let manager = scene.manager.thread;
            scene.does(manager, calls::memory(2, SOURCE));
            scene.does(manager, calls::populate(SOURCE, 0, 1));
        },
        |scene| {
            let half = calls::supply(MEMORY, 0, 2, SOURCE, 0);
            let manager = scene.manager.thread;
            let refused = scene.call(manager, half);
            assert_eq!(refused, Err(Error::PageAbsent));
        },
    ),
    (
        "a mapping removed",
        manager!(map()),
        manager!(DomainUnmap {
            domain: SUBJECT,
            address: UserAddress(ADDRESS)
        }),
    ),
    (
        "a mapping revoked",
        manager!(map()),
        manager!(calls::revoke(MEMORY)),
    ),
    ("pages", NOTHING, manager!(calls::populate(MEMORY, 0, 1))),
    (
        "the rest of a device's pages",
        |scene| {
            scene.world.give_hardware(scene.manager, SECOND_SPARE);
            // One more than a step adds.
            let create = DeviceMemoryCreate {
                pool: SUBJECT_POOL,
                hardware: SECOND_SPARE,
                bus_address: 0xfe00_0000,
                pages: PageCount(129),
                into: MANAGERS_SPARE,
                cache: 0,
                made: PageCount(0),
            };
            scene.begin_step(scene.server, create);
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
        manager!(calls::populate(MEMORY, 0, 1)),
        manager!(calls::discard(MEMORY, 0, 1)),
    ),
    (
        "a Memory",
        NOTHING,
        manager!(MemoryCreate {
            pool: SUBJECT_POOL,
            pages: ONE,
            into: MANAGERS_SPARE
        }),
    ),
    (
        "an endpoint",
        NOTHING,
        manager!(EndpointCreate {
            pool: SUBJECT_POOL,
            into: MANAGERS_SPARE
        }),
    ),
    (
        "a thread",
        NOTHING,
        manager!(calls::thread(SUBJECT, MANAGERS_SPARE)),
    ),
    (
        "a child pool",
        NOTHING,
        manager!(PoolSplit {
            pool: SUBJECT_POOL,
            pages: ONE,
            into: MANAGERS_SPARE
        }),
    ),
    (
        "an object in a child pool",
        manager!(split()),
        manager!(EndpointCreate {
            pool: MANAGERS_SPARE,
            into: SECOND_SPARE
        }),
    ),
    (
        "an object in a child pool destroyed",
        |scene| {
            scene.does(scene.manager, split());
            let (pool, into) = (MANAGERS_SPARE, SECOND_SPARE);
            let create = EndpointCreate { pool, into };
            scene.does(scene.manager, create);
        },
        manager!(calls::destroy(SECOND_SPARE)),
    ),
    (
        "pages supplied",
        manager!(calls::populate(MEMORY, 0, 1)),
        manager!(calls::supply(MEMORY, 0, 1, MEMORY, 0)),
    ),
    (
        "one more domain that may write its memory",
        NOTHING,
        manager!(calls::copy(MEMORY, MANAGERS_SPARE)),
    ),
    (
        "one fewer domain that may write its memory",
        NOTHING,
        manager!(calls::delete(MEMORY)),
    ),
    (
        "one more domain that maps its memory to write",
        NOTHING,
        manager!(map_outside(Access::ReadWrite)),
    ),
    (
        "one fewer domain that maps its memory to write",
        manager!(map_outside(Access::ReadWrite)),
        manager!(calls::unmap(ADDRESS)),
    ),
    (
        "an object destroyed",
        NOTHING,
        manager!(calls::destroy(OWN_NOTIFICATION)),
    ),
    (
        "a fault endpoint destroyed",
        NOTHING,
        manager!(calls::revoke(OWN_ENDPOINT)),
    ),
    (
        "a priority",
        NOTHING,
        manager!(calls::schedule(SUBJECT_THREAD, 3)),
    ),
    ("a start", NOTHING, manager!(calls::start(SUBJECT_THREAD))),
    ("a clock", NOTHING, manager!(calls::clock(SUBJECT, 9))),
    ("a run", NOTHING, |scene| {
        scene.thaw();
        scene.freeze();
    }),
    ("a retirement undone", NOTHING, |scene| {
        let manager = scene.manager.thread;
        let retire = retire(scene.version(), scene.token.get());
        scene.does(manager, retire);
        scene.unretire_by(manager);
    }),
];

#[test]
fn every_change_to_a_frozen_domain_from_outside_raises_its_version() {
    for (name, prepare, change) in CHANGES {
        let scene = scene();
        scene.freeze();
        prepare(&scene);
        let version = scene.version();
        change(&scene);
        assert!(scene.version() > version, "{name}");
        let retire = retire(version, scene.token.get());
        let refused = scene.call(scene.manager, retire);
        assert_eq!(refused, Err(Error::VersionMoved), "{name}");
    }
}
