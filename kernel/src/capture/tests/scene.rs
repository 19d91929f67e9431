//! The fixture of the tests of capture: [`Scene`], in which one domain, the manager, freezes, reads and rebuilds another domain,
//! the subject.

use core::cell::Cell;

use abi::calls::{
    Arguments, Call, DomainFreeze, DomainReadThread, DomainRetire, DomainThaw, DomainUnretire,
    Receive, Reply, ThreadWrite,
};
use abi::message::DATA_OFFSET;
use abi::record::{CURSOR_END, CapabilityRecord, List, RECORD_WORDS, RecordWords};
use abi::register::{ObjectId, Slot};
use abi::thread_state::{THREAD_STATE_BYTES, ThreadState};
use abi::{Error, MessageInfo, ObjectKind};

use crate::memory::Ref;
use crate::objects::{Object, Thread};
use crate::testing::{TestDomain, World, calls, slots};

/// The manager's endpoint, in both tables.
pub const ENDPOINT: Slot = Slot(slots::FREE);
/// The manager's notification, in both tables.
pub const NOTIFICATION: Slot = Slot(slots::FREE + 1);
/// The slot for reply rights, in both tables.
pub const REPLY: Slot = Slot(slots::FREE + 2);
/// The subject's second thread, in its table.
pub const HELPER: Slot = Slot(slots::FREE + 3);
/// The subject's own endpoint, in its table.
pub const INNER: Slot = Slot(slots::FREE + 4);
/// The slot for the reply rights of the subject's helper.
pub const INNER_REPLY: Slot = Slot(slots::FREE + 5);

/// The subject's domain, pool and threads, in the manager's table.
pub const SUBJECT: Slot = Slot(20);
pub const SUBJECT_POOL: Slot = Slot(21);
pub const SUBJECT_THREAD: Slot = Slot(22);
const SUBJECT_THREADS: [Slot; 2] = [SUBJECT_THREAD, Slot(23)];
/// A slot of the manager that the tests may fill.
pub const MANAGERS_SPARE: Slot = Slot(24);

/// Pages of the subject's pool, unless a test needs more.
const PAGES: u64 = 256;

/// Priorities of the subject's threads.
const PRIORITY: u8 = 10;

/// A manager with a service and a thread that serves it; a subject with two threads and an endpoint of its own.
pub struct Scene {
    pub world: World,
    pub manager: TestDomain,
    /// The manager's second thread.
    pub server: Ref<Thread>,
    pub subject: TestDomain,
    /// The subject's second thread.
    pub helper: Ref<Thread>,
    /// The token of the last freeze.
    pub token: Cell<u64>,
}

impl Scene {
    pub fn new() -> Scene {
        Scene::of_pages(PAGES)
    }

    /// A scene whose subject has a pool of this many pages.
    pub fn of_pages(pages: u64) -> Scene {
        let world = World::new();
        let manager = world.domain();
        let server = world.thread_in(manager.domain, HELPER);
        world.does(manager, calls::endpoint(ENDPOINT));
        world.does(manager, calls::notification(NOTIFICATION));
        let (subject, helper) = populate(&world, manager, pages);
        Scene {
            world,
            manager,
            server,
            subject,
            helper,
            token: Cell::new(0),
        }
    }

    /// [`World::does`].
    pub fn does<A: Arguments + Copy + core::fmt::Debug>(
        &self,
        caller: impl Into<Ref<Thread>>,
        call: A,
    ) -> A::Output {
        self.world.does(caller, call)
    }

    /// [`World::call`].
    pub fn call<A: Arguments>(
        &self,
        caller: impl Into<Ref<Thread>>,
        call: A,
    ) -> Result<A::Output, Error> {
        self.world.call(caller, call)
    }

    /// [`World::begin`].
    pub fn begin<A: Arguments>(&self, caller: impl Into<Ref<Thread>>, call: A) {
        self.world.begin(caller, call);
    }

    /// [`World::begin_step`].
    pub fn begin_step<A: Arguments>(&self, caller: impl Into<Ref<Thread>>, call: A) {
        self.world.begin_step(caller, call);
    }

    /// Freezes the subject without a deadline; returns the version.
    pub fn freeze(&self) -> u64 {
        self.freeze_until(u64::MAX)
    }

    /// Like `freeze`, until a deadline.
    pub fn freeze_until(&self, deadline: u64) -> u64 {
        let (version, token) = self.does(self.manager, freeze(deadline));
        self.token.set(token);
        version
    }

    pub fn thaw(&self) {
        self.thaw_by(self.manager.thread);
    }

    /// Like `thaw`, by another thread of the manager.
    pub fn thaw_by(&self, thread: Ref<Thread>) {
        self.does(thread, thaw(self.token.get()));
    }

    /// Undoes the subject's retirement as a thread of the manager.
    pub fn unretire_by(&self, thread: Ref<Thread>) {
        let (_, token) = self.does(thread, unretire(u64::MAX));
        self.token.set(token);
    }

    /// The subject's version, as reported by `DomainDescribe`.
    pub fn version(&self) -> u64 {
        let (_, _, version) = self.describe(List::Objects, 0);
        version
    }

    fn describe(&self, list: List, cursor: u64) -> (u64, u64, u64) {
        self.does(self.manager, calls::describe(SUBJECT, list, cursor))
    }

    /// All records of a list about the subject.
    pub fn list(&self, list: List) -> Vec<RecordWords> {
        let mut records = Vec::new();
        let mut cursor = 0;
        while cursor != CURSOR_END {
            let (count, next, _) = self.describe(list, cursor);
            let buffer = self.world.buffer(self.manager);
            let word = |index: u64| buffer.read_word(DATA_OFFSET + index * 8);
            let first_word = |record: u64| record * RECORD_WORDS as u64;
            records.extend((0..count).map(|record| {
                core::array::from_fn(|index| word(first_word(record) + index as u64))
            }));
            cursor = next;
        }
        records
    }

    pub fn capabilities(&self) -> Vec<CapabilityRecord> {
        let records = self.list(List::Capabilities);
        records.iter().map(CapabilityRecord::from_words).collect()
    }

    /// The state of a thread of the subject, read by the manager.
    pub fn read(&self, thread: Ref<Thread>) -> Result<ThreadState, Error> {
        let (domain, thread) = (SUBJECT, thread.header.id());
        self.call(self.manager, DomainReadThread { domain, thread })?;
        let mut bytes = [0; THREAD_STATE_BYTES];
        self.world
            .buffer(self.manager)
            .read_bytes(DATA_OFFSET, &mut bytes);
        Ok(ThreadState::from_bytes(&bytes))
    }

    /// Writes the state of the subject's thread number 0 or 1, as the manager.
    pub fn write(&self, number: usize, state: &ThreadState) -> Result<(), Error> {
        let buffer = self.world.buffer(self.manager);
        buffer.write_bytes(DATA_OFFSET, &state.to_bytes());
        let thread = SUBJECT_THREADS[number];
        self.call(self.manager, ThreadWrite { thread })
    }

    /// Reads the frozen subject, destroys it, and replaces it with one rebuilt from that data: frozen, in other pages, with other
    /// identities.
    pub fn rebuild(&mut self) {
        let states =
            [self.subject.thread, self.helper].map(|thread| self.read(thread).expect("frozen"));
        let ids = [self.subject.thread, self.helper].map(|thread| thread.header.id());
        let replies: Vec<_> = self
            .capabilities()
            .into_iter()
            .filter(|record| record.kind == ObjectKind::Reply as u64)
            .collect();
        self.destroy();
        (self.subject, self.helper) = populate(&self.world, self.manager, PAGES);
        self.freeze();
        for (number, state) in states.iter().enumerate() {
            self.write(number, state).expect("an exported state");
        }
        for record in replies {
            let number = ids.iter().position(|id| *id == ObjectId(record.object));
            let thread = SUBJECT_THREADS[number.expect("an inside thread")];
            let install = calls::install_reply(
                SUBJECT,
                thread,
                Slot(record.slot as u32),
                abi::Rights(record.rights as u16),
            );
            self.does(self.manager, install);
        }
    }

    /// Destroys the subject and replaces it with a new one: frozen, in other pages.
    pub fn rebuild_bare(&mut self) {
        self.destroy();
        (self.subject, self.helper) = populate(&self.world, self.manager, PAGES);
        self.freeze();
    }

    /// Destroys the subject's pool.
    pub fn destroy(&self) {
        self.does(self.manager, calls::destroy(SUBJECT_POOL));
    }

    /// Whether no thread waits at the manager's endpoint or notification.
    pub fn has_no_waiters(&self) -> bool {
        let (Object::Endpoint(endpoint), Object::Notification(notification)) = (
            self.manager.object(ENDPOINT),
            self.manager.object(NOTIFICATION),
        ) else {
            panic!("the manager's objects are of other kinds");
        };
        endpoint.senders.is_empty()
            && endpoint.receivers.is_empty()
            && notification.waiters.is_empty()
    }
}

/// Creates a subject in a new pool, complete except for its threads' states, and the manager's capabilities to it.
fn populate(world: &World, manager: TestDomain, pages: u64) -> (TestDomain, Ref<Thread>) {
    let subject = world.domain_of(pages);
    let helper = world.thread_in(subject.domain, HELPER);
    world.does(subject, calls::endpoint(INNER));
    world.give(manager, ENDPOINT, subject, ENDPOINT, 7);
    world.give(manager, NOTIFICATION, subject, NOTIFICATION, 0);
    for (from, to) in [
        (slots::DOMAIN, SUBJECT),
        (slots::POOL, SUBJECT_POOL),
        (slots::THREAD, SUBJECT_THREAD),
        (HELPER, SUBJECT_THREADS[1]),
    ] {
        // If the previous subject was not destroyed, the slot still holds a capability to it.
        let place = manager.place(to);
        let _ = world.kernel.empty_slot(place);
        world.give(subject, from, manager, to, 0);
    }
    assert_eq!(
        (subject.thread.priority.get(), helper.priority.get()),
        (PRIORITY, PRIORITY)
    );
    (subject, helper)
}

pub fn freeze(deadline: u64) -> DomainFreeze {
    calls::freeze(SUBJECT, deadline)
}

pub fn thaw(token: u64) -> DomainThaw {
    calls::thaw(SUBJECT, token)
}

pub fn retire(version: u64, token: u64) -> DomainRetire {
    calls::retire(SUBJECT, version, token)
}

pub fn unretire(deadline: u64) -> DomainUnretire {
    calls::unretire(SUBJECT, deadline)
}

pub fn call(endpoint: Slot, w0: u64) -> Call {
    let info = MessageInfo::words_only(1).expect("short");
    Call::new(endpoint, info, [w0, 0, 0, 0])
}

pub fn receive(endpoint: Slot, reply: Slot) -> Receive {
    Receive::new(endpoint, Some(reply))
}

pub fn reply(right: Slot, w0: u64) -> Reply {
    let info = MessageInfo::words_only(1).expect("short");
    Reply::new(right, info, [w0, 0, 0, 0])
}
