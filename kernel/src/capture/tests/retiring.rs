//! What a retirement does to outsiders: those that wait, those that come later, and those that look.

use abi::calls::{
    Arguments, CapabilityCopy, CapabilityInspect, DomainInstall, DomainMap, EndpointCreate,
    MemoryCreate, MemoryPopulate, NotificationCreate, PoolReport, Send, Signal, ThreadCreate,
    ThreadFaults, ThreadRead, ThreadStart, Wait,
};
use abi::record::List;
use abi::register::{Access, PageCount, Slot, UserAddress};
use abi::{Error, MessageInfo, Rights};

use super::scene::{
    ENDPOINT, INNER, INNER_REPLY, REPLY, SUBJECT, Scene, answer, call, freeze, receive,
};
use crate::arch::Cause;
use crate::memory::Ref;
use crate::objects::{Phase, Thread, Uninformed};
use crate::testing::slots;

const POOL: Slot = Slot(21);
const THREAD: Slot = Slot(22);
const MEMORY: Slot = Slot(25);
const OWN_NOTIFICATION: Slot = Slot(26);
const OWN_ENDPOINT: Slot = Slot(27);
/// The subject's [`INNER`], in the keeper's table.
const INNER_OUTSIDE: Slot = Slot(28);
/// The keeper's further threads.
const FIRST_OUTSIDER: u32 = 30;

/// A keeper that holds a Memory, a notification and two endpoints of the subject's pool.
fn scene() -> Scene {
    let scene = Scene::new();
    let keeper = scene.keeper.thread;
    let pool = POOL;
    let (pages, into) = (PageCount(2), MEMORY);
    scene.world.does(keeper, MemoryCreate { pool, pages, into });
    let into = OWN_NOTIFICATION;
    scene.world.does(keeper, NotificationCreate { pool, into });
    let into = OWN_ENDPOINT;
    scene.world.does(keeper, EndpointCreate { pool, into });
    scene
        .world
        .give(scene.subject, INNER, scene.keeper, INNER_OUTSIDE, 5);
    scene
}

/// Another thread of the keeper's.
fn outsider(scene: &Scene, number: u32) -> Ref<Thread> {
    let slot = Slot(FIRST_OUTSIDER + number);
    scene.world.thread_in(scene.keeper.domain, slot)
}

fn retire(scene: &Scene) {
    let version = scene.freeze();
    let keeper = scene.keeper.thread;
    scene
        .world
        .does(keeper, super::scene::retire(version, scene.token.get()));
}

fn unretire_and_thaw(scene: &Scene) {
    scene.unretire_by(scene.keeper.thread);
    scene.thaw();
}

/// What became of a thread's call, whatever its results.
fn status<A: Arguments>(scene: &Scene, thread: Ref<Thread>) -> Option<Result<(), Error>> {
    let outcome = scene.world.outcome::<A>(thread)?;
    Some(outcome.map(|_| ()))
}

fn send(endpoint: Slot) -> Send {
    Send {
        endpoint,
        info: MessageInfo::EMPTY,
        w0: 0,
        w1: 0,
        w2: 0,
        w3: 0,
    }
}

fn wait() -> Wait {
    Wait {
        notification: OWN_NOTIFICATION,
        deadline: 1 << 40,
    }
}

/// A thread of the keeper's faults, and the endpoint in this slot of its table hears of it.
fn fault(scene: &Scene, thread: Ref<Thread>, slot: Slot, endpoint: Slot) {
    let faults = ThreadFaults {
        thread: slot,
        endpoint,
    };
    scene.world.does(scene.keeper.thread, faults);
    scene.world.kernel.scheduler.force(thread);
    scene.world.kernel.enter(Cause::Exception {
        vector: 6,
        error: 0,
        address: 0,
    });
}

/// How often the kernel's log says that a thread stops.
fn logged_stops(scene: &Scene) -> usize {
    scene.world.machine.console().matches("stops at").count()
}

#[test]
fn whoever_waits_at_its_objects_hears_that_it_is_gone() {
    let scene = scene();
    let [caller, sender, receiver, waiter] = [0, 1, 2, 3].map(|number| outsider(&scene, number));
    scene.world.begin(caller, call(OWN_ENDPOINT, 1));
    scene.world.begin(sender, send(OWN_ENDPOINT));
    scene.world.begin(receiver, receive(INNER_OUTSIDE, REPLY));
    scene.world.begin(waiter, wait());
    retire(&scene);
    let gone = Some(Err(Error::Gone));
    assert_eq!(status::<abi::calls::Call>(&scene, caller), gone);
    assert_eq!(status::<Send>(&scene, sender), gone);
    assert_eq!(status::<abi::calls::Receive>(&scene, receiver), gone);
    assert_eq!(status::<Wait>(&scene, waiter), gone);
    assert_eq!(scene.world.kernel.scheduler.timers.earliest(), None);
    for thread in [caller, sender, receiver, waiter] {
        assert!(thread.is_runnable());
    }
}

#[test]
fn whoever_awaits_its_answer_hears_that_it_is_gone() {
    let scene = scene();
    let (caller, faulting) = (outsider(&scene, 0), outsider(&scene, 1));
    scene.world.begin(caller, call(INNER_OUTSIDE, 1));
    scene.world.does(scene.helper, receive(INNER, INNER_REPLY));
    fault(&scene, faulting, Slot(FIRST_OUTSIDER + 1), INNER_OUTSIDE);
    scene
        .world
        .does(scene.subject.thread, receive(INNER, REPLY));
    let is_trap = false;
    assert_eq!(faulting.phase.get(), Phase::AwaitingFault { is_trap });
    retire(&scene);
    let heard = status::<abi::calls::Call>(&scene, caller);
    assert_eq!(heard, Some(Err(Error::Gone)));
    // Nobody mends its fault any more.
    assert_eq!(faulting.phase.get(), Phase::Ready);
    assert!(faulting.stopped.get());
    assert_eq!(logged_stops(&scene), 1);
}

#[test]
fn an_answer_from_inside_is_owed_until_it_is_undone() {
    let scene = scene();
    scene.world.begin(scene.subject.thread, call(INNER, 3));
    scene.world.does(scene.helper, receive(INNER, INNER_REPLY));
    retire(&scene);
    assert_eq!(scene.subject.thread.phase.get(), Phase::Awaiting);
    unretire_and_thaw(&scene);
    scene.world.does(scene.helper, answer(INNER_REPLY, 8));
    let answered = status::<abi::calls::Call>(&scene, scene.subject.thread);
    assert_eq!(answered, Some(Ok(())));
}

/// A use of the subject's objects, as the keeper's thread.
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
const ZERO: PageCount = PageCount(0);
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
        "hear of faults",
        keeper!(ThreadFaults {
            thread: Slot(FIRST_OUTSIDER),
            endpoint: OWN_ENDPOINT
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
fn every_later_use_of_its_objects_is_told_at_once() {
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
fn what_lies_in_a_child_pool_stays_in_use() {
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
fn slots_can_be_dealt_with_and_the_pool_reports() {
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
fn a_retired_domain_reads_as_it_did_when_it_was_frozen() {
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
    let retire = super::scene::retire(version, scene.token.get());
    scene.world.does(scene.keeper.thread, retire);
    assert_eq!(read(&scene), before);
    assert!(before.1[0].is_ok());
}

#[test]
fn a_late_answer_is_refused_and_its_caller_interrupted_if_it_runs_here_again() {
    let scene = scene();
    scene.world.begin(scene.subject.thread, call(ENDPOINT, 3));
    scene.world.does(scene.server, receive(ENDPOINT, REPLY));
    retire(&scene);
    let late = scene.world.call(scene.server, answer(REPLY, 1));
    assert_eq!(late, Err(Error::Gone));
    // The right is used up, so that its slot is free for the next one.
    let (kind, ..) = scene
        .world
        .does(scene.server, CapabilityInspect { slot: REPLY });
    assert_eq!(kind, 0);
    unretire_and_thaw(&scene);
    let heard = status::<abi::calls::Call>(&scene, scene.subject.thread);
    assert_eq!(heard, Some(Err(Error::Interrupted)));
}

#[test]
fn faults_that_it_would_hear_of_stop_their_threads() {
    let scene = scene();
    let [queued, later] = [0, 1].map(|number| outsider(&scene, number));
    fault(&scene, queued, Slot(FIRST_OUTSIDER), OWN_ENDPOINT);
    let faults = ThreadFaults {
        thread: Slot(FIRST_OUTSIDER + 1),
        endpoint: OWN_ENDPOINT,
    };
    scene.world.does(scene.keeper.thread, faults);
    retire(&scene);
    scene.world.kernel.scheduler.force(later);
    scene.world.kernel.enter(Cause::Exception {
        vector: 6,
        error: 0,
        address: 0,
    });
    for thread in [queued, later] {
        assert_eq!(thread.phase.get(), Phase::Ready);
        assert!(thread.stopped.get());
    }
    assert_eq!(logged_stops(&scene), 2);
}

#[test]
fn undone_it_serves_again() {
    let scene = scene();
    scene
        .world
        .begin(scene.subject.thread, receive(INNER, REPLY));
    retire(&scene);
    let refused = scene.world.call(scene.server, call(INNER_OUTSIDE, 1));
    assert_eq!(refused, Err(Error::Gone));
    unretire_and_thaw(&scene);
    scene.world.step(scene.subject.thread);
    scene.world.begin(scene.server, call(INNER_OUTSIDE, 2));
    let received = scene
        .world
        .outcome::<abi::calls::Receive>(scene.subject.thread);
    assert_eq!(received.map(|it| it.map(|it| it.words[0])), Some(Ok(2)));
    scene.world.does(scene.subject.thread, answer(REPLY, 3));
    assert_eq!(
        status::<abi::calls::Call>(&scene, scene.server),
        Some(Ok(()))
    );
}

/// Callers in a queue: more than one step of a retirement tells.
const CALLERS: u32 = 100;

/// A scene with many callers at the subject's endpoint.
fn crowd() -> (Scene, Vec<Ref<Thread>>) {
    let scene = scene();
    let grow = abi::calls::DomainGrow {
        domain: slots::DOMAIN,
        slots: FIRST_OUTSIDER + CALLERS,
    };
    scene.world.does(scene.keeper.thread, grow);
    let callers: Vec<_> = (0..CALLERS)
        .map(|number| outsider(&scene, number))
        .collect();
    for caller in &callers {
        scene.world.begin(*caller, call(INNER_OUTSIDE, 1));
    }
    (scene, callers)
}

/// The keeper's thread begins to retire the subject, and is stopped after a step.
fn begin_to_retire(scene: &Scene) {
    let version = scene.freeze();
    let thread = scene.keeper.thread;
    scene
        .world
        .begin_step(thread, super::scene::retire(version, scene.token.get()));
    assert!(scene.world.is_at_call(thread));
}

fn told(scene: &Scene, callers: &[Ref<Thread>]) -> usize {
    let gone = |thread: &&Ref<Thread>| {
        status::<abi::calls::Call>(scene, **thread) == Some(Err(Error::Gone))
    };
    callers.iter().filter(gone).count()
}

#[test]
fn the_commit_point_is_one_step_and_telling_outsiders_goes_on_from_where_it_was() {
    let (scene, callers) = crowd();
    begin_to_retire(&scene);
    let some = told(&scene, &callers);
    assert!(some > 0 && some <= 32, "{some} in a step");
    // It is retired all the same: for who comes now, and for its own threads.
    let refused = scene.world.call(scene.server, call(INNER_OUTSIDE, 1));
    assert_eq!(refused, Err(Error::Gone));
    assert!(scene.subject.domain.is_retired() && !scene.subject.thread.is_runnable());
    // The next caller finishes it, whatever version and token it names.
    scene.world.does(scene.server, super::scene::retire(77, 77));
    assert_eq!(told(&scene, &callers), callers.len());
    assert_eq!(scene.subject.domain.uninformed.get(), Uninformed::Nobody);
}

#[test]
fn a_retirement_that_was_undone_half_way_leaves_the_rest_waiting() {
    let (scene, callers) = crowd();
    begin_to_retire(&scene);
    let some = told(&scene, &callers);
    scene.unretire_by(scene.server);
    scene.thaw_by(scene.server);
    scene.world.does(scene.helper, receive(INNER, INNER_REPLY));
    let awaiting = |thread: &&Ref<Thread>| thread.phase.get() == Phase::Awaiting;
    assert_eq!(callers.iter().filter(awaiting).count(), 1);
    assert_eq!(told(&scene, &callers), some);
    // A second retirement tells the others.
    let (version, token) = scene.world.does(scene.server, freeze(u64::MAX));
    scene
        .world
        .does(scene.server, super::scene::retire(version, token));
    assert_eq!(told(&scene, &callers), callers.len());
}

#[test]
fn an_object_that_ends_meanwhile_is_passed() {
    let (scene, callers) = crowd();
    begin_to_retire(&scene);
    let object = INNER_OUTSIDE;
    scene
        .world
        .does(scene.server, abi::calls::Destroy { object });
    assert_eq!(told(&scene, &callers), callers.len());
    scene.world.does(scene.server, super::scene::retire(0, 0));
    assert_eq!(scene.subject.domain.uninformed.get(), Uninformed::Nobody);
}

#[test]
fn outsiders_that_a_retirement_has_not_come_to_are_told_by_the_destruction() {
    let (scene, callers) = crowd();
    begin_to_retire(&scene);
    assert!(told(&scene, &callers) < callers.len());
    let object = SUBJECT;
    scene
        .world
        .does(scene.server, abi::calls::Destroy { object });
    assert_eq!(told(&scene, &callers), callers.len());
}

#[test]
fn flags_that_go_to_a_bound_receiver_outside_are_a_change() {
    let scene = scene();
    let keeper = scene.keeper.thread;
    let (thread, notification) = (super::scene::HELPER, OWN_NOTIFICATION);
    let bind = abi::calls::ThreadBind {
        thread,
        notification,
    };
    scene.world.does(keeper, bind);
    let signal = |flags| Signal {
        notification,
        flags,
    };
    scene.world.does(keeper, signal(1));
    // It receives while the notification is gone, and so without the flag that is raised.
    retire(&scene);
    scene.world.begin(scene.server, receive(ENDPOINT, REPLY));
    scene.unretire_by(keeper);
    let version = scene.version();
    scene.world.does(keeper, signal(2));
    let received = scene.world.outcome::<abi::calls::Receive>(scene.server);
    assert_eq!(received.map(|it| it.map(|it| it.badge)), Some(Ok(3)));
    assert!(scene.version() > version);
}
