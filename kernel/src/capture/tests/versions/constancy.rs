//! Calls that leave a frozen domain and its version unchanged.

use abi::MemoryRights;
use abi::calls::{CapabilityMint, MemoryPopulate, Signal, ThreadStop, ThreadWrite};
use abi::message::DATA_OFFSET;
use abi::register::{Access, PageCount, Slot};
use abi::thread_state::ThreadState;

use super::{MEMORY, OWN_NOTIFICATION, ZERO, map_outside, scene};
use crate::capture::tests::scene::{HELPER, INNER, INNER_REPLY, KEEPERS_SPARE, call, receive};

#[test]
fn a_signal_that_raises_nothing_new_is_not_a_change() {
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
fn calls_that_change_nothing_do_not_raise_the_version() {
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
fn a_reply_right_that_becomes_stale_is_not_a_change_and_is_not_listed() {
    const INNER_OUTSIDE: Slot = Slot(30);
    let scene = scene();
    let (keeper, server) = (scene.keeper, scene.server);
    scene
        .world
        .give(scene.subject, INNER, keeper, INNER_OUTSIDE, 5);
    scene.world.begin(server, call(INNER_OUTSIDE, 1));
    scene.world.does(scene.helper, receive(INNER, INNER_REPLY));
    let version = scene.freeze();
    let is_listed = || {
        let mut records = scene.capabilities().into_iter();
        records.any(|record| record.slot == u64::from(INNER_REPLY.0))
    };
    assert!(is_listed());
    // The caller, of another domain, abandons the call.
    let thread = HELPER;
    scene.world.does(keeper.thread, ThreadStop { thread });
    let state = ThreadState::EMPTY.to_bytes();
    scene.world.buffer(keeper).write_bytes(DATA_OFFSET, &state);
    scene.world.does(keeper.thread, ThreadWrite { thread });
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
