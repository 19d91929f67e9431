//! Changes to a frozen domain, and their effect on retiring it.
//!
//! | file | tests |
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
    ENDPOINT, MANAGERS_SPARE, REPLY, SUBJECT, SUBJECT_POOL, SUBJECT_THREAD, Scene, call, freeze,
    receive, reply, retire, thaw,
};
use crate::testing::{calls, slots};

const MEMORY: Slot = Slot(25);
const OWN_NOTIFICATION: Slot = Slot(26);
const OWN_ENDPOINT: Slot = Slot(27);
const SECOND_SPARE: Slot = Slot(28);
const SOURCE: Slot = Slot(29);
const ADDRESS: u64 = 0x8000_0000;
const ONE: PageCount = PageCount(1);

/// A subject that is in the middle of a call to the manager. The manager holds a Memory, a notification and an endpoint of
/// the subject's pool. That endpoint is the fault endpoint of the subject's thread.
fn scene() -> Scene {
    let scene = Scene::new();
    let manager = scene.manager.thread;
    let pool = SUBJECT_POOL;
    let pages = PageCount(2);
    let into = MEMORY;
    scene.does(manager, MemoryCreate { pool, pages, into });
    let into = OWN_NOTIFICATION;
    scene.does(manager, NotificationCreate { pool, into });
    let into = OWN_ENDPOINT;
    scene.does(manager, EndpointCreate { pool, into });
    scene.does(manager, calls::faults(SUBJECT_THREAD, OWN_ENDPOINT));
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

/// The manager maps the subject's Memory.
fn map_outside(access: Access) -> DomainMap {
    calls::map(MEMORY, ADDRESS, 0, 2, access)
}

fn split() -> PoolSplit {
    PoolSplit {
        pool: SUBJECT_POOL,
        pages: PageCount(4),
        into: MANAGERS_SPARE,
    }
}

fn install(to: u32) -> DomainInstall {
    calls::install(SUBJECT, OWN_ENDPOINT, Slot(to), EndpointRights::SEND, 0)
}

#[test]
fn a_retired_domain_does_not_run_until_its_retirement_is_undone() {
    let scene = scene();
    let version = scene.freeze();
    let manager = scene.manager.thread;
    let token = scene.token.get();
    scene.does(manager, retire(version, token));
    let thawed = scene.call(manager, thaw(token));
    assert_eq!(thawed, Err(Error::WrongState));
    let frozen = scene.call(manager, freeze(u64::MAX));
    assert_eq!(frozen, Err(Error::WrongState));
    let late = scene.call(scene.server, reply(REPLY, 1));
    assert_eq!(late, Err(Error::Gone));
    assert!(!scene.subject.thread.is_runnable());
    scene.unretire_by(manager);
    scene.thaw();
    assert!(scene.subject.thread.is_runnable());
}

#[test]
fn only_a_frozen_domain_is_retired_and_no_thread_freezes_its_own_domain() {
    let scene = scene();
    let manager = scene.manager.thread;
    let retired = scene.call(manager, retire(0, 0));
    assert_eq!(retired, Err(Error::WrongState));
    let oneself = abi::calls::DomainFreeze {
        domain: slots::DOMAIN,
        ..freeze(u64::MAX)
    };
    assert_eq!(scene.call(manager, oneself), Err(Error::Oneself));
}
