//! Changes of a frozen domain, and their effect on retiring it.
//!
//! | file | noun |
//! | --- | --- |
//! | `changes` | each change from outside |
//! | `destruction` | each step of a destruction |
//! | `constancy` | calls that change nothing |

mod changes;
mod constancy;
mod destruction;

use abi::calls::{
    DomainInstall, DomainMap, EndpointCreate, MemoryCreate, NotificationCreate, PoolSplit,
    ThreadFaults,
};
use abi::register::{Access, PageCount, PageIndex, Slot, UserAddress};
use abi::{EndpointRights, Error};

use super::scene::{
    ENDPOINT, KEEPERS_SPARE, REPLY, SUBJECT, Scene, answer, call, freeze, receive, retire, thaw,
};
use crate::testing::slots;

const POOL: Slot = Slot(21);
const THREAD: Slot = Slot(22);
const MEMORY: Slot = Slot(25);
const OWN_NOTIFICATION: Slot = Slot(26);
const OWN_ENDPOINT: Slot = Slot(27);
const SECOND_SPARE: Slot = Slot(28);
const GIVER: Slot = Slot(29);
const ADDRESS: UserAddress = UserAddress(0x8000_0000);
const ONE: PageCount = PageCount(1);
const ZERO: PageIndex = PageIndex(0);

/// A subject that is in the middle of a call to the keeper; the keeper holds a Memory, a notification and an endpoint of
/// the subject's pool, which is the fault endpoint of the subject's thread.
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
    scene.world.does(
        keeper,
        ThreadFaults {
            thread,
            endpoint: Some(endpoint),
        },
    );
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
fn only_a_frozen_domain_is_retired_and_no_thread_freezes_its_own_domain() {
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
