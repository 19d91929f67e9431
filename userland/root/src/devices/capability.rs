//! The list of capabilities in a function's configuration space (PCI Local Bus 3.0, 6.7).
//!
//! The iterator of the crate `pci_types` never returns if the list is circular and its entries are null (decision 8).

use super::configuration::{Address, Configuration, read_half};

const STATUS: u8 = 0x06;
const STATUS_HAS_LIST: u16 = 1 << 4;
const FIRST: u8 = 0x34;
/// The number of capabilities that fit into the space: a longer list is circular.
const CAPABILITIES_MAX: usize = 48;

/// The size of the space.
pub const SPACE_BYTES: usize = 256;

/// A kind of capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    id: u8,
    /// The size of the part that root uses, at least.
    bytes: usize,
}

/// PCI Express.
pub const EXPRESS: Kind = Kind {
    id: 0x10,
    bytes: 12,
};
/// Advanced features of a function that is not on PCI Express.
pub const ADVANCED: Kind = Kind { id: 0x13, bytes: 8 };
/// Power management.
pub const POWER: Kind = Kind { id: 0x01, bytes: 8 };
/// Message-signalled interrupts with one message, in configuration space.
pub const MSI: Kind = Kind {
    id: 0x05,
    bytes: 12,
};
/// Message-signalled interrupts with a table.
pub const MSI_X: Kind = Kind {
    id: 0x11,
    bytes: 12,
};
/// The vendor's own, of which virtio has several.
pub const VENDOR: Kind = Kind {
    id: 0x09,
    bytes: 12,
};

/// The offset of the first capability of this kind.
pub fn find(configuration: &impl Configuration, address: Address, wanted: Kind) -> Option<u8> {
    all(configuration, address, wanted).next()
}

/// The offsets of all capabilities of this kind. One that reaches beyond the end of the space is left out: what seems to be its end is at the
/// beginning of the space, where the command register is.
pub fn all(
    configuration: &impl Configuration,
    address: Address,
    wanted: Kind,
) -> impl Iterator<Item = u8> {
    let has_list = read_half(configuration, address, STATUS) & STATUS_HAS_LIST != 0;
    let mut offset = match has_list {
        true => configuration.read(address, FIRST) as u8 & !3,
        false => 0,
    };
    let list = core::iter::from_fn(move || {
        if offset < 0x40 {
            return None;
        }
        let [id, next, ..] = configuration.read(address, offset).to_le_bytes();
        let entry = (id, offset);
        offset = next & !3;
        Some(entry)
    });
    let list = list.take(CAPABILITIES_MAX);
    list.filter_map(move |(id, offset)| {
        let fits = usize::from(offset) + wanted.bytes <= SPACE_BYTES;
        (id == wanted.id && fits).then_some(offset)
    })
}

#[cfg(test)]
mod tests {
    use super::super::configuration::fake::FakeBus;
    use super::*;

    const ADDRESS: Address = Address {
        bus: 0,
        device: 1,
        function: 0,
    };

    fn bus(registers: &[(u8, u32)]) -> FakeBus {
        let mut bus = FakeBus::default();
        bus.add(ADDRESS, registers);
        bus
    }

    #[test]
    fn finds_a_capability_of_the_list() {
        let bus = bus(&[
            (0x04, 0x0010_0000),
            (0x34, 0x40),
            (0x40, 0x5009),
            (0x50, 0x0011),
        ]);
        assert_eq!(find(&bus, ADDRESS, MSI_X), Some(0x50));
        assert_eq!(find(&bus, ADDRESS, EXPRESS), None);
    }

    #[test]
    fn finds_all_capabilities_of_a_kind() {
        let bus = bus(&[
            (0x04, 0x0010_0000),
            (0x34, 0x40),
            (0x40, 0x5009),
            (0x50, 0x6011),
            (0x60, 0x0009),
        ]);
        assert!(all(&bus, ADDRESS, VENDOR).eq([0x40, 0x60]));
    }

    #[test]
    fn a_capability_that_does_not_fit_into_the_space_is_not_found() {
        for kind in [EXPRESS, MSI, MSI_X, VENDOR] {
            for (offset, is_found) in [(0xfc, false), (0xf8, false), (0xf4, true)] {
                let header = u32::from(kind.id);
                let bus = bus(&[
                    (0x04, 0x0010_0000),
                    (0x34, u32::from(offset)),
                    (offset, header),
                ]);
                let found = find(&bus, ADDRESS, kind);
                assert_eq!(found, is_found.then_some(offset), "{kind:?}");
            }
        }
    }

    #[test]
    fn without_the_status_bit_there_is_no_list() {
        let bus = bus(&[(0x34, 0x40), (0x40, 0x0011)]);
        assert_eq!(find(&bus, ADDRESS, MSI_X), None);
    }

    #[test]
    fn the_search_of_a_circular_list_ends() {
        let bus = bus(&[(0x04, 0x0010_0000), (0x34, 0x40), (0x40, 0x4009)]);
        assert_eq!(find(&bus, ADDRESS, MSI_X), None);
    }
}
