//! The threads of the workloads, and the objects that they need: [`Stage`].

use runtime::abi::PAGE_BYTES;
use runtime::abi::kind::{
    DomainRights, EndpointRights, MemoryRights, NotificationRights, PoolRights, ThreadRights,
};
use runtime::abi::record::Held;
use runtime::abi::register::{Access, PageCount, PageIndex, UserAddress};
use runtime::capability::{Domain, Kind, Memory, Pool, Thread};
use runtime::{Cap, Error, Slot};

use crate::board::{BOARDS, BUFFERS};
use crate::list::{Needs, Workload};
use crate::long_calls::{
    FILLED_ADDRESS, FILLED_COUNT, PAGES_ADDRESS, PAGES_COUNT, SOURCE_ADDRESS, SOURCE_COUNT,
};
use crate::simple::{HOLE_ADDRESS, HOLE_PAGES};
use crate::slots as own;

/// The address of the stacks.
const STACKS: u64 = 48 << 30;
const STACK_PAGES: u64 = 3;

/// The maximum number of pages that a stage takes from the pool, with a thread per workload.
pub const PAGES: u64 = 512;

/// A domain and the pool that pays for it, as held by their creator.
#[derive(Clone, Copy)]
pub struct Stage {
    /// The pool.
    pub pool: Cap<Pool>,
    /// The domain, with MAP, INSTALL and SPAWN, and with the rights passed to [`Stage::furnish`].
    pub domain: Cap<Domain>,
}

impl Stage {
    /// Creates everything that the workloads need except their threads, and returns the boards, one page each, in order. The domain
    /// gets these rights over itself. The caller fills [`own::OUTSIDE`].
    ///
    /// # Errors
    /// The kernel's error.
    pub fn furnish(&self, count: u64, rights: DomainRights) -> Result<Cap<Memory>, Error> {
        let boards = self.make_memory(BOARDS, count)?;
        for (address, pages) in [(STACKS, count * STACK_PAGES), (BUFFERS, count)] {
            self.make_memory(address, pages)?.delete()?;
        }
        self.domain.grow(own::TABLE_SLOTS)?;
        self.domain.install(self.domain, own::DOMAIN, rights, 0)?;
        let create = PoolRights::CREATE;
        self.domain.install(self.pool, own::POOL, create, 0)?;
        self.give_endpoints()?;
        self.give_notifications()?;
        self.give_memories()?;
        self.give_paged_memory()?;
        Ok(boards)
    }

    fn give_endpoints(&self) -> Result<(), Error> {
        let rights = EndpointRights::SEND | EndpointRights::RECEIVE;
        for slot in [
            own::INSIDE,
            own::HOLDER,
            own::REVOKED,
            own::MARK,
            own::LETTERS,
            own::MANY,
            own::FAULTS,
            own::TRAPS,
            own::CROWD,
        ] {
            self.hand_over(self.pool.create_endpoint()?, slot, rights)?;
        }
        for (slot, badge) in own::CROWD_CALLERS.into_iter().zip(own::CROWD_BADGES) {
            let send = EndpointRights::SEND.into();
            self.domain.derive(own::CROWD, slot, send, badge)?;
        }
        let grants = rights | EndpointRights::GRANT;
        self.hand_over(self.pool.create_endpoint()?, own::LONG, grants)
    }

    fn give_notifications(&self) -> Result<(), Error> {
        let both = NotificationRights::SIGNAL | NotificationRights::WAIT;
        for slot in [
            own::PING,
            own::PONG,
            own::SILENCE,
            own::DOORBELL,
            own::DOORBELL_ACK,
        ] {
            self.hand_over(self.pool.create_notification()?, slot, both)?;
        }
        let signal = NotificationRights::SIGNAL.into();
        self.domain.derive(own::PING, own::PING_SIGNAL, signal, 0)
    }

    /// Gives the domain Memories without pages, or with some.
    fn give_memories(&self) -> Result<(), Error> {
        let hole = self.pool.create_memory(PageCount(HOLE_PAGES))?;
        self.map(hole, HOLE_ADDRESS, HOLE_PAGES)?;
        self.hand_over(hole, own::HOLE, MemoryRights::MANAGE)?;
        let paged = self.pool.create_memory(PageCount(1))?;
        let readable = MemoryRights::MANAGE | MemoryRights::READ;
        self.hand_over(paged, own::PAGED, readable)?;
        let filled = self.pool.create_memory(PageCount(FILLED_COUNT))?;
        self.map(filled, FILLED_ADDRESS, FILLED_COUNT)?;
        self.hand_over(filled, own::FILLED, readable)?;
        let source = self.pool.create_memory(PageCount(SOURCE_COUNT))?;
        self.map(source, SOURCE_ADDRESS, SOURCE_COUNT)?;
        for page in (0..SOURCE_COUNT).filter(|page| own::SOURCE_PRESENT >> page & 1 != 0) {
            source.populate(PageIndex(page), PageCount(1))?;
        }
        self.hand_over(source, own::SOURCE, MemoryRights::READ)
    }

    /// Gives the domain a Memory with a pager.
    fn give_paged_memory(&self) -> Result<(), Error> {
        let pages = self.pool.create_memory(PageCount(PAGES_COUNT))?;
        let pager = self.pool.create_endpoint()?;
        self.map(pages, PAGES_ADDRESS, PAGES_COUNT)?;
        pages.set_pager(Some(pager))?;
        self.hand_over(pages, own::PAGES, MemoryRights::MANAGE)?;
        self.hand_over(pager, own::PAGER, EndpointRights::RECEIVE)
    }

    /// Creates and starts the workloads' threads.
    ///
    /// # Errors
    /// The kernel's error.
    pub fn start(
        &self,
        workloads: impl Iterator<Item = Workload>,
        priority: u8,
    ) -> Result<(), Error> {
        for (number, workload) in (0..).zip(workloads) {
            let thread = self.domain.create_thread()?;
            // The stack is aligned as after a call instruction.
            let top = STACKS + (number + 1) * STACK_PAGES * PAGE_BYTES - 8;
            thread.set_priority(priority)?;
            thread.prepare(
                UserAddress(workload.script as *const () as u64),
                UserAddress(top),
                BOARDS + number * PAGE_BYTES,
                UserAddress(BUFFERS + number * PAGE_BYTES),
            )?;
            self.serve(thread, workload.needs)?;
            thread.start()?;
            thread.delete()?;
        }
        Ok(())
    }

    fn serve(&self, thread: Cap<Thread>, needs: Needs) -> Result<(), Error> {
        let install = |slot| self.domain.install(thread, slot, ThreadRights::RUN, 0);
        let hold = |slot, held| self.domain.hold(slot, thread.erase(), held, 0);
        match needs {
            Needs::FaultHandler => {
                hold(own::FAULTS, Held::FaultEndpoint)?;
                install(own::FAULTING_THREAD)
            }
            Needs::Tracer => {
                hold(own::TRAPS, Held::FaultEndpoint)?;
                install(own::TRAPPING_THREAD)
            }
            Needs::Stopper => install(own::STOPPED_THREAD),
            Needs::Doorbell => hold(own::DOORBELL, Held::BoundNotification),
            Needs::Holder => install(own::HELD_THREAD),
            _ => Ok(()),
        }
    }

    /// Moves a capability into the domain, with these rights.
    fn hand_over<T: Kind>(&self, what: Cap<T>, to: Slot, rights: T::Rights) -> Result<(), Error> {
        self.domain.install(what, to, rights, 0)?;
        what.delete()
    }

    fn make_memory(&self, address: u64, pages: u64) -> Result<Cap<Memory>, Error> {
        let memory = self.pool.create_populated_memory(PageCount(pages))?;
        self.map(memory, address, pages)?;
        Ok(memory)
    }

    /// Maps a whole Memory.
    fn map(&self, memory: Cap<Memory>, address: u64, pages: u64) -> Result<(), Error> {
        let (address, pages) = (UserAddress(address), PageCount(pages));
        self.domain
            .map(memory, address, PageIndex(0), pages, Access::ReadWrite)
    }
}
