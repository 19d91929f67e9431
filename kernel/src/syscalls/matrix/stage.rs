//! The fixture on which every call is tried: [`Stage`], a caller with all rights over all objects of another domain.

use abi::calls::{
    Call, CapabilityDelete, DomainFreeze, DomainInstall, DomainMap, DomainRetire, EndpointCreate,
    InterruptCreateMessage, IoPortsCreate, MemoryCreate, MemoryPopulate, NotificationCreate,
    PoolSplit, Receive, ThreadPrepare,
};
use abi::register::{Access, PageCount, PageIndex, Slot, UserAddress};
use abi::{Error, MessageInfo, NO_DEADLINE, ObjectKind, Rights};
use capabilities::{Badge, Storage};

use crate::memory::{Ref, SlotStorage};
use crate::objects::{DomainState, Object, Phase, Thread};
use crate::testing::snapshot::{self, Snapshot};
use crate::testing::{CALL_SITE, TestDomain, World, slots};

mod calls;

/// An endpoint of the caller, to which the subject may send.
pub const SERVICE: Slot = Slot(8);
/// The subject's domain.
pub const SUBJECT: Slot = Slot(20);
/// The subject's pool.
pub const POOL: Slot = Slot(21);
/// The subject's first thread.
pub const THREAD: Slot = Slot(22);
/// A stopped thread of the subject.
pub const HELPER: Slot = Slot(23);
/// A Memory of the subject's pool, with its first page.
pub const MEMORY: Slot = Slot(24);
/// A Memory of the caller, with its first page.
pub const SOURCE: Slot = Slot(25);
/// An endpoint of the subject's pool.
pub const ENDPOINT: Slot = Slot(26);
/// A notification of the subject's pool.
pub const NOTIFICATION: Slot = Slot(27);
/// An interrupt of the subject's pool.
pub const INTERRUPT: Slot = Slot(28);
/// Ports of the subject's pool.
pub const PORTS: Slot = Slot(29);
/// The hardware.
pub const HARDWARE: Slot = Slot(30);
/// A child of the caller's pool.
pub const CHILD: Slot = Slot(31);
/// An empty slot.
pub const FREE: Slot = Slot(32);
/// An empty slot for reply rights.
pub const REPLY: Slot = Slot(33);
/// A Memory of the caller without pages.
pub const EMPTY_MEMORY: Slot = Slot(35);
/// Another thread of the caller's domain, which receives the subject's calls.
pub const SERVER: Slot = Slot(34);
/// The slot that keeps a capability while another one replaces it.
const ASIDE: Slot = Slot(40);

/// The slot of the subject's table that [`Stage::install`] fills.
pub const SUBJECT_SLOT: Slot = Slot(41);
/// An empty slot of the subject's table.
pub const SUBJECT_FREE: Slot = Slot(42);

/// The address that [`Stage::map`] uses.
pub const ADDRESS: UserAddress = UserAddress(0x8000_0000);
/// The first port of [`PORTS`].
pub const PORT: u16 = 0x300;

/// Two domains: the caller's and the subject's.
pub struct Stage {
    pub world: World,
    pub caller: TestDomain,
    pub subject: TestDomain,
    server: Ref<Thread>,
}

impl Stage {
    pub fn new() -> Stage {
        let world = World::new();
        let caller = world.domain();
        let subject = world.domain();
        let server = world.thread_in(caller.domain, SERVER);
        let helper = world.thread_in(subject.domain, HELPER);
        helper.stopped.set(true);
        world.kernel.scheduler.remove(helper);
        for (from, to) in [
            (slots::DOMAIN, SUBJECT),
            (slots::POOL, POOL),
            (slots::THREAD, THREAD),
            (HELPER, HELPER),
        ] {
            world.give(subject, from, caller, to, 0);
        }
        let stage = Stage {
            world,
            caller,
            subject,
            server,
        };
        stage.create_objects();
        stage.create_memories();
        stage.does(ThreadPrepare {
            thread: HELPER,
            instruction: UserAddress(CALL_SITE),
            stack: UserAddress(0),
            argument: 1,
            message_buffer: UserAddress(0),
        });
        stage
    }

    /// Creates the objects that calls are tried on, all but the Memories.
    fn create_objects(&self) {
        self.world.give_hardware(self.caller, HARDWARE);
        let pool = POOL;
        self.does(EndpointCreate {
            pool: slots::POOL,
            into: SERVICE,
        });
        self.does(EndpointCreate {
            pool,
            into: ENDPOINT,
        });
        self.does(NotificationCreate {
            pool,
            into: NOTIFICATION,
        });
        self.does(InterruptCreateMessage {
            pool,
            hardware: HARDWARE,
            into: INTERRUPT,
        });
        self.does(IoPortsCreate {
            pool,
            hardware: HARDWARE,
            first: PORT,
            count: 8,
            into: PORTS,
        });
        self.does(PoolSplit {
            pool: slots::POOL,
            pages: PageCount(32),
            into: CHILD,
        });
    }

    /// Creates the Memories. Two have different first pages, so that copying from one to the other changes the other.
    fn create_memories(&self) {
        for (pool, memory) in [(POOL, MEMORY), (slots::POOL, SOURCE)] {
            self.does(MemoryCreate {
                pool,
                pages: PageCount(8),
                into: memory,
            });
            self.does(MemoryPopulate {
                memory,
                first_page: PageIndex(0),
                page_count: PageCount(1),
            });
        }
        self.does(MemoryCreate {
            pool: slots::POOL,
            pages: PageCount(8),
            into: EMPTY_MEMORY,
        });
        let source = self.caller.memory(SOURCE);
        source.frame(0).expect("populated").write_word(0, 7);
    }

    /// The object in a slot of the caller.
    pub fn object(&self, slot: Slot) -> Object {
        let place = self.caller.place(slot);
        let held = SlotStorage.slot(place).capability();
        held.expect("a capability").object
    }

    /// The kind of object in a slot of the caller.
    pub fn kind(&self, slot: Slot) -> ObjectKind {
        self.object(slot).kind()
    }

    pub fn is_empty(&self, slot: Slot) -> bool {
        let place = self.caller.place(slot);
        SlotStorage.slot(place).is_empty()
    }

    /// Replaces a capability by a copy of another one.
    pub fn replace(&self, slot: Slot, other: Slot) {
        self.set_aside(slot);
        let [from, to] = [other, slot].map(|slot| self.caller.place(slot));
        capabilities::copy(&SlotStorage, from, to).expect("it was emptied");
    }

    /// Gives the subject a capability to the caller's endpoint.
    pub fn install(&self) {
        self.install_copy_of(SERVICE);
    }

    /// Gives the subject a copy of the capability in a slot of the caller.
    pub fn install_copy_of(&self, from: Slot) {
        self.does(DomainInstall {
            domain: SUBJECT,
            from,
            to: SUBJECT_SLOT,
            rights: self.kind(from).all_rights(),
            badge: 0,
        });
    }

    /// Maps the subject's Memory into the subject.
    pub fn map(&self) {
        self.does(DomainMap {
            domain: SUBJECT,
            memory: MEMORY,
            address: ADDRESS,
            first_page: PageIndex(0),
            page_count: PageCount(8),
            access: Access::ReadWrite,
        });
    }

    /// The subject's first thread calls the caller, which gets the reply right.
    pub fn subject_calls(&self) {
        self.install();
        let info = MessageInfo::words_only(1).expect("short");
        let call = Call::new(SUBJECT_SLOT, info, [1, 0, 0, 0]);
        self.world.begin(self.subject, call);
        self.world
            .does(self.server, Receive::new(SERVICE, Some(REPLY)));
        assert_eq!(self.subject.thread.phase.get(), Phase::Awaiting);
    }

    /// The call that freezes the subject.
    pub fn freezing() -> DomainFreeze {
        DomainFreeze {
            domain: SUBJECT,
            deadline: NO_DEADLINE,
            progress: 0,
        }
    }

    /// Freezes the subject if it runs.
    pub fn freeze(&self) {
        if self.subject.domain.is_running() {
            self.does(Stage::freezing());
        }
    }

    /// Retires the subject if it is not yet retired.
    pub fn retire(&self) {
        if self.subject.domain.state() != DomainState::Retired {
            self.freeze();
            self.does(self.retirement());
        }
    }

    /// The call that retires the subject in its current version.
    pub fn retirement(&self) -> DomainRetire {
        DomainRetire {
            domain: SUBJECT,
            version: self.version(),
            token: self.subject.domain.token(),
        }
    }

    /// The caller's other thread retires the subject if it is still at this version.
    pub fn retire_at(&self, version: u64) -> Result<(), Error> {
        let retirement = DomainRetire {
            version,
            ..self.retirement()
        };
        self.world.call(self.server, retirement)
    }

    pub fn version(&self) -> u64 {
        self.subject.domain.version()
    }

    /// Restricts the caller's capability in this slot to these rights.
    pub fn limit(&self, slot: Slot, rights: Rights) {
        self.set_aside(slot);
        let [from, to] = [ASIDE, slot].map(|slot| self.caller.place(slot));
        capabilities::mint(&SlotStorage, from, to, rights, Badge::NONE).expect("fewer rights");
    }

    /// Empties a slot of the caller without revoking anything.
    pub fn set_aside(&self, slot: Slot) {
        let [from, to] = [slot, ASIDE].map(|slot| self.caller.place(slot));
        if !SlotStorage.slot(to).is_empty() {
            self.world
                .kernel
                .empty_slot(to)
                .expect("it holds something");
        }
        capabilities::move_to(&SlotStorage, from, to).expect("it was emptied");
    }

    /// Empties a slot of the caller.
    pub fn clear(&self, slot: Slot) {
        self.does(CapabilityDelete { slot });
    }

    /// The rights over the kind of object in a slot, one by one.
    pub fn every_right(&self, slot: Slot) -> Vec<Rights> {
        let all = self.kind(slot).all_rights();
        let single = (0..u16::BITS).map(|bit| Rights(1 << bit));
        single.filter(|right| all.contains(*right)).collect()
    }

    /// The whole kernel.
    pub fn snapshot(&self) -> Snapshot {
        snapshot::of_kernel(&self.world.kernel, self.caller.thread)
    }

    /// The part of the subject that moves along with it.
    pub fn subject_snapshot(&self) -> Snapshot {
        snapshot::of_domain(self.subject.domain)
    }
}
