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
};
use abi::register::{Access, PageCount, Slot};
use abi::{EndpointRights, Error};

use super::scene::{
    ENDPOINT, KEEPERS_SPARE, REPLY, SUBJECT, Scene, answer, call, freeze, receive, retire, thaw,
};
use crate::testing::{calls, slots};

const POOL: Slot = Slot(21);
const THREAD: Slot = Slot(22);
const MEMORY: Slot = Slot(25);
const OWN_NOTIFICATION: Slot = Slot(26);
const OWN_ENDPOINT: Slot = Slot(27);
const SECOND_SPARE: Slot = Slot(28);
const GIVER: Slot = Slot(29);
const ADDRESS: u64 = 0x8000_0000;
const ONE: PageCount = PageCount(1);

/// A subject that is in the middle of a call to the keeper; the keeper holds a Memory, a notification and an endpoint of
/// the subject's pool, which is the fault endpoint of the subject's thread.
fn scene() -> Scene {
    let scene = Scene::new();
    let keeper = scene.keeper.thread;
    let pool = POOL;
    let pages = PageCount(2);
    let into = MEMORY;
    scene.does(keeper, MemoryCreate { pool, pages, into });
    let into = OWN_NOTIFICATION;
    scene.does(keeper, NotificationCreate { pool, into });
    let into = OWN_ENDPOINT;
    scene.does(keeper, EndpointCreate { pool, into });
    scene.does(keeper, calls::faults(THREAD, OWN_ENDPOINT));
    scene.begin(scene.subject, call(ENDPOINT, 3));
    scene.does(scene.server, receive(ENDPOINT, REPLY));
    scene
}

fn map() -> DomainMap {
    DomainMap {
        domain: SUBJECT,
        ..calls::map(MEMORY, ADDRESS, 0, 2, Access::Read)
    }
}

/// The keeper maps the subject's Memory.
fn map_outside(access: Access) -> DomainMap {
    calls::map(MEMORY, ADDRESS, 0, 2, access)
}

fn split() -> PoolSplit {
    PoolSplit {
        pool: POOL,
        pages: PageCount(4),
        into: KEEPERS_SPARE,
    }
}

fn install(to: u32) -> DomainInstall {
    calls::install(SUBJECT, OWN_ENDPOINT, Slot(to), EndpointRights::SEND, 0)
}

#[test]
fn a_retired_domain_does_not_run_until_that_is_undone() {
    let scene = scene();
    let version = scene.freeze();
    let keeper = scene.keeper.thread;
    let token = scene.token.get();
    scene.does(keeper, retire(version, token));
    let thawed = scene.call(keeper, thaw(token));
    assert_eq!(thawed, Err(Error::WrongState));
    let frozen = scene.call(keeper, freeze(u64::MAX));
    assert_eq!(frozen, Err(Error::WrongState));
    let late = scene.call(scene.server, answer(REPLY, 1));
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
    let retired = scene.call(keeper, retire(0, 0));
    assert_eq!(retired, Err(Error::WrongState));
    let oneself = abi::calls::DomainFreeze {
        domain: slots::DOMAIN,
        ..freeze(u64::MAX)
    };
    assert_eq!(scene.call(keeper, oneself), Err(Error::Oneself));
}
