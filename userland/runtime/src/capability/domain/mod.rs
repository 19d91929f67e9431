//! The operations on a Domain: filling it with memory, capabilities and threads; freezing, reading and retiring it.
//!
//! | file | content |
//! | --- | --- |
//! | `freeze` | freezing, thawing and retiring a domain |
//! | `records` | lists about a domain |
//! | `pages` | pages of a domain's Memories: present, dirty, copied |

mod freeze;
mod pages;
mod records;

use abi::Error;
use abi::calls::{
    CapabilityIdentify, DomainClock, DomainDerive, DomainGrow, DomainHold, DomainInstall,
    DomainInstallReply, DomainMap, DomainMapOwn, DomainReadThread, DomainRemove, DomainUnmap,
    ThreadCreate,
};
use abi::record::Held;
use abi::register::{Access, ObjectId, PageCount, PageIndex, Slot, UserAddress};
use abi::thread_state::ThreadState;

use super::thread::read_state;
use super::{Cap, Domain, Kind, Memory, Thread, created};
use crate::system_call::invoke;

pub use freeze::Freeze;
pub use pages::{CopiedPages, PageBitmap, WantedPages};
pub use records::Records;

impl Cap<Domain> {
    /// Maps pages of a Memory.
    ///
    /// # Errors
    /// The error of `DomainMap`.
    pub fn map(
        self,
        memory: Cap<Memory>,
        address: UserAddress,
        first_page: PageIndex,
        page_count: PageCount,
        access: Access,
    ) -> Result<(), Error> {
        invoke(DomainMap {
            domain: self.slot(),
            memory: memory.slot(),
            address,
            first_page,
            page_count,
            access,
        })
    }

    /// Maps pages of the Memory in a slot of the domain's own table, as a child of that capability.
    ///
    /// # Errors
    /// The error of `DomainMapOwn`.
    pub fn map_own(
        self,
        memory: Slot,
        address: UserAddress,
        first_page: PageIndex,
        page_count: PageCount,
        access: Access,
    ) -> Result<(), Error> {
        invoke(DomainMapOwn {
            domain: self.slot(),
            memory,
            address,
            first_page,
            page_count,
            access,
        })
    }

    /// Makes an object hold a copy of a capability in the domain's own table: a Memory's pager, or a thread's fault endpoint or
    /// bound notification. The copy is a child of that capability.
    ///
    /// # Errors
    /// The error of `DomainHold`.
    pub fn hold<T: Kind>(
        self,
        from: Slot,
        holder: Cap<T>,
        held: Held,
        badge: u64,
    ) -> Result<(), Error> {
        invoke(DomainHold {
            domain: self.slot(),
            from,
            holder: holder.slot(),
            held,
            badge,
        })
    }

    /// Removes the mapping that begins at this address.
    ///
    /// # Errors
    /// The error of `DomainUnmap`.
    pub fn unmap(self, address: UserAddress) -> Result<(), Error> {
        invoke(DomainUnmap {
            domain: self.slot(),
            address,
        })
    }

    /// Copies one of the caller's capabilities into the domain's table.
    ///
    /// # Errors
    /// The error of `DomainInstall`.
    pub fn install<T: Kind>(
        self,
        from: Cap<T>,
        to: Slot,
        rights: T::Rights,
        badge: u64,
    ) -> Result<(), Error> {
        invoke(DomainInstall {
            domain: self.slot(),
            from: from.slot(),
            to,
            rights: rights.into(),
            badge,
        })
    }

    /// Empties a slot of the domain's table.
    ///
    /// # Errors
    /// The error of `DomainRemove`.
    pub fn remove(self, slot: Slot) -> Result<(), Error> {
        invoke(DomainRemove {
            domain: self.slot(),
            slot,
        })
    }

    /// Mints, from one slot of the domain's table into another, a capability with these rights and this badge.
    ///
    /// # Errors
    /// The error of `DomainDerive`.
    pub fn derive(
        self,
        from: Slot,
        to: Slot,
        rights: abi::Rights,
        badge: u64,
    ) -> Result<(), Error> {
        invoke(DomainDerive {
            domain: self.slot(),
            from,
            to,
            rights,
            badge,
        })
    }

    /// The object of the capability in a slot of the domain's table.
    ///
    /// # Errors
    /// The error of `CapabilityIdentify`.
    pub fn identify(self, slot: Slot) -> Result<ObjectId, Error> {
        invoke(CapabilityIdentify {
            domain: self.slot(),
            slot,
        })
        .map(ObjectId)
    }

    /// Puts a reply right into the frozen domain's table: the right to reply to a thread of that domain that awaits a reply.
    /// `rights` is empty, or `GRANT` with the same meaning as for an endpoint.
    ///
    /// # Errors
    /// The error of `DomainInstallReply`.
    pub fn install_reply(
        self,
        thread: Cap<Thread>,
        to: Slot,
        rights: abi::Rights,
    ) -> Result<(), Error> {
        invoke(DomainInstallReply {
            domain: self.slot(),
            thread: thread.slot(),
            to,
            rights,
        })
    }

    /// Grows the table until it has this many slots.
    ///
    /// # Errors
    /// The error of `DomainGrow`.
    pub fn grow(self, slots: u32) -> Result<(), Error> {
        invoke(DomainGrow {
            domain: self.slot(),
            slots,
        })
    }

    /// Creates a stopped thread.
    ///
    /// # Errors
    /// The error of `ThreadCreate`, or the lack of a free slot.
    pub fn create_thread(self) -> Result<Cap<Thread>, Error> {
        created(|into| {
            invoke(ThreadCreate {
                domain: self.slot(),
                into,
            })
        })
    }

    /// Reads the state of a thread of the frozen domain.
    ///
    /// # Errors
    /// The error of `DomainReadThread`.
    pub fn read_thread(self, thread: ObjectId) -> Result<ThreadState, Error> {
        invoke(DomainReadThread {
            domain: self.slot(),
            thread,
        })?;
        Ok(read_state())
    }

    /// Sets the domain's clock to the machine's plus `offset_ns`; returns the machine's time.
    ///
    /// # Errors
    /// The error of `DomainClock`.
    pub fn set_clock(self, offset_ns: i64) -> Result<u64, Error> {
        invoke(DomainClock {
            domain: self.slot(),
            offset: offset_ns,
        })
    }
}
