//! The Ethernet address of a network card. Root reads it from the card's registers while no driver has the card. It may identify
//! the machine in its fleet.
//!
//! For each vendor, all cards that Caravan has a driver for keep the address at the same place: [`Place`].

use core::sync::atomic::Ordering;

use abi::register::Access;
use abi::{Error, PAGE_BYTES};
use runtime::capability::Cache;
use runtime::mapping::Mapping;
use runtime::protocol::Mac;

use super::bar::{BAR_COUNT, Bar};
use super::capability::{self, VENDOR};
use super::configuration::Configuration;
use super::function::Function;
use super::handover::{HandoverError, find_pages};
use super::pages::Pages;
use crate::machine::Machine;

const VIRTIO: u16 = 0x1af4;
const INTEL: u16 = 0x8086;
const REALTEK: u16 = 0x10ec;
const VMWARE: u16 = 0x15ad;

/// The fields of a virtio capability: the kind of its registers, their region, and their offset in the region (virtio 1.2,
/// 4.1.4).
const VIRTIO_KIND: u32 = 3;
const VIRTIO_REGION: u8 = 4;
const VIRTIO_OFFSET: u8 = 8;
/// The kind of the registers that are specific to the type of device. Those of a network card begin with its address.
const VIRTIO_DEVICE: u8 = 4;

/// The offsets of the registers with the first four and the last two bytes of the address, in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    bar: usize,
    low: usize,
    high: usize,
}

/// The reason the address of a card cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StationError {
    /// The card's configuration space does not lead to registers with the address.
    #[error("the registers with it are not found")]
    NoRegisters,
    /// Root cannot map the registers.
    #[error(transparent)]
    Handover(#[from] HandoverError),
    /// The registers have zero or the address of a group.
    #[error("the registers do not have the address of a card")]
    Invalid,
}

/// Reads a card's address. Decoding and bus mastering of the card must be disabled before the call, and are disabled after it.
///
/// # Errors
/// See [`StationError`].
pub fn read(
    machine: &Machine,
    configuration: &impl Configuration,
    functions: &[Function],
    function: &Function,
) -> Result<Mac, StationError> {
    let (pages, place) = find_registers(configuration, functions, function)?;
    function.enable_decoding(configuration);
    let words = read_words(machine, pages, [place.low, place.high]);
    function.cut_off(configuration);
    address_in(words.map_err(HandoverError::Kernel)?).ok_or(StationError::Invalid)
}

/// The registers with the address, and the pages of their region.
fn find_registers(
    configuration: &impl Configuration,
    functions: &[Function],
    function: &Function,
) -> Result<(Pages, Place), StationError> {
    let bars = function.bars(configuration);
    let place = find_place(configuration, function, &bars).ok_or(StationError::NoRegisters)?;
    let region = bars.get(place.bar).copied().flatten();
    let region = region.ok_or(StationError::NoRegisters)?;
    let pages = find_pages(configuration, functions, function, place.bar, region)?;
    let end = pages.offset as usize + place.high + 4;
    if end > (pages.count.0 * PAGE_BYTES) as usize {
        return Err(StationError::NoRegisters);
    }
    Ok((pages, place))
}

fn find_place(
    configuration: &impl Configuration,
    function: &Function,
    bars: &[Option<Bar>; BAR_COUNT],
) -> Option<Place> {
    let (bar, low, high) = match function.identity.vendor {
        VIRTIO => {
            let (bar, offset) = find_virtio_registers(configuration, function)?;
            (bar, offset, offset + 4)
        }
        INTEL => (0, 0x5400, 0x5404),
        REALTEK => (bars.iter().position(Option::is_some)?, 0, 4),
        VMWARE => (1, 0x28, 0x30),
        _ => return None,
    };
    Some(Place { bar, low, high })
}

/// The region and the offset of the registers that are specific to virtio network cards.
fn find_virtio_registers(
    configuration: &impl Configuration,
    function: &Function,
) -> Option<(usize, usize)> {
    let address = function.address;
    let kind = |offset: u8| (configuration.read(address, offset) >> (8 * VIRTIO_KIND)) as u8;
    let mut found = capability::all(configuration, address, VENDOR);
    let found = found.find(|offset| kind(*offset) == VIRTIO_DEVICE && *offset < 0xf0)?;
    let bar = configuration.read(address, found + VIRTIO_REGION) as u8;
    let offset = configuration.read(address, found + VIRTIO_OFFSET) as usize;
    // The offset may be beyond the region: `read` checks it.
    let is_word = offset.is_multiple_of(4);
    is_word.then_some((usize::from(bar), offset))
}

/// Reads registers at these offsets of a region.
fn read_words<const COUNT: usize>(
    machine: &Machine,
    pages: Pages,
    offsets: [usize; COUNT],
) -> Result<[u32; COUNT], Error> {
    let Pages {
        start,
        count,
        offset,
    } = pages;
    let memory =
        machine
            .hardware
            .create_device_memory(machine.pool, start, count, Cache::Uncached)?;
    let read = Mapping::new(machine.domain, memory, count, Access::Read).map(|mapping| {
        let registers = mapping.memory();
        offsets.map(|at| {
            registers
                .word32(offset as usize + at)
                .load(Ordering::Relaxed)
        })
    });
    memory.destroy()?;
    read
}

/// The address in the two registers; `None` if it is zero or the address of a group.
fn address_in([low, high]: [u32; 2]) -> Option<Mac> {
    let [a, b, c, d] = low.to_le_bytes();
    let [e, f, ..] = high.to_le_bytes();
    let mac = Mac([a, b, c, d, e, f]);
    (mac != Mac([0; 6]) && !mac.is_group()).then_some(mac)
}

#[cfg(test)]
mod tests {
    use super::super::configuration::Address;
    use super::super::configuration::fake::FakeBus;
    use super::super::function::Identity;
    use super::*;

    const ADDRESS: Address = Address {
        bus: 0,
        device: 2,
        function: 0,
    };

    /// The place of the address in a vendor's card with this configuration space and a region at `bar`.
    fn place_of(vendor: u16, registers: &[(u8, u32)], bar: usize) -> Option<Place> {
        let mut bus = FakeBus::default();
        bus.add(ADDRESS, registers);
        let identity = Identity { vendor, device: 1 };
        let mut bars = [None; BAR_COUNT];
        bars[bar] = Some(Bar {
            bus_address: 0xfe00_0000,
            bytes: 0x1000,
        });
        let address = ADDRESS;
        find_place(&bus, &Function { address, identity }, &bars)
    }

    #[test]
    fn the_address_is_at_its_vendors_place() {
        let place = |bar, low, high| Some(Place { bar, low, high });
        assert_eq!(place_of(INTEL, &[], 0), place(0, 0x5400, 0x5404));
        assert_eq!(place_of(REALTEK, &[], 2), place(2, 0, 4));
        assert_eq!(place_of(VMWARE, &[], 1), place(1, 0x28, 0x30));
        assert_eq!(place_of(0x1234, &[], 0), None);
    }

    #[test]
    fn a_virtio_card_describes_the_place_in_its_configuration() {
        let registers = [
            (0x04, 0x0010_0000),
            (0x34, 0x40),
            // The common registers, then the specific ones.
            (0x40, 0x0110_5009),
            (0x50, 0x0410_0009),
            (0x54, 4),
            (0x58, 0x2000),
        ];
        let expected = Place {
            bar: 4,
            low: 0x2000,
            high: 0x2004,
        };
        assert_eq!(place_of(VIRTIO, &registers, 4), Some(expected));
        assert_eq!(place_of(VIRTIO, &registers[..3], 4), None);
    }

    /// The outcome for a card with 256 bytes of registers, whose page another function's registers begin in or do not.
    fn registers_beside(others_register: u32) -> Result<(Pages, Place), StationError> {
        let mut bus = FakeBus::default();
        let card = Function {
            address: ADDRESS,
            identity: Identity {
                vendor: REALTEK,
                device: 0x8139,
            },
        };
        let other = Function {
            address: Address { bus: 1, ..ADDRESS },
            ..card
        };
        bus.add(card.address, &[(0x14, 0xfebd_1100)]);
        for (offset, size_mask) in [
            (0x10, 0),
            (0x14, 0xffff_ff00),
            (0x18, 0),
            (0x1c, 0),
            (0x20, 0),
            (0x24, 0),
        ] {
            bus.mask(card.address, offset, size_mask);
        }
        bus.add(other.address, &[(0x10, others_register)]);
        find_registers(&bus, &[card, other], &card)
    }

    #[test]
    fn a_shared_page_is_the_reason_that_an_address_cannot_be_read() {
        let (pages, place) = registers_beside(0xfebd_2000).expect("a page of its own");
        assert_eq!((pages.offset, place.bar), (0x100, 1));
        let error = registers_beside(0xfebd_1200).expect_err("a shared page");
        assert_eq!(
            alloc::format!("{error}"),
            "its region 1 shares a page with 01:02.0"
        );
    }

    #[test]
    fn registers_without_the_address_of_one_card_have_none() {
        let words = [0xca00_5452, 0x8000_017a];
        assert_eq!(address_in(words), Some(Mac([0x52, 0x54, 0, 0xca, 0x7a, 1])));
        assert_eq!(address_in([0, 0x8000_0000]), None);
        assert_eq!(address_in([u32::MAX; 2]), None);
    }
}
