//! What root handed over of a card.

use abi::PAGE_BYTES;
use abi::register::{Access, PageCount};
use runtime::Start;
use runtime::capability::{BusRange, Cap, Domain, Pool};
use runtime::mapping::Mapping;
use runtime::shared::SharedMemory;

use crate::dma::{DmaAddress, DmaMemory};
use crate::error::InitError;
use crate::identity::Identity;
use crate::registers::MappedRegisters;

/// The number of bytes of configuration space that root copies.
pub const CONFIGURATION_BYTES: usize = 256;

/// A card's regions and configuration space, and the memory for it.
#[derive(Debug)]
pub struct Hardware<'a> {
    start: &'a Start,
}

impl<'a> Hardware<'a> {
    /// The hardware that came with this start page.
    pub fn new(start: &'a Start) -> Hardware<'a> {
        Hardware { start }
    }

    /// A copy of the card's configuration space, as it was before the card was enabled.
    pub fn configuration(&self) -> Option<[u8; CONFIGURATION_BYTES]> {
        let copy = self.start.shared_memory("configuration")?;
        let mut bytes = [0; CONFIGURATION_BYTES];
        copy.read(0, &mut bytes);
        Some(bytes)
    }

    /// The card's identity.
    ///
    /// # Errors
    /// [`InitError::NotProvided`].
    pub fn identity(&self) -> Result<Identity, InitError> {
        let configuration = self.configuration().ok_or(InitError::NotProvided)?;
        Ok(Identity::of(&configuration))
    }

    /// The registers in the region of a base address register, at least this many bytes.
    ///
    /// # Errors
    /// [`InitError::NoRegisters`].
    pub fn registers(&self, bar: usize, bytes: usize) -> Result<MappedRegisters, InitError> {
        let region = self.region(bar).filter(|region| region.bytes() >= bytes);
        region
            .map(MappedRegisters::new)
            .ok_or(InitError::NoRegisters)
    }

    /// The region of a base address register.
    pub fn region(&self, bar: usize) -> Option<SharedMemory<'static>> {
        const NAMES: [&str; 6] = ["bar0", "bar1", "bar2", "bar3", "bar4", "bar5"];
        self.start.shared_memory(NAMES.get(bar)?)
    }

    /// Allocates zeroed memory for DMA from the driver's pool, at least this large and at an address in this range.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn dma_memory(&self, bytes: usize, within: BusRange) -> Result<DmaMemory, abi::Error> {
        let pool: Cap<Pool> = self.start.require("pool");
        let domain: Cap<Domain> = self.start.require("domain");
        let pages = PageCount((bytes as u64).div_ceil(PAGE_BYTES));
        let (memory, address) = pool.create_contiguous_memory(pages, within)?;
        let mapping = Mapping::new(domain, memory, pages, Access::ReadWrite)?;
        Ok(DmaMemory::new(mapping.leak(), DmaAddress::new(address)))
    }
}
