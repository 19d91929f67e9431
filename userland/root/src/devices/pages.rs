//! The pages of a function's region: [`Pages`]. A region smaller than a page is handed over with the rest of its page, unless
//! another function has registers there.

use abi::PAGE_BYTES;
use abi::register::PageCount;

use super::bar::{self, Bar};
use super::configuration::{Address, Configuration};
use super::function::Function;

/// Whole pages that hold a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pages {
    /// The bus address of the first one.
    pub start: u64,
    pub count: PageCount,
    /// The offset of the region in them.
    pub offset: u64,
}

impl Pages {
    /// The pages of a region; `None` if it has no bus address, or one that is not a multiple of its size.
    pub fn of(region: Bar) -> Option<Pages> {
        let Bar { bus_address, bytes } = region;
        let has_place = bus_address != 0 && bus_address.is_multiple_of(bytes);
        has_place.then_some(Pages {
            start: bus_address & !(PAGE_BYTES - 1),
            count: PageCount(bytes.div_ceil(PAGE_BYTES)),
            offset: bus_address % PAGE_BYTES,
        })
    }

    /// The first other function with a region that begins in these pages. A region that began before these pages and reached into
    /// them would overlap the owner's region, so firmware assigns none.
    pub fn sharer(
        self,
        configuration: &impl Configuration,
        functions: &[Function],
        owner: &Function,
    ) -> Option<Address> {
        let addresses = functions.iter().map(|function| function.address);
        let mut others = addresses.filter(|address| *address != owner.address);
        let end = self.start + self.count.0 * PAGE_BYTES;
        others.find(|address| {
            let mut starts = bar::starts(configuration, *address);
            starts.any(|start| (self.start..end).contains(&start))
        })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::configuration::fake::FakeBus;
    use super::super::function::Identity;
    use super::*;
    use std::vec::Vec;

    fn function(device: u8) -> Function {
        Function {
            address: Address {
                bus: 0,
                device,
                function: 0,
            },
            identity: Identity {
                vendor: 0x10ec,
                device: 0x8139,
            },
        }
    }

    /// The function that shares the page of a 256-byte region at 0xfebd1100 with one of these registers.
    fn sharer(registers: &[(u8, u32)]) -> Option<u8> {
        let mut bus = FakeBus::default();
        let functions: Vec<Function> = (2..5).map(function).collect();
        bus.add(function(2).address, &[(0x14, 0xfebd_1100)]);
        bus.add(function(3).address, &[(0x10, 0xfebd_0000)]);
        bus.add(function(4).address, registers);
        let region = Bar {
            bus_address: 0xfebd_1100,
            bytes: 0x100,
        };
        let pages = Pages::of(region).unwrap();
        let sharer = pages.sharer(&bus, &functions, &functions[0]);
        assert!(bus.writes.borrow().is_empty(), "others may be in use");
        sharer.map(|address| address.device)
    }

    #[test]
    fn a_small_region_is_in_one_page() {
        let pages = |bus_address, bytes| Pages::of(Bar { bus_address, bytes });
        let small = Pages {
            start: 0xfebd_1000,
            count: PageCount(1),
            offset: 0x100,
        };
        assert_eq!(pages(0xfebd_1100, 0x100), Some(small));
        let large = Pages {
            start: 0xfe00_0000,
            count: PageCount(32),
            offset: 0,
        };
        assert_eq!(pages(0xfe00_0000, 0x2_0000), Some(large));
        assert_eq!(pages(0, 0x100), None);
        assert_eq!(pages(0xfe00_1000, 0x2_0000), None);
    }

    #[test]
    fn a_page_without_other_registers_is_not_shared() {
        // A port, a register without an address, a region of another page.
        assert_eq!(
            sharer(&[(0x10, 0x1101), (0x14, 0), (0x18, 0xfebd_2000)]),
            None
        );
    }

    #[test]
    fn a_page_with_another_functions_registers_is_shared() {
        assert_eq!(sharer(&[(0x24, 0xfebd_1200)]), Some(4));
        // Prefetchable.
        assert_eq!(sharer(&[(0x10, 0xfebd_1f08)]), Some(4));
        // A 64-bit address elsewhere, whose upper half is not an address; and an expansion ROM.
        assert_eq!(sharer(&[(0x10, 0xfebd_1204), (0x14, 1)]), None);
        assert_eq!(sharer(&[(0x10, 4), (0x14, 0xfebd_1200)]), None);
        assert_eq!(sharer(&[(0x30, 0xfebd_1801)]), Some(4));
        // A bridge: its further registers are not addresses.
        assert_eq!(sharer(&[(0x0c, 1 << 16), (0x20, 0xfebd_1000)]), None);
        assert_eq!(sharer(&[(0x0c, 1 << 16), (0x38, 0xfebd_1000)]), Some(4));
    }
}
