//! Base address registers: the bus addresses and sizes of a function's regions.
//!
//! The crate `pci_types` reads them too, but panics on a reserved kind of register (decision 8).

use runtime::protocol::inventory::{REGION_COUNT, Region};

use super::configuration::{Address, Configuration};

/// The number of base address registers per function.
pub const BAR_COUNT: usize = REGION_COUNT;

const FIRST: u8 = 0x10;
const PORTS: u32 = 1;
const KIND: u32 = 0b110;
const KIND_64: u32 = 0b100;
const FLAGS: u32 = 0xf;
const PORT_FLAGS: u32 = 0b11;

const HEADER: u8 = 0x0c;
const HEADER_KIND: u32 = 0x7f << 16;
const HEADER_DEVICE: u32 = 0;
const HEADER_BRIDGE: u32 = 1 << 16;
const DEVICE_ROM: u8 = 0x30;
const BRIDGE_ROM: u8 = 0x38;
const ROM_FLAGS: u32 = 0x7ff;

/// A memory region of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Its bus address as assigned by the firmware; zero if it has none.
    pub bus_address: u64,
    /// Its size, a power of two.
    pub bytes: u64,
}

/// The current registers, to be restored after a reset.
pub fn save(configuration: &impl Configuration, address: Address) -> [u32; BAR_COUNT] {
    core::array::from_fn(|index| configuration.read(address, offset(index)))
}

/// Writes saved registers back.
pub fn restore(configuration: &impl Configuration, address: Address, saved: [u32; BAR_COUNT]) {
    for (index, value) in saved.into_iter().enumerate() {
        configuration.write(address, offset(index), value);
    }
}

/// The offset of a register in configuration space.
fn offset(index: usize) -> u8 {
    FIRST + 4 * index as u8
}

/// Reads a function's memory regions. The function must not be in use: their sizes are found by writing all ones to the
/// registers.
pub fn read_all(configuration: &impl Configuration, address: Address) -> [Option<Bar>; BAR_COUNT] {
    let mut bars = [None; BAR_COUNT];
    let mut index = 0;
    while index < BAR_COUNT {
        let offset = offset(index);
        let low = configuration.read(address, offset);
        let wide = low & PORTS == 0 && low & KIND == KIND_64 && index + 1 < BAR_COUNT;
        if low & PORTS == 0 {
            bars[index] = read(configuration, address, offset, wide);
        }
        index += if wide { 2 } else { 1 };
    }
    bars
}

/// The number of base address registers of the function at `address`, and the register of its expansion ROM.
fn registers_of(configuration: &impl Configuration, address: Address) -> (usize, Option<u8>) {
    match configuration.read(address, HEADER) & HEADER_KIND {
        HEADER_DEVICE => (BAR_COUNT, Some(DEVICE_ROM)),
        HEADER_BRIDGE => (2, Some(BRIDGE_ROM)),
        _ => (1, None),
    }
}

/// The beginnings of the regions of the function at `address`. Nothing is written, so the function may be in use.
pub fn regions(configuration: &impl Configuration, address: Address) -> [Region; BAR_COUNT] {
    let (count, _) = registers_of(configuration, address);
    let register = |index| configuration.read(address, offset(index));
    let mut regions = [Region::None; BAR_COUNT];
    let mut index = 0;
    while index < count {
        let low = register(index);
        let is_memory = low & PORTS == 0;
        let wide = is_memory && low & KIND == KIND_64 && index + 1 < count;
        let high = if wide { register(index + 1) } else { 0 };
        let start = u64::from(high) << 32 | u64::from(low & !FLAGS);
        regions[index] = match (is_memory, start) {
            (true, 0) => Region::None,
            (true, start) => Region::Memory(start),
            (false, _) => match (low & !PORT_FLAGS) as u16 {
                0 => Region::None,
                port => Region::Ports(port),
            },
        };
        index += if wide { 2 } else { 1 };
    }
    regions
}

/// The bus addresses at which the memory regions and the expansion ROM of the function at `address` begin. Nothing is written, so
/// the function may be in use.
pub fn starts(configuration: &impl Configuration, address: Address) -> impl Iterator<Item = u64> {
    let regions = regions(configuration, address).into_iter();
    let memory = regions.filter_map(|region| match region {
        Region::Memory(start) => Some(start),
        _ => None,
    });
    let (_, rom) = registers_of(configuration, address);
    let rom = rom.map(|rom| u64::from(configuration.read(address, rom) & !ROM_FLAGS));
    memory.chain(rom.filter(|start| *start != 0))
}

fn read(
    configuration: &impl Configuration,
    address: Address,
    offset: u8,
    wide: bool,
) -> Option<Bar> {
    let (low, low_mask) = probe(configuration, address, offset);
    let (high, high_mask) = if wide {
        probe(configuration, address, offset + 4)
    } else {
        (0, u32::MAX)
    };
    let mask = u64::from(high_mask) << 32 | u64::from(low_mask & !FLAGS);
    if low_mask & !FLAGS == 0 && (!wide || high_mask == 0) {
        return None;
    }
    Some(Bar {
        bus_address: u64::from(high) << 32 | u64::from(low & !FLAGS),
        bytes: mask & mask.wrapping_neg(),
    })
}

/// A register's value and its writable bits.
fn probe(configuration: &impl Configuration, address: Address, offset: u8) -> (u32, u32) {
    let value = configuration.read(address, offset);
    configuration.write(address, offset, u32::MAX);
    let mask = configuration.read(address, offset);
    configuration.write(address, offset, value);
    (value, mask)
}

#[cfg(test)]
mod tests {
    use super::super::configuration::fake::FakeBus;
    use super::*;

    const ADDRESS: Address = Address {
        bus: 0,
        device: 2,
        function: 0,
    };

    #[test]
    fn reads_narrow_wide_and_port_regions() {
        let mut bus = FakeBus::default();
        bus.add(
            ADDRESS,
            &[
                (0x10, 0xc001),
                (0x14, 0xfebd_1000),
                (0x20, 0xe000_000c),
                (0x24, 0x12),
            ],
        );
        bus.mask(ADDRESS, 0x14, 0xffff_f000);
        bus.mask(ADDRESS, 0x18, 0);
        bus.mask(ADDRESS, 0x1c, 0);
        bus.mask(ADDRESS, 0x20, 0xffff_c000);
        let bars = read_all(&bus, ADDRESS);
        assert_eq!(bars[0], None);
        assert_eq!(
            bars[1],
            Some(Bar {
                bus_address: 0xfebd_1000,
                bytes: 0x1000
            })
        );
        assert_eq!((bars[2], bars[3], bars[5]), (None, None, None));
        assert_eq!(
            bars[4],
            Some(Bar {
                bus_address: 0x12_e000_0000,
                bytes: 0x4000
            })
        );
    }

    #[test]
    fn the_beginnings_of_regions_are_read_without_a_write() {
        let mut bus = FakeBus::default();
        let registers = [
            (0x10, 0xc001),
            (0x14, 0xfebd_1008),
            (0x1c, 0xe000_000c),
            (0x20, 0x12),
            (0x24, 1),
        ];
        bus.add(ADDRESS, &registers);
        let expected = [
            Region::Ports(0xc000),
            Region::Memory(0xfebd_1000),
            Region::None,
            Region::Memory(0x12_e000_0000),
            Region::None,
            Region::None,
        ];
        assert_eq!(regions(&bus, ADDRESS), expected);
        assert!(bus.writes.borrow().is_empty());
    }

    #[test]
    fn leaves_the_registers_as_they_were() {
        let mut bus = FakeBus::default();
        bus.add(ADDRESS, &[(0x14, 0xfebd_1000)]);
        bus.mask(ADDRESS, 0x14, 0xffff_f000);
        read_all(&bus, ADDRESS);
        assert_eq!(bus.read(ADDRESS, 0x14), 0xfebd_1000);
    }
}
