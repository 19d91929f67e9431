//! Later uses of a retired domain's objects: [`USES`].

use abi::calls::{
    CapabilityCopy, CapabilityInspect, DomainInstall, DomainMap, EndpointCreate, MemoryPopulate,
    PoolReport, Signal, ThreadCreate, ThreadFaults, ThreadRead, ThreadStart, Wait,
};
use abi::record::List;
use abi::register::{Access, PageCount, PageIndex, Slot, UserAddress};
use abi::{Error, Rights};

use super::{
    FIRST_OUTSIDER, MEMORY, OWN_ENDPOINT, OWN_NOTIFICATION, POOL, THREAD, outsider, retire, scene,
    send, wait,
};
use crate::capture::tests::scene::{
    ENDPOINT, INNER, INNER_REPLY, REPLY, SUBJECT, Scene, call, receive,
};
use crate::testing::slots;

/// A use of the subject's objects by the keeper's thread.
type Use = (&'static str, fn(&Scene) -> Result<(), Error>);

/// Makes a call as the keeper.
macro_rules! keeper {
    ($call:expr) => {
        |scene: &Scene| {
            let made = scene.world.call(scene.keeper.thread, $call);
            made.map(|_| ())
        }
    };
}

const ONE: PageCount = PageCount(1);
const ZERO: PageIndex = PageIndex(0);
const INTO: Slot = Slot(50);

const USES: &[Use] = &[
    ("call", keeper!(call(OWN_ENDPOINT, 1))),
    ("send", keeper!(send(OWN_ENDPOINT))),
    ("receive", keeper!(receive(OWN_ENDPOINT, REPLY))),
    (
        "signal",
        keeper!(Signal {
            notification: OWN_NOTIFICATION,
            flags: 1
        }),
    ),
    ("wait", keeper!(wait())),
    (
        "populate",
        keeper!(MemoryPopulate {
            memory: MEMORY,
            first_page: ZERO,
            page_count: ONE
        }),
    ),
    ("start", keeper!(ThreadStart { thread: THREAD })),
    ("read a thread", keeper!(ThreadRead { thread: THREAD })),
    (
        "receive faults",
        keeper!(ThreadFaults {
            thread: Slot(FIRST_OUTSIDER),
            endpoint: Some(OWN_ENDPOINT)
        }),
    ),
    (
        "make a thread",
        keeper!(ThreadCreate {
            domain: SUBJECT,
            into: INTO
        }),
    ),
    (
        "make an endpoint",
        keeper!(EndpointCreate {
            pool: POOL,
            into: INTO
        }),
    ),
    (
        "install",
        keeper!(DomainInstall {
            domain: SUBJECT,
            from: ENDPOINT,
            to: Slot(40),
            rights: Rights(0),
            badge: 0
        }),
    ),
    (
        "map into it",
        keeper!(DomainMap {
            domain: SUBJECT,
            memory: slots::BUFFER,
            address: UserAddress(0x8000_0000),
            first_page: ZERO,
            page_count: ONE,
            access: Access::Read
        }),
    ),
    (
        "map its memory",
        keeper!(DomainMap {
            domain: slots::DOMAIN,
            memory: MEMORY,
            address: UserAddress(0x8000_0000),
            first_page: ZERO,
            page_count: PageCount(2),
            access: Access::Read
        }),
    ),
];

#[test]
fn every_later_use_of_its_objects_fails_at_once() {
    let scene = scene();
    outsider(&scene, 0);
    retire(&scene);
    let version = scene.version();
    for (name, attempt) in USES {
        assert_eq!(attempt(&scene), Err(Error::Gone), "{name}");
    }
    assert_eq!(scene.version(), version, "nothing of it changed");
}

#[test]
fn objects_in_a_child_pool_stay_usable() {
    let scene = scene();
    let keeper = scene.keeper.thread;
    let (child, inner, into) = (INTO, Slot(51), Slot(52));
    let (pool, pages) = (POOL, PageCount(8));
    let split = abi::calls::PoolSplit {
        pool,
        pages,
        into: child,
    };
    scene.world.does(keeper, split);
    let pool = child;
    let create = abi::calls::NotificationCreate { pool, into: inner };
    scene.world.does(keeper, create);
    retire(&scene);
    let (notification, flags) = (inner, 5);
    scene.world.does(
        keeper,
        Signal {
            notification,
            flags,
        },
    );
    let deadline = 0;
    let wait = Wait {
        notification,
        deadline,
    };
    assert_eq!(scene.world.does(keeper, wait), flags);
    // The pool itself is one of the domain's objects.
    let made = scene.world.call(keeper, EndpointCreate { pool, into });
    assert_eq!(made, Err(Error::Gone));
    let report = scene.world.call(keeper, PoolReport { pool });
    assert_eq!(report, Err(Error::Gone));
    let object = child;
    scene.world.does(keeper, abi::calls::Destroy { object });
}

#[test]
fn slots_can_be_managed_and_the_pool_reports() {
    let scene = scene();
    retire(&scene);
    let keeper = scene.keeper.thread;
    for from in [
        OWN_ENDPOINT,
        OWN_NOTIFICATION,
        MEMORY,
        THREAD,
        SUBJECT,
        POOL,
    ] {
        let (kind, ..) = scene.world.does(keeper, CapabilityInspect { slot: from });
        assert_ne!(kind, 0);
        scene.world.does(keeper, CapabilityCopy { from, to: INTO });
        let slot = INTO;
        scene
            .world
            .does(keeper, abi::calls::CapabilityDelete { slot });
    }
    scene.world.does(keeper, PoolReport { pool: POOL });
    scene.destroy();
}

#[test]
fn a_retired_domain_reads_as_it_was_frozen() {
    let scene = scene();
    scene.world.begin(scene.subject.thread, call(INNER, 3));
    scene.world.does(scene.helper, receive(INNER, INNER_REPLY));
    let lists = [
        List::Objects,
        List::Mappings,
        List::Capabilities,
        List::Held,
    ];
    let read = |scene: &Scene| {
        let threads = [scene.subject.thread, scene.helper].map(|thread| scene.read(thread));
        (lists.map(|list| scene.list(list)), threads)
    };
    let version = scene.freeze();
    let before = read(&scene);
    let retire = super::super::scene::retire(version, scene.token.get());
    scene.world.does(scene.keeper.thread, retire);
    assert_eq!(read(&scene), before);
    assert!(before.1[0].is_ok());
}
