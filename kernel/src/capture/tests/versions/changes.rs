//! Every change of a frozen domain from outside: [`CHANGES`].

use abi::calls::{
    DeviceMemoryCreate, DomainHold, DomainInstall, DomainUnmap, EndpointCreate, MemoryCreate,
    MemoryCreateContiguous, PoolSplit,
};
use abi::record::Held;
use abi::register::{Access, PageCount, Slot, UserAddress};
use abi::{Error, MemoryRights, Rights};

use super::{
    ADDRESS, GIVER, MEMORY, ONE, OWN_ENDPOINT, OWN_NOTIFICATION, POOL, SECOND_SPARE, THREAD,
    install, map, map_outside, scene, split,
};
use crate::capture::tests::scene::{
    ENDPOINT, KEEPERS_SPARE, REPLY, SUBJECT, Scene, answer, retire,
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

/// Makes a call as the keeper.
macro_rules! keeper {
    ($call:expr) => {
        |scene: &Scene| {
            scene.does(scene.keeper, $call);
        }
    };
}

const CHANGES: &[Change] = &[
    ("an answer", NOTHING, |scene| {
        scene.does(scene.server, answer(REPLY, 1));
    }),
    ("a reply right dropped", NOTHING, |scene| {
        scene.does(scene.server, calls::delete(REPLY));
    }),
    (
        "a signal",
        NOTHING,
        keeper!(calls::signal(OWN_NOTIFICATION, 1)),
    ),
    (
        "flags taken by an outsider",
        keeper!(calls::signal(OWN_NOTIFICATION, 1)),
        keeper!(calls::wait(OWN_NOTIFICATION, 0)),
    ),
    (
        "a capability revoked",
        NOTHING,
        keeper!(calls::revoke(ENDPOINT)),
    ),
    ("a capability installed", NOTHING, keeper!(install(40))),
    (
        "a capability removed",
        keeper!(install(40)),
        keeper!(calls::remove(SUBJECT, Slot(40))),
    ),
    (
        "a capability derived",
        keeper!(install(40)),
        keeper!(calls::derive(SUBJECT, Slot(40), Slot(41), Rights(0), 0)),
    ),
    ("a mapping", NOTHING, keeper!(map())),
    (
        "a mapping through its own table",
        keeper!(install_memory()),
        keeper!(calls::map_own(
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
        keeper!(calls::populate(KEEPERS_SPARE, 0, 2)),
    ),
    (
        "a page supplied before one that the giver lacks",
        |scene| {
            let keeper = scene.keeper.thread;
            scene.does(keeper, calls::memory(2, GIVER));
            scene.does(keeper, calls::populate(GIVER, 0, 1));
        },
        |scene| {
            let half = calls::supply(MEMORY, 0, 2, GIVER, 0);
            let keeper = scene.keeper.thread;
            let refused = scene.call(keeper, half);
            assert_eq!(refused, Err(Error::PageAbsent));
        },
    ),
    (
        "a mapping removed",
        keeper!(map()),
        keeper!(DomainUnmap {
            domain: SUBJECT,
            address: UserAddress(ADDRESS)
        }),
    ),
    (
        "a mapping revoked",
        keeper!(map()),
        keeper!(calls::revoke(MEMORY)),
    ),
    ("pages", NOTHING, keeper!(calls::populate(MEMORY, 0, 1))),
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
        keeper!(calls::populate(MEMORY, 0, 1)),
        keeper!(calls::discard(MEMORY, 0, 1)),
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
        keeper!(calls::thread(SUBJECT, KEEPERS_SPARE)),
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
            scene.does(scene.keeper, split());
            let (pool, into) = (KEEPERS_SPARE, SECOND_SPARE);
            let create = EndpointCreate { pool, into };
            scene.does(scene.keeper, create);
        },
        keeper!(calls::destroy(SECOND_SPARE)),
    ),
    (
        "pages supplied",
        keeper!(calls::populate(MEMORY, 0, 1)),
        keeper!(calls::supply(MEMORY, 0, 1, MEMORY, 0)),
    ),
    (
        "one more domain that may write its memory",
        NOTHING,
        keeper!(calls::copy(MEMORY, KEEPERS_SPARE)),
    ),
    (
        "one less domain that may write its memory",
        NOTHING,
        keeper!(calls::delete(MEMORY)),
    ),
    (
        "one more domain that maps its memory to write",
        NOTHING,
        keeper!(map_outside(Access::ReadWrite)),
    ),
    (
        "one less domain that maps its memory to write",
        keeper!(map_outside(Access::ReadWrite)),
        keeper!(calls::unmap(ADDRESS)),
    ),
    (
        "an object destroyed",
        NOTHING,
        keeper!(calls::destroy(OWN_NOTIFICATION)),
    ),
    (
        "a fault endpoint destroyed",
        NOTHING,
        keeper!(calls::revoke(OWN_ENDPOINT)),
    ),
    ("a priority", NOTHING, keeper!(calls::schedule(THREAD, 3))),
    ("a start", NOTHING, keeper!(calls::start(THREAD))),
    ("a clock", NOTHING, keeper!(calls::clock(SUBJECT, 9))),
    ("a run", NOTHING, |scene| {
        scene.thaw();
        scene.freeze();
    }),
    ("a retirement undone", NOTHING, |scene| {
        let keeper = scene.keeper.thread;
        let retire = retire(scene.version(), scene.token.get());
        scene.does(keeper, retire);
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
        let refused = scene.call(scene.keeper, retire);
        assert_eq!(refused, Err(Error::VersionMoved), "{name}");
    }
}
