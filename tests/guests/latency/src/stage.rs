//! The resources of every scene, which is a series of calls that causes long kernel operations: [`Stage`].

use core::arch::asm;

use runtime::abi::Number;
use runtime::abi::calls::CapabilityCopy;
use runtime::abi::record::List;
use runtime::abi::register::{Access, ObjectId, PageCount, PageIndex, Slot, UserAddress};
use runtime::capability::{Domain, Hardware, Memory, Notification, Pool};
use runtime::system_call::invoke;
use runtime::{Cap, Error, Start, clock};

/// The first scratch slot. The runtime allocates slots from the lowest on, and this guest takes too few to reach this one.
const SCRATCH: u32 = 4096;
const SLOTS: u32 = 8192;

/// The address range for a scene's Memories.
pub const PLAYGROUND: u64 = 0x100_0000_0000;
/// The alignment of mappings.
pub const MAP_STEP: u64 = 2 << 20;

/// A time long enough for threads to block.
const MOMENT_NS: u64 = 20_000_000;

/// Root's initial capabilities, and a table with free slots.
pub struct Stage {
    /// All memory.
    pub pool: Cap<Pool>,
    /// This domain.
    pub domain: Cap<Domain>,
    /// All devices.
    pub hardware: Cap<Hardware>,
    clock: Cap<Notification>,
}

impl Stage {
    /// Takes root's initial capabilities, and grows the table.
    ///
    /// # Errors
    /// The kernel's error.
    pub fn new(start: &Start) -> Result<Stage, Error> {
        let pool = start.require::<Pool>("pool");
        let domain = start.require::<Domain>("domain");
        domain.grow(SLOTS)?;
        Ok(Stage {
            pool,
            domain,
            hardware: start.require::<Hardware>("hardware"),
            clock: pool.create_notification()?,
        })
    }

    /// A pool for a scene, to be destroyed with everything in it.
    ///
    /// # Errors
    /// The kernel's error.
    pub fn split(&self, pages: u64) -> Result<Cap<Pool>, Error> {
        self.pool.split(PageCount(pages))
    }

    /// Lets other threads run for a moment.
    ///
    /// # Errors
    /// The kernel's error.
    pub fn pause(&self) -> Result<(), Error> {
        match self.clock.wait_until_ns(clock::now_ns() + MOMENT_NS) {
            Err(Error::TimedOut) => Ok(()),
            other => other.map(|_| ()),
        }
    }
}

/// The scratch slot with this index.
pub fn scratch(index: u32) -> Slot {
    Slot(SCRATCH + index)
}

/// Announces the next scene to the plugin, by an argument register of the call Null, which has no arguments.
pub fn announce(scene: u64) {
    // SAFETY: the call does nothing; RCX, R11 and the status are lost.
    unsafe {
        asm!("syscall", inlateout("rax") Number::Null as u64 => _, in("rdi") scene,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
}

/// Copies a capability into scratch slots.
///
/// # Errors
/// The kernel's error.
pub fn copy(from: Slot, into: core::ops::Range<u32>) -> Result<(), Error> {
    for index in into {
        invoke(CapabilityCopy {
            from,
            to: scratch(index),
        })?;
    }
    Ok(())
}

/// Maps a whole Memory, readable and writable.
///
/// # Errors
/// The kernel's error.
pub fn map(domain: Cap<Domain>, memory: Cap<Memory>, at: u64, pages: u64) -> Result<(), Error> {
    let access = Access::ReadWrite;
    domain.map(
        memory,
        UserAddress(at),
        PageIndex(0),
        PageCount(pages),
        access,
    )
}

/// Reads a list about a domain to its end, and returns the last record's identity.
///
/// # Errors
/// The kernel's error.
pub fn describe(domain: Cap<Domain>, list: List) -> Result<ObjectId, Error> {
    let mut cursor = Some(0);
    let mut last = 0;
    while let Some(from) = cursor {
        let records = domain.describe(list, from)?;
        last = records.records.last().map_or(last, |record| record[0]);
        cursor = records.next;
    }
    Ok(ObjectId(last))
}
