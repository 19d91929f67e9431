//! The parts of a function as capabilities of its driver: regions of registers, an interrupt, and a copy of its
//! configuration space, which the driver itself cannot reach.
//!
//! All are made from the driver's pool and end with it. The interrupt's message is the table's entry 0.

use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::Ordering;

use abi::kind::{InterruptRights, MemoryRights};
use abi::register::{Access, PageCount};
use abi::{Error, PAGE_BYTES};
use runtime::Cap;
use runtime::capability::{Cache, Interrupt, InterruptMessage, Memory, Pool};

use super::bar::{BAR_COUNT, Bar};
use super::configuration::Configuration;
use super::function::{Function, MessageTable};
use crate::grant::{Grant, Place};
use crate::handle::Handle;
use crate::layout::{DEVICE_CONFIGURATION, DEVICE_REGION_BYTES, DEVICE_REGISTERS};
use crate::machine::Machine;

/// What the regions are called.
const REGION_NAMES: [&str; BAR_COUNT] = ["bar0", "bar1", "bar2", "bar3", "bar4", "bar5"];
/// Bytes of configuration space that the ports reach.
const CONFIGURATION_BYTES: usize = 256;
const ONE_PAGE: PageCount = PageCount(1);

/// Where in the table's entry what is written.
const ENTRY_ADDRESS: usize = 0;
const ENTRY_DATA: usize = 8;
const ENTRY_CONTROL: usize = 12;
const ENTRY_BYTES: usize = 16;

/// Why a function cannot be handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotHandedOver {
    /// The firmware gave a region no place that a page table can show, or it is too large for the layout.
    Region(usize),
    /// It has no table of interrupt messages.
    NoMessages,
    /// The kernel refused.
    Kernel(Error),
}

impl From<Error> for NotHandedOver {
    fn from(error: Error) -> NotHandedOver {
        NotHandedOver::Kernel(error)
    }
}

impl fmt::Display for NotHandedOver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotHandedOver::Region(bar) => {
                write!(
                    formatter,
                    "its region {bar} is at no place that can be mapped"
                )
            }
            NotHandedOver::NoMessages => formatter.write_str("it cannot interrupt by message"),
            NotHandedOver::Kernel(error) => error.fmt(formatter),
        }
    }
}

/// A region of registers.
#[derive(Debug)]
struct Region {
    bar: usize,
    memory: Handle<Memory>,
    pages: PageCount,
}

/// A function's parts, as root's capabilities.
#[derive(Debug)]
pub struct Parts {
    regions: Vec<Region>,
    configuration: Handle<Memory>,
    interrupt: Handle<Interrupt>,
}

impl Parts {
    /// Makes the parts from the driver's pool and sets the interrupt's message; the function answers then, and is
    /// not enabled yet.
    ///
    /// # Errors
    /// [`NotHandedOver`] says why not. What was made ends with the pool.
    pub fn make(
        machine: &Machine,
        configuration: &impl Configuration,
        function: &Function,
        pool: Cap<Pool>,
    ) -> Result<Parts, NotHandedOver> {
        let table = function.message_table(configuration);
        let table = table.ok_or(NotHandedOver::NoMessages)?;
        let mut regions = Vec::new();
        for (bar, region) in function.bars(configuration).into_iter().enumerate() {
            if let Some(region) = region {
                regions.push(make_region(machine, pool, bar, region)?);
            }
        }
        function.answer(configuration);
        let (interrupt, message) = machine.hardware.create_message_interrupt(pool)?;
        write_message(machine, &regions, table, message)?;
        Ok(Parts {
            regions,
            configuration: copy_configuration(machine, configuration, function, pool)?,
            interrupt: Handle::new(interrupt),
        })
    }

    /// What the driver is given.
    pub fn grants<'a>(&self) -> impl Iterator<Item = Grant<'a>> {
        let read_write = MemoryRights::READ | MemoryRights::WRITE;
        let regions = self.regions.iter().map(move |region| {
            let place = Place {
                address: DEVICE_REGISTERS + region.bar as u64 * DEVICE_REGION_BYTES,
                pages: region.pages,
                access: Access::ReadWrite,
            };
            Grant::new(REGION_NAMES[region.bar], *region.memory, read_write).mapped(place)
        });
        let place = Place {
            address: DEVICE_CONFIGURATION,
            pages: ONE_PAGE,
            access: Access::Read,
        };
        let configuration =
            Grant::new("configuration", *self.configuration, MemoryRights::READ).mapped(place);
        let interrupt = Grant::new("interrupt", *self.interrupt, InterruptRights::HANDLE);
        regions.chain([configuration, interrupt])
    }
}

fn make_region(
    machine: &Machine,
    pool: Cap<Pool>,
    bar: usize,
    region: Bar,
) -> Result<Region, NotHandedOver> {
    let Bar { bus_address, bytes } = region;
    let whole_pages = bus_address.is_multiple_of(PAGE_BYTES) && bytes >= PAGE_BYTES;
    if bus_address == 0 || !whole_pages || bytes > DEVICE_REGION_BYTES {
        return Err(NotHandedOver::Region(bar));
    }
    let pages = PageCount(bytes / PAGE_BYTES);
    let memory =
        machine
            .hardware
            .create_device_memory(pool, bus_address, pages, Cache::Uncached)?;
    Ok(Region {
        bar,
        memory: Handle::new(memory),
        pages,
    })
}

fn write_message(
    machine: &Machine,
    regions: &[Region],
    table: MessageTable,
    message: InterruptMessage,
) -> Result<(), NotHandedOver> {
    let region = regions.iter().find(|region| region.bar == table.bar);
    let region = region.ok_or(NotHandedOver::NoMessages)?;
    let at = table.offset as usize;
    if at + ENTRY_BYTES > (region.pages.0 * PAGE_BYTES) as usize {
        return Err(NotHandedOver::NoMessages);
    }
    let words = [
        (ENTRY_ADDRESS, message.address as u32),
        (ENTRY_ADDRESS + 4, (message.address >> 32) as u32),
        (ENTRY_DATA, message.data),
        // Not masked.
        (ENTRY_CONTROL, 0),
    ];
    machine.write_to(*region.memory, region.pages, |memory| {
        for (offset, word) in words {
            memory.word32(at + offset).store(word, Ordering::Relaxed);
        }
    })?;
    Ok(())
}

fn copy_configuration(
    machine: &Machine,
    configuration: &impl Configuration,
    function: &Function,
    pool: Cap<Pool>,
) -> Result<Handle<Memory>, Error> {
    let copy = Handle::new(pool.create_populated_memory(ONE_PAGE)?);
    machine.write_to(*copy, ONE_PAGE, |memory| {
        for offset in (0..CONFIGURATION_BYTES).step_by(4) {
            let value = configuration.read(function.address, offset as u8);
            memory.word32(offset).store(value, Ordering::Relaxed);
        }
    })?;
    Ok(copy)
}
