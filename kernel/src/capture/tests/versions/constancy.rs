//! Calls that leave a frozen domain and its version unchanged.

use abi::MemoryRights;
use abi::calls::ThreadWrite;
use abi::message::DATA_OFFSET;
use abi::register::{Access, Slot};
use abi::thread_state::ThreadState;

use super::{MEMORY, OWN_NOTIFICATION, map_outside, scene};
use crate::capture::tests::scene::{HELPER, INNER, INNER_REPLY, MANAGERS_SPARE, call, receive};
use crate::testing::calls;

#[test]
fn a_signal_that_raises_nothing_new_is_not_a_change() {
    let scene = scene();
    let signal = |flags| calls::signal(OWN_NOTIFICATION, flags);
    scene.freeze();
    let manager = scene.manager.thread;
    scene.does(manager, signal(0b101));
    let version = scene.version();
    for flags in [0, 1, 0b100, 0b101] {
        scene.does(manager, signal(flags));
        assert_eq!(scene.version(), version, "{flags:#b}");
    }
    scene.does(manager, signal(0b10));
    assert!(scene.version() > version);
}

#[test]
fn calls_that_change_nothing_do_not_raise_the_version() {
    let scene = scene();
    let manager = scene.manager.thread;
    let populate = calls::populate(MEMORY, 0, 2);
    scene.does(manager, populate);
    let version = scene.freeze();
    scene.does(manager, populate);
    assert_eq!(scene.version(), version, "every page was present");
    scene.does(
        manager,
        calls::mint(MEMORY, MANAGERS_SPARE, MemoryRights::READ, 0),
    );
    scene.does(manager, map_outside(Access::Read));
    assert_eq!(scene.version(), version, "another domain may read");
}

#[test]
fn a_reply_right_that_becomes_stale_is_not_a_change_and_is_not_listed() {
    const INNER_OUTSIDE: Slot = Slot(30);
    let scene = scene();
    let (manager, server) = (scene.manager, scene.server);
    scene
        .world
        .give(scene.subject, INNER, manager, INNER_OUTSIDE, 5);
    scene.begin(server, call(INNER_OUTSIDE, 1));
    scene.does(scene.helper, receive(INNER, INNER_REPLY));
    let version = scene.freeze();
    let is_listed = || {
        let mut records = scene.capabilities().into_iter();
        records.any(|record| record.slot == u64::from(INNER_REPLY.0))
    };
    assert!(is_listed());
    // The caller, of another domain, abandons the call.
    let thread = HELPER;
    scene.does(manager, calls::stop(thread));
    let state = ThreadState::EMPTY.to_bytes();
    scene.world.buffer(manager).write_bytes(DATA_OFFSET, &state);
    scene.does(manager, ThreadWrite { thread });
    assert_eq!(scene.version(), version);
    assert!(!is_listed());
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
