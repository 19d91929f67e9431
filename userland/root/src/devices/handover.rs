//! Hands a function to its driver as capabilities: regions of registers, an interrupt, and a copy of its configuration space,
//! which the driver itself cannot access.
//!
//! All are created from the driver's pool and end with it. For a function without message-signalled interrupts there is no
//! interrupt: its driver polls it (decision 34). In a safe start that is so for every function.

use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use abi::kind::{InterruptRights, MemoryRights};
use abi::register::{Access, PageCount};
use abi::{Error, PAGE_BYTES};
use runtime::Cap;
use runtime::capability::{Cache, Interrupt, InterruptMessage, Memory, Pool};

use super::bar::{BAR_COUNT, Bar};
use super::configuration::{Address, Configuration};
use super::function::Function;
use super::messages::{self, Messages, MsiXTable};
use super::pages::Pages;
use crate::grant::{Grant, Place};
use crate::handle::Handle;
use crate::layout::{DEVICE_CONFIGURATION, DEVICE_REGION_BYTES, DEVICE_REGISTERS};
use crate::machine::Machine;

/// The capability names of the regions.
const REGION_NAMES: [&str; BAR_COUNT] = ["bar0", "bar1", "bar2", "bar3", "bar4", "bar5"];
/// The size of the configuration space that the ports can access.
const CONFIGURATION_BYTES: usize = 256;
const ONE_PAGE: PageCount = PageCount(1);

/// Offsets in an entry of the MSI-X table.
const ENTRY_ADDRESS: usize = 0;
const ENTRY_DATA: usize = 8;
const ENTRY_CONTROL: usize = 12;
const ENTRY_BYTES: usize = 16;

/// The reason a function cannot be handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandoverError {
    /// The region has no usable bus address, or it is too large for the layout.
    #[error("its region {0} cannot be mapped")]
    Region(usize),
    /// The region is smaller than a page, and the other function has registers in the same page.
    #[error("its region {bar} shares a page with {other}")]
    SharedPage { bar: usize, other: Address },
    /// Its MSI-X table does not lie in a region.
    #[error("it has no usable MSI-X table")]
    NoMsiX,
    /// The kernel refused.
    #[error(transparent)]
    Kernel(#[from] Error),
}

/// A region of registers.
#[derive(Debug)]
struct Region {
    bar: usize,
    memory: Handle<Memory>,
    pages: PageCount,
    /// The offset of its beginning in its pages. A driver reads it from the copy of the configuration space.
    offset: usize,
}

/// Root's capabilities to the objects of a function.
#[derive(Debug)]
pub struct Parts {
    regions: Vec<Region>,
    configuration: Handle<Memory>,
    interrupt: Option<Handle<Interrupt>>,
}

impl Parts {
    /// Creates the objects from the driver's pool and sets the interrupt's message; the function then decodes its regions, but is
    /// not enabled yet.
    ///
    /// # Errors
    /// See [`HandoverError`]. Objects created before the error end with the pool.
    pub fn create(
        machine: &Machine,
        configuration: &impl Configuration,
        functions: &[Function],
        function: &Function,
        pool: Cap<Pool>,
    ) -> Result<Parts, HandoverError> {
        let mut regions = Vec::new();
        for (bar, region) in function.bars(configuration).into_iter().enumerate() {
            if let Some(region) = region {
                let pages = find_pages(configuration, functions, function, bar, region)?;
                regions.push(create_region(machine, pool, bar, pages)?);
            }
        }
        function.enable_decoding(configuration);
        // In a safe start every function is polled: some boards do not deliver messages.
        let messages = match machine.is_safe() {
            true => None,
            false => messages::find(configuration, function.address),
        };
        let interrupt = match messages {
            None => None,
            Some(messages) => {
                let (interrupt, message) = machine.hardware.create_message_interrupt(pool)?;
                match messages {
                    Messages::Msi(msi) => msi.set(configuration, message),
                    Messages::MsiX(table) => write_message(machine, &regions, table, message)?,
                }
                Some(Handle::new(interrupt))
            }
        };
        Ok(Parts {
            regions,
            configuration: copy_configuration(machine, configuration, function, pool)?,
            interrupt,
        })
    }

    /// Whether the function sends its interrupts as messages. If not, its driver polls it.
    pub fn sends_messages(&self) -> bool {
        self.interrupt.is_some()
    }

    /// The driver's grants.
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
        let interrupt = self
            .interrupt
            .as_ref()
            .map(|interrupt| Grant::new("interrupt", **interrupt, InterruptRights::HANDLE));
        regions.chain([configuration]).chain(interrupt)
    }
}

/// The pages of a region, to be handed to its driver.
///
/// # Errors
/// [`HandoverError::Region`] or [`HandoverError::SharedPage`].
pub fn find_pages(
    configuration: &impl Configuration,
    functions: &[Function],
    function: &Function,
    bar: usize,
    region: Bar,
) -> Result<Pages, HandoverError> {
    let pages = Pages::of(region).filter(|_| region.bytes <= DEVICE_REGION_BYTES);
    let pages = pages.ok_or(HandoverError::Region(bar))?;
    if region.bytes < PAGE_BYTES
        && let Some(other) = pages.sharer(configuration, functions, function)
    {
        return Err(HandoverError::SharedPage { bar, other });
    }
    Ok(pages)
}

fn create_region(
    machine: &Machine,
    pool: Cap<Pool>,
    bar: usize,
    pages: Pages,
) -> Result<Region, HandoverError> {
    let Pages {
        start,
        count,
        offset,
    } = pages;
    let hardware = machine.hardware;
    let memory = hardware.create_device_memory(pool, start, count, Cache::Uncached)?;
    Ok(Region {
        bar,
        memory: Handle::new(memory),
        pages: count,
        offset: offset as usize,
    })
}

fn write_message(
    machine: &Machine,
    regions: &[Region],
    table: MsiXTable,
    message: InterruptMessage,
) -> Result<(), HandoverError> {
    let region = regions.iter().find(|region| region.bar == table.bar);
    let region = region.ok_or(HandoverError::NoMsiX)?;
    let at = region.offset + table.offset as usize;
    if at + ENTRY_BYTES > (region.pages.0 * PAGE_BYTES) as usize {
        return Err(HandoverError::NoMsiX);
    }
    let words = [
        (ENTRY_ADDRESS, message.address as u32),
        (ENTRY_ADDRESS + 4, (message.address >> 32) as u32),
        (ENTRY_DATA, message.data),
        // Unmasked.
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
