//! The reset of one function (Function Level Reset): that of PCI Express (PCI Express Base 4.0, 6.6.2), or that of the capability for advanced
//! features, which functions of a chipset have (Advanced Capabilities for Conventional PCI, 2006).
//!
//! ```text
//! PCI Express         4 device: u32, bit 28 can reset     8 control: u16, bit 15 resets
//! advanced features   3 features: u8, bit 1 can reset     4 control: u8, bit 0 resets
//! ```

use super::capability::{self, ADVANCED, EXPRESS};
use super::configuration::{Address, Configuration, read_half, write_half};

/// The time that a reset takes, during which the function must not be accessed. Afterwards it may not be ready for some time longer.
pub const RESET_NS: u64 = 100_000_000;

const EXPRESS_DEVICE: u8 = 4;
const EXPRESS_CAN_RESET: u32 = 1 << 28;
const EXPRESS_CONTROL: u8 = 8;
const EXPRESS_RESET: u16 = 1 << 15;

const ADVANCED_CAN_RESET: u32 = 1 << 25;
const ADVANCED_CONTROL: u8 = 4;
const ADVANCED_RESET: u32 = 1;

/// The register that resets a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// The control of its capability for PCI Express, at this offset.
    Express(u8),
    /// The control of its capability for advanced features, at this offset.
    Advanced(u8),
}

impl Reset {
    /// The way to reset the function at an address, if there is one.
    pub fn find(configuration: &impl Configuration, address: Address) -> Option<Reset> {
        if let Some(offset) = capability::find(configuration, address, EXPRESS) {
            let device = configuration.read(address, offset + EXPRESS_DEVICE);
            if device & EXPRESS_CAN_RESET != 0 {
                return Some(Reset::Express(offset + EXPRESS_CONTROL));
            }
        }
        let offset = capability::find(configuration, address, ADVANCED)?;
        let features = configuration.read(address, offset);
        (features & ADVANCED_CAN_RESET != 0).then_some(Reset::Advanced(offset + ADVANCED_CONTROL))
    }

    /// Begins the reset.
    pub fn begin(self, configuration: &impl Configuration, address: Address) {
        match self {
            Reset::Express(control) => {
                let reset = read_half(configuration, address, control) | EXPRESS_RESET;
                write_half(configuration, address, control, 0, reset);
            }
            Reset::Advanced(control) => configuration.write(address, control, ADVANCED_RESET),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::configuration::fake::FakeBus;
    use super::*;

    const ADDRESS: Address = Address {
        bus: 0,
        device: 3,
        function: 0,
    };

    /// The reset of a function with these two capabilities: the first registers of each.
    fn reset(express: [u32; 2], advanced: u32) -> (Option<Reset>, FakeBus) {
        let mut bus = FakeBus::default();
        bus.add(
            ADDRESS,
            &[
                (0x04, 0x0010_0000),
                (0x34, 0x40),
                (0x40, express[0] | 0x5000),
                (0x44, express[1]),
                (0x50, advanced),
            ],
        );
        let reset = Reset::find(&bus, ADDRESS);
        if let Some(reset) = reset {
            reset.begin(&bus, ADDRESS);
        }
        (reset, bus)
    }

    #[test]
    fn a_function_on_express_or_with_advanced_features_may_have_a_reset() {
        let (found, bus) = reset([0x10, EXPRESS_CAN_RESET], 0);
        assert_eq!(found, Some(Reset::Express(0x48)));
        assert_eq!(bus.read(ADDRESS, 0x48), 1 << 15);
        for express in [0x10, 0x05] {
            let (found, bus) = reset([express, 0], 0x0306_0013);
            assert_eq!(found, Some(Reset::Advanced(0x54)));
            assert_eq!(bus.read(ADDRESS, 0x54), 1);
        }
    }

    #[test]
    fn a_function_without_a_reset_is_not_written() {
        for advanced in [0x0106_0013, 0x0306_0009] {
            let (found, bus) = reset([0x10, 0], advanced);
            assert_eq!(found, None);
            assert!(bus.writes.borrow().is_empty());
        }
    }
}
