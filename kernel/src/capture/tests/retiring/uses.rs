//! Later uses of a retired domain's objects: [`USES`].

use abi::calls::{CapabilityInspect, DomainMap, EndpointCreate, PoolReport, ThreadRead};
use abi::record::List;
use abi::register::{Access, PageCount, Slot};
use abi::{Error, Rights};

use super::{
    FIRST_OUTSIDER, MEMORY, OWN_ENDPOINT, OWN_NOTIFICATION, outsider, retire, scene, send, wait,
};
use crate::capture::tests::scene::{
    ENDPOINT, INNER, INNER_REPLY, REPLY, SUBJECT, SUBJECT_POOL, SUBJECT_THREAD, Scene, call,
    receive,
};
use crate::testing::{calls, slots};

/// A use of the subject's objects by the manager's thread.
type Use = (&'static str, fn(&Scene) -> Result<(), Error>);

/// Makes a call as the manager.
macro_rules! manager {
    ($call:expr) => {
        |scene: &Scene| {
            let made = scene.call(scene.manager, $call);
            made.map(|_| ())
        }
    };
}

const INTO: Slot = Slot(50);

const USES: &[Use] = &[
    ("call", manager!(call(OWN_ENDPOINT, 1))),
    ("send", manager!(send(OWN_ENDPOINT))),
    ("receive", manager!(receive(OWN_ENDPOINT, REPLY))),
    ("signal", manager!(calls::signal(OWN_NOTIFICATION, 1))),
    ("wait", manager!(wait())),
    ("populate", manager!(calls::populate(MEMORY, 0, 1))),
    ("start", manager!(calls::start(SUBJECT_THREAD))),
    (
        "read a thread",
        manager!(ThreadRead {
            thread: SUBJECT_THREAD
        }),
    ),
    (
        "receive faults",
        manager!(calls::faults(Slot(FIRST_OUTSIDER), OWN_ENDPOINT)),
    ),
    ("make a thread", manager!(calls::thread(SUBJECT, INTO))),
    (
        "make an endpoint",
        manager!(EndpointCreate {
            pool: SUBJECT_POOL,
            into: INTO
        }),
    ),
    (
        "install",
        manager!(calls::install(SUBJECT, ENDPOINT, Slot(40), Rights(0), 0)),
    ),
    (
        "map into it",
        manager!(DomainMap {
            domain: SUBJECT,
            ..calls::map(slots::BUFFER, 0x8000_0000, 0, 1, Access::Read)
        }),
    ),
    (
        "map its memory",
        manager!(calls::map(MEMORY, 0x8000_0000, 0, 2, Access::Read)),
    ),
];

#[test]
fn every_later_use_of_a_retired_domains_objects_fails_at_once() {
    let scene = scene();
    outsider(&scene, 0);
    retire(&scene);
    let version = scene.version();
    for (name, attempt) in USES {
        assert_eq!(attempt(&scene), Err(Error::Gone), "{name}");
    }
    assert_eq!(
        scene.version(),
        version,
        "nothing in the domain has changed"
    );
}

#[test]
fn objects_in_a_child_pool_stay_usable() {
    let scene = scene();
    let manager = scene.manager.thread;
    let (child, inner, into) = (INTO, Slot(51), Slot(52));
    let (pool, pages) = (SUBJECT_POOL, PageCount(8));
    let split = abi::calls::PoolSplit {
        pool,
        pages,
        into: child,
    };
    scene.does(manager, split);
    let pool = child;
    let create = abi::calls::NotificationCreate { pool, into: inner };
    scene.does(manager, create);
    retire(&scene);
    scene.does(manager, calls::signal(inner, 5));
    assert_eq!(scene.does(manager, calls::wait(inner, 0)), 5);
    // The pool itself is one of the domain's objects.
    let made = scene.call(manager, EndpointCreate { pool, into });
    assert_eq!(made, Err(Error::Gone));
    let report = scene.call(manager, PoolReport { pool });
    assert_eq!(report, Err(Error::Gone));
    scene.does(manager, calls::destroy(child));
}

#[test]
fn capabilities_to_a_retired_domain_can_be_managed_and_its_pool_reports() {
    let scene = scene();
    retire(&scene);
    let manager = scene.manager.thread;
    for from in [
        OWN_ENDPOINT,
        OWN_NOTIFICATION,
        MEMORY,
        SUBJECT_THREAD,
        SUBJECT,
        SUBJECT_POOL,
    ] {
        let (kind, ..) = scene.does(manager, CapabilityInspect { slot: from });
        assert_ne!(kind, 0);
        scene.does(manager, calls::copy(from, INTO));
        scene.does(manager, calls::delete(INTO));
    }
    scene.does(manager, PoolReport { pool: SUBJECT_POOL });
    scene.destroy();
}

#[test]
fn a_retired_domain_is_read_as_it_was_frozen() {
    let scene = scene();
    scene.begin(scene.subject, call(INNER, 3));
    scene.does(scene.helper, receive(INNER, INNER_REPLY));
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
    scene.does(scene.manager, retire);
    assert_eq!(read(&scene), before);
    assert!(before.1[0].is_ok());
}
