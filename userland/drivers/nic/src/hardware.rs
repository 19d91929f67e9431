//! The parts of a card that root handed over.

use abi::PAGE_BYTES;
use abi::register::{Access, PageCount};
use runtime::capability::{BusRange, Cap, Domain, Endpoint, Interrupt, Pool};
use runtime::mapping::Mapping;
use runtime::protocol::device::Request;
use runtime::protocol::root::decode_reply;
use runtime::protocol::{Mtu, encode};
use runtime::shared::SharedMemory;
use runtime::{Message, Start};

use crate::dma::{DmaAddress, DmaMemory};
use crate::error::{InitError, NoMastering};
use crate::identity::{CONFIGURATION_BYTES, Identity};
use crate::registers::MappedRegisters;

/// A card's regions and configuration space, and the memory for it.
#[derive(Clone, Copy, Debug)]
pub struct Hardware<'a> {
    start: &'a Start,
    mtu: Mtu,
}

impl<'a> Hardware<'a> {
    /// The hardware that came with this start page, for a port of this MTU.
    pub fn new(start: &'a Start, mtu: Mtu) -> Hardware<'a> {
        Hardware { start, mtu }
    }

    /// The MTU of the driver's port.
    pub fn mtu(&self) -> Mtu {
        self.mtu
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

    /// The region of a base address register. If it is smaller than a page, the rest of the page follows it.
    pub fn region(&self, bar: usize) -> Option<SharedMemory<'static>> {
        const NAMES: [&str; 6] = ["bar0", "bar1", "bar2", "bar3", "bar4", "bar5"];
        let pages = self.start.shared_memory(NAMES.get(bar)?)?;
        let offset = offset_in_page(&self.configuration()?, bar);
        Some(pages.part(offset, pages.bytes() - offset))
    }

    /// Whether root has set up an interrupt of the card.
    pub fn has_interrupt(&self) -> bool {
        self.start.find::<Interrupt>("interrupt").is_some()
    }

    /// Asks root to let the card master the bus. Only [`crate::card::start`] does so, after the card's reset.
    ///
    /// # Errors
    /// The kernel's error or root's refusal.
    pub(crate) fn let_master(&self) -> Result<(), NoMastering> {
        let device: Cap<Endpoint> = self.start.require("device");
        let request = Message::of(encode(&Request::MasterBus).as_slice());
        let reply = device.call_idempotent(&request)?;
        Ok(decode_reply(reply.words())?)
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

/// The offset of a region in its first page, from the base address register in a copy of the configuration space.
fn offset_in_page(configuration: &[u8; CONFIGURATION_BYTES], bar: usize) -> usize {
    const FIRST: usize = 0x10;
    const FLAGS: u16 = 0xf;
    let at = FIRST + 4 * bar;
    let low = u16::from_le_bytes([configuration[at], configuration[at + 1]]);
    usize::from(low & !FLAGS) % PAGE_BYTES as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_may_begin_within_a_page() {
        let mut configuration = [0; CONFIGURATION_BYTES];
        configuration[0x10..0x18].copy_from_slice(&[0x0c, 0xf0, 0xbd, 0xfe, 0, 0x11, 0xbd, 0xfe]);
        assert_eq!(offset_in_page(&configuration, 0), 0);
        assert_eq!(offset_in_page(&configuration, 1), 0x100);
    }
}
