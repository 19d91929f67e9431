//! A domain of a world: [`TestDomain`], and its initial [`slots`].

use abi::register::Slot;
use capabilities::{Place, Storage};

use crate::memory::{Ref, SlotStorage};
use crate::objects::{Domain, MemoryObject, Object, Pool, Thread};

/// The initial slots of every domain of a world.
pub mod slots {
    use super::Slot;
    /// The domain's pool, with all rights.
    pub const POOL: Slot = Slot(1);
    /// The domain itself, with all rights.
    pub const DOMAIN: Slot = Slot(2);
    /// The domain's first thread, with all rights.
    pub const THREAD: Slot = Slot(3);
    /// The Memory of that thread's message buffer.
    pub const BUFFER: Slot = Slot(4);
    /// The first free slot.
    pub const FREE: u32 = 8;
}

/// A domain with one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestDomain {
    pub pool: Ref<Pool>,
    pub domain: Ref<Domain>,
    pub thread: Ref<Thread>,
}

/// Its first thread makes the calls.
impl From<TestDomain> for Ref<Thread> {
    fn from(domain: TestDomain) -> Ref<Thread> {
        domain.thread
    }
}

impl TestDomain {
    /// The place of a slot of its table.
    pub fn place(self, slot: Slot) -> Place {
        self.domain.place(slot).expect("a slot")
    }

    /// The object that a slot refers to.
    pub fn object(self, slot: Slot) -> Object {
        let held = SlotStorage.slot(self.place(slot)).capability();
        held.expect("a capability").object
    }

    /// The Memory that a slot refers to.
    pub fn memory(self, slot: Slot) -> Ref<MemoryObject> {
        match self.object(slot) {
            Object::Memory(memory) => memory,
            other => panic!("not a Memory but {other:?}"),
        }
    }
}
