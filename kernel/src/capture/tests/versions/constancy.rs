//! Calls that change nothing of a frozen domain, and leave its version.

use abi::MemoryRights;
use abi::calls::{CapabilityMint, MemoryPopulate, Signal};
use abi::register::{Access, PageCount};

use super::{MEMORY, OWN_NOTIFICATION, ZERO, map_outside, scene};
use crate::capture::tests::scene::KEEPERS_SPARE;

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
