//! A function on the bus: its identity, and enabling and disabling it.
//!
//! A command register is the lower half of a 32-bit word, and a status register is its upper half. Writing ones to a status
//! register clears errors, so this module writes zeros there. The crate `pci_types` clears the errors in `update_command`, and
//! cannot reset a PCI Express function (decision 8).

use core::fmt;

use super::bar::{self, BAR_COUNT, Bar};
use super::capability::{self, EXPRESS};
use super::configuration::{Address, Configuration, read_half, write_half};
use super::messages;

const IDENTITY: u8 = 0x00;
const COMMAND: u8 = 0x04;
const COMMAND_MEMORY: u16 = 1 << 1;
const COMMAND_BUS_MASTER: u16 = 1 << 2;
const COMMAND_NO_LINE: u16 = 1 << 10;

const EXPRESS_DEVICE: u8 = 4;
const EXPRESS_CAN_RESET: u32 = 1 << 28;
const EXPRESS_CONTROL: u8 = 8;
const EXPRESS_RESET: u16 = 1 << 15;

/// The time that a reset may take, during which the function must not be accessed (PCI Express Base 4.0, 6.6.2).
pub const RESET_NS: u64 = 100_000_000;

/// The vendor and device identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub vendor: u16,
    /// Assigned by the vendor.
    pub device: u16,
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04x}:{:04x}", self.vendor, self.device)
    }
}

/// A function of a PCI device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    pub address: Address,
    pub identity: Identity,
}

/// The identity of the function at an address, if there is one. Some machines read zeros where there is none.
pub fn identify(configuration: &impl Configuration, address: Address) -> Option<Identity> {
    let value = configuration.read(address, IDENTITY);
    let (vendor, device) = (value as u16, (value >> 16) as u16);
    (!matches!(vendor, 0 | u16::MAX)).then_some(Identity { vendor, device })
}

impl Function {
    /// Its memory regions. It must be disabled.
    pub fn bars(&self, configuration: &impl Configuration) -> [Option<Bar>; BAR_COUNT] {
        bar::read_all(configuration, self.address)
    }

    /// Lets it decode its regions, but not master the bus.
    pub fn enable_decoding(&self, configuration: &impl Configuration) {
        self.set_command(configuration, COMMAND_MEMORY | COMMAND_NO_LINE);
    }

    /// Makes it send its interrupts by the message that is set. A message is a write to memory, so none is sent before it masters the bus.
    pub fn enable_messages(&self, configuration: &impl Configuration) {
        messages::enable(configuration, self.address);
    }

    /// Lets it master the bus: read and write memory, and send interrupt messages.
    pub fn let_master(&self, configuration: &impl Configuration) {
        self.set_command(
            configuration,
            COMMAND_MEMORY | COMMAND_NO_LINE | COMMAND_BUS_MASTER,
        );
    }

    /// Disables the decoding of its regions and its bus mastering.
    pub fn cut_off(&self, configuration: &impl Configuration) {
        self.set_command(configuration, COMMAND_NO_LINE);
    }

    /// Disables its bus mastering and nothing else. Its registers stay where the firmware expects them. If it does not master the bus,
    /// nothing is written: it may be a part of the machine that only looks like a device.
    pub fn stop_mastering(&self, configuration: &impl Configuration) {
        let command = read_half(configuration, self.address, COMMAND);
        if command & COMMAND_BUS_MASTER != 0 {
            self.set_command(configuration, command & !COMMAND_BUS_MASTER);
        }
    }

    /// Stops its bus mastering first, then resets it if it supports a reset; `wait` must take [`RESET_NS`]. Afterwards its
    /// driver's memory may be reused, and the function is disabled, with its regions where the firmware placed them.
    pub fn disable(&self, configuration: &impl Configuration, wait: impl FnOnce()) {
        self.cut_off(configuration);
        messages::disable(configuration, self.address);
        let Some(control) = self.reset_control(configuration) else {
            return;
        };
        // A reset clears the addresses of its regions.
        let placed = bar::save(configuration, self.address);
        let reset = read_half(configuration, self.address, control) | EXPRESS_RESET;
        write_half(configuration, self.address, control, 0, reset);
        wait();
        bar::restore(configuration, self.address, placed);
        self.cut_off(configuration);
    }

    /// The offset of the register that resets it, if it supports a reset.
    fn reset_control(&self, configuration: &impl Configuration) -> Option<u8> {
        let offset = capability::find(configuration, self.address, EXPRESS)?;
        let device = configuration.read(self.address, offset + EXPRESS_DEVICE);
        (device & EXPRESS_CAN_RESET != 0).then_some(offset + EXPRESS_CONTROL)
    }

    fn set_command(&self, configuration: &impl Configuration, command: u16) {
        write_half(configuration, self.address, COMMAND, 0, command);
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::configuration::fake::FakeBus;
    use super::*;

    const FUNCTION: Function = Function {
        address: Address {
            bus: 0,
            device: 3,
            function: 0,
        },
        identity: Identity {
            vendor: 0x1af4,
            device: 0x1041,
        },
    };

    fn bus() -> FakeBus {
        let mut bus = FakeBus::default();
        bus.add(
            FUNCTION.address,
            &[
                (0x00, 0x1041_1af4),
                (0x04, 0x0010_0000),
                (0x34, 0x40),
                (0x40, 0x0003_5011),
                (0x44, 0x0000_0801),
                (0x50, 0x0000_0010),
                (0x54, 1 << 28),
            ],
        );
        bus.mask(FUNCTION.address, 0x04, 0xffff);
        bus.mask(FUNCTION.address, 0x40, 0xc000_0000);
        bus
    }

    #[test]
    fn identifies_a_function() {
        let bus = bus();
        assert_eq!(identify(&bus, FUNCTION.address), Some(FUNCTION.identity));
        let absent = Address {
            device: 4,
            ..FUNCTION.address
        };
        assert_eq!(identify(&bus, absent), None);
        let mut bus = bus;
        bus.add(absent, &[]);
        assert_eq!(identify(&bus, absent), None, "zeros");
    }

    #[test]
    fn reaches_memory_only_when_it_is_enabled() {
        let bus = bus();
        let command = |bus: &FakeBus| bus.read(FUNCTION.address, COMMAND) as u16;
        FUNCTION.enable_decoding(&bus);
        assert_eq!(command(&bus), COMMAND_MEMORY | COMMAND_NO_LINE);
        FUNCTION.enable_messages(&bus);
        assert_eq!(bus.read(FUNCTION.address, 0x40), 0x8003_5011);
        assert_eq!(command(&bus), COMMAND_MEMORY | COMMAND_NO_LINE);
        FUNCTION.let_master(&bus);
        assert_ne!(command(&bus) & COMMAND_BUS_MASTER, 0);
        FUNCTION.disable(&bus, || {});
        assert_eq!(command(&bus) & (COMMAND_BUS_MASTER | COMMAND_MEMORY), 0);
        assert_eq!(bus.read(FUNCTION.address, 0x40), 0x0003_5011);
    }

    #[test]
    fn is_cut_off_from_memory_before_it_is_reset() {
        let bus = bus();
        FUNCTION.disable(&bus, || {});
        let writes = bus.writes.borrow();
        let cut = writes.iter().position(|write| write.1 == COMMAND);
        let reset = writes
            .iter()
            .position(|write| write.1 == 0x58 && write.2 & u32::from(EXPRESS_RESET) != 0);
        assert!(cut < reset && cut.is_some(), "{writes:?}");
    }

    #[test]
    fn keeps_its_registers_when_it_stops_mastering_the_bus() {
        let bus = bus();
        FUNCTION.enable_decoding(&bus);
        FUNCTION.let_master(&bus);
        FUNCTION.stop_mastering(&bus);
        let command = bus.read(FUNCTION.address, COMMAND) as u16;
        assert_eq!(command, COMMAND_MEMORY | COMMAND_NO_LINE);
        let written = bus.writes.borrow().len();
        FUNCTION.stop_mastering(&bus);
        assert_eq!(bus.writes.borrow().len(), written);
    }

    #[test]
    fn has_its_regions_after_a_reset_and_is_disabled() {
        let mut bus = bus();
        bus.mask(FUNCTION.address, 0x10, 0xffff_f000);
        bus.mask(FUNCTION.address, 0x18, 0xffff_c000);
        bus.write(FUNCTION.address, 0x10, 0xfebd_1000);
        bus.write(FUNCTION.address, 0x18, 0xe000_0000);
        bus.write(FUNCTION.address, 0x1c, 0x12);
        let before = FUNCTION.bars(&bus);
        FUNCTION.enable_messages(&bus);
        FUNCTION.let_master(&bus);
        // During a reset, a function clears its registers and ignores writes.
        FUNCTION.disable(&bus, || {
            for offset in [COMMAND, 0x10, 0x14, 0x18, 0x1c, 0x20, 0x24] {
                bus.write(FUNCTION.address, offset, 0);
            }
        });
        assert_eq!(FUNCTION.bars(&bus), before);
        let command = bus.read(FUNCTION.address, COMMAND) as u16;
        assert_eq!(command, COMMAND_NO_LINE);
    }
}
