//! Long kernel operations on many threads.

use runtime::abi::calls::{Send, Wait, Yield};
use runtime::abi::record::List;
use runtime::abi::register::Slot;
use runtime::abi::{MessageInfo, NO_DEADLINE};
use runtime::{Error, clock};

use crate::actors::{Actors, FIRST_SLOT, cast};
use crate::stage::{Stage, describe};

const THREADS: usize = 256;
const SLEEPERS: usize = 250;
const FAULTING: usize = 64;

const SLOT: Slot = Slot(FIRST_SLOT);

/// The time until the sleepers' deadline, within which all of them fall asleep.
const SLEEP_NS: u64 = 50_000_000;

/// Threads are frozen, read, thawed and destroyed while they wait for flags.
pub fn waiting(stage: &Stage) -> Result<(), Error> {
    let actors = cast(stage, THREADS)?;
    let notification = stage.pool.create_notification()?;
    actors.give(notification, SLOT.0)?;
    let wait = Wait {
        notification: SLOT,
        deadline: u64::MAX - 1,
    };
    actors.start_at(wait, 0)?;
    stage.pause()?;
    freeze_and_thaw(stage, &actors)?;
    // Their waits end one by one.
    notification.destroy()?;
    actors.end()
}

/// Threads are frozen, read, thawed and destroyed while they wait for a receiver.
pub fn sending(stage: &Stage) -> Result<(), Error> {
    let actors = cast(stage, THREADS)?;
    let endpoint = stage.pool.create_endpoint()?;
    actors.give(endpoint, SLOT.0)?;
    actors.start_at(send(MessageInfo::EMPTY), 0)?;
    stage.pause()?;
    freeze_and_thaw(stage, &actors)?;
    endpoint.destroy()?;
    actors.end()
}

/// Threads are frozen, read, thawed, stopped and destroyed while they can run.
pub fn runnable(stage: &Stage) -> Result<(), Error> {
    let actors = cast(stage, THREADS)?;
    actors.start_at(Yield {}, 0)?;
    stage.pause()?;
    freeze_and_thaw(stage, &actors)?;
    for thread in &actors.threads {
        thread.set_priority(7)?;
        thread.stop()?;
        thread.start()?;
    }
    actors.end()
}

/// The deadlines of many threads and of a frozen domain expire at once. Those of forty other threads are later.
pub fn sleepers(stage: &Stage) -> Result<(), Error> {
    let actors = cast(stage, SLEEPERS)?;
    let notification = stage.pool.create_notification()?;
    actors.give(notification, SLOT.0)?;
    let due = clock::now_ns() + SLEEP_NS;
    for (index, thread) in actors.threads.iter().enumerate() {
        // Each of these deadlines is later by another power of two.
        let deadline = match index {
            0..40 => due + (1 << (index + 22)),
            _ => due,
        };
        let wait = Wait {
            notification: SLOT,
            deadline,
        };
        crate::actors::start_at(*thread, &wait, 0)?;
    }
    let frozen = cast(stage, THREADS)?;
    frozen.start_at(Yield {}, 0)?;
    stage.pause()?;
    frozen.domain.freeze(due)?;
    // This thread stays awake, so that the timer finds all of them due.
    while clock::now_ns() < due + SLEEP_NS {
        core::hint::spin_loop();
    }
    actors.end()?;
    frozen.end()?;
    notification.destroy()
}

/// Threads fault without a handler, each with a line in the kernel's log.
pub fn faulting(stage: &Stage) -> Result<(), Error> {
    let actors = cast(stage, FAULTING)?;
    actors.start_faulting()?;
    stage.pause()?;
    actors.end()
}

/// The time until the kernel thaws the threads.
const FREEZE_NS: u64 = 5_000_000;

fn freeze_and_thaw(stage: &Stage, actors: &Actors) -> Result<(), Error> {
    let freeze = actors.domain.freeze(NO_DEADLINE)?;
    describe(actors.domain, List::Objects)?;
    describe(actors.domain, List::Held)?;
    for thread in &actors.threads {
        thread.read()?;
    }
    // The oldest is the last in the domain's list.
    let oldest = stage.domain.identify(actors.threads[0].slot())?;
    actors.domain.read_thread(oldest)?;
    actors.domain.thaw(freeze.token)?;
    stage.pause()?;
    // The kernel thaws them at the deadline.
    actors.domain.freeze(clock::now_ns() + FREEZE_NS)?;
    stage.pause()
}

/// A send of this shape.
pub fn send(info: MessageInfo) -> Send {
    Send::new(SLOT, info, [0; 4])
}
