//! What a Domain can do: be filled with memory, capabilities and threads; be frozen, read and retired.
//!
//! | file | noun |
//! | --- | --- |
//! | `freeze` | a domain that is frozen, retired and thawed |
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
use abi::register::{Access, ObjectId, PageCount, Slot, UserAddress};
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
    /// What `DomainMap` says.
    pub fn map(
        self,
        memory: Cap<Memory>,
        address: UserAddress,
        first_page: PageCount,
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

    /// Maps pages of the Memory in a slot of the domain's own table, below what that slot holds.
    ///
    /// # Errors
    /// What `DomainMapOwn` says.
    pub fn map_own(
        self,
        memory: Slot,
        address: UserAddress,
        first_page: PageCount,
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

    /// Puts a copy of what a slot of the domain's own table holds into an object, below what that slot holds.
    ///
    /// # Errors
    /// What `DomainHold` says.
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

    /// Unmaps the mapping that begins at this address.
    ///
    /// # Errors
    /// What `DomainUnmap` says.
    pub fn unmap(self, address: UserAddress) -> Result<(), Error> {
        invoke(DomainUnmap {
            domain: self.slot(),
            address,
        })
    }

    /// Copies one of the caller's capabilities into the domain's table.
    ///
    /// # Errors
    /// What `DomainInstall` says.
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
    /// What `DomainRemove` says.
    pub fn remove(self, slot: Slot) -> Result<(), Error> {
        invoke(DomainRemove {
            domain: self.slot(),
            slot,
        })
    }

    /// Derives inside the domain's table.
    ///
    /// # Errors
    /// What `DomainDerive` says.
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

    /// The object that a slot of the domain's table refers to.
    ///
    /// # Errors
    /// What `CapabilityIdentify` says.
    pub fn identify(self, slot: Slot) -> Result<ObjectId, Error> {
        invoke(CapabilityIdentify {
            domain: self.slot(),
            slot,
        })
        .map(ObjectId)
    }

    /// Puts the reply right for an awaiting thread of the frozen domain into the domain's table: with `GRANT` as over an
    /// endpoint, or no rights.
    ///
    /// # Errors
    /// What `DomainInstallReply` says.
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
    /// What `DomainGrow` says.
    pub fn grow(self, slots: u32) -> Result<(), Error> {
        invoke(DomainGrow {
            domain: self.slot(),
            slots,
        })
    }

    /// Makes a stopped thread.
    ///
    /// # Errors
    /// What `ThreadCreate` says, or that no slot is free.
    pub fn create_thread(self) -> Result<Cap<Thread>, Error> {
        created(|into| {
            invoke(ThreadCreate {
                domain: self.slot(),
                into,
            })
        })
    }

    /// Reads a thread of the frozen domain.
    ///
    /// # Errors
    /// What `DomainReadThread` says.
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
    /// What `DomainClock` says.
    pub fn set_clock(self, offset_ns: i64) -> Result<u64, Error> {
        invoke(DomainClock {
            domain: self.slot(),
            offset: offset_ns,
        })
    }
}
