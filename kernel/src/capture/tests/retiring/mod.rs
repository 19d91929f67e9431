//! The effects of a retirement on threads of other domains (outsiders): those that wait, come later, or read the domain.
//!
//! | file | tests |
//! | --- | --- |
//! | `waiting` | threads that wait at the domain's objects, or for a reply from it |
//! | `uses` | later uses of its objects |
//! | `reaped` | uses of its objects while it is destroyed step by step |
//! | `steps` | a retirement that takes more than one step |

mod reaped;
mod steps;
mod uses;
mod waiting;

use abi::calls::{Arguments, EndpointCreate, MemoryCreate, NotificationCreate, Send, Wait};
use abi::register::{PageCount, Slot};
use abi::{Error, MessageInfo};

use super::scene::{INNER, SUBJECT_POOL, Scene};
use crate::memory::Ref;
use crate::objects::Thread;
use crate::testing::calls;

const MEMORY: Slot = Slot(25);
const OWN_NOTIFICATION: Slot = Slot(26);
const OWN_ENDPOINT: Slot = Slot(27);
/// The subject's [`INNER`], in the manager's table.
const INNER_OUTSIDE: Slot = Slot(28);
/// The first slot of the manager's further threads.
const FIRST_OUTSIDER: u32 = 30;

/// A manager that holds a Memory, a notification and two endpoints of the subject's pool.
fn scene() -> Scene {
    let scene = Scene::new();
    let manager = scene.manager.thread;
    let pool = SUBJECT_POOL;
    let (pages, into) = (PageCount(2), MEMORY);
    scene.does(manager, MemoryCreate { pool, pages, into });
    let into = OWN_NOTIFICATION;
    scene.does(manager, NotificationCreate { pool, into });
    let into = OWN_ENDPOINT;
    scene.does(manager, EndpointCreate { pool, into });
    scene
        .world
        .give(scene.subject, INNER, scene.manager, INNER_OUTSIDE, 5);
    scene
}

/// Another thread of the manager.
fn outsider(scene: &Scene, number: u32) -> Ref<Thread> {
    let slot = Slot(FIRST_OUTSIDER + number);
    scene.world.thread_in(scene.manager.domain, slot)
}

fn retire(scene: &Scene) {
    let version = scene.freeze();
    let manager = scene.manager.thread;
    scene.does(manager, super::scene::retire(version, scene.token.get()));
}

fn unretire_and_thaw(scene: &Scene) {
    scene.unretire_by(scene.manager.thread);
    scene.thaw();
}

/// The status of a thread's call, if it is complete.
fn status<A: Arguments>(scene: &Scene, thread: Ref<Thread>) -> Option<Result<(), Error>> {
    let outcome = scene.world.outcome::<A>(thread)?;
    Some(outcome.map(|_| ()))
}

fn send(endpoint: Slot) -> Send {
    Send::new(endpoint, MessageInfo::EMPTY, [0; 4])
}

fn wait() -> Wait {
    calls::wait(OWN_NOTIFICATION, 1 << 40)
}

/// A thread of the manager faults, with the endpoint in this slot of its table as its handler.
fn fault(scene: &Scene, thread: Ref<Thread>, slot: Slot, endpoint: Slot) {
    scene.does(scene.manager, calls::faults(slot, endpoint));
    scene.world.raise(thread, 6, 0, 0);
}

/// The number of lines in the kernel's log that report a stop of a thread.
fn logged_stops(scene: &Scene) -> usize {
    scene.world.machine.console().matches("stops at").count()
}
