//! A function on the bus: its identity, and enabling and disabling it.
//!
//! A command register is the lower half of a 32-bit word, and a status register is its upper half. Writing ones to a status
//! register clears errors, so this module writes zeros there. The crate `pci_types` clears the errors in `update_command`, and
//! cannot reset a PCI Express function (decision 8).

use core::fmt;

use super::bar::{self, BAR_COUNT, Bar};
use super::configuration::{Address, Configuration, read_half, write_half};
use super::messages;
use super::reset::Reset;

const IDENTITY: u8 = 0x00;
pub const COMMAND: u8 = 0x04;
pub const COMMAND_MEMORY: u16 = 1 << 1;
pub const COMMAND_BUS_MASTER: u16 = 1 << 2;
const COMMAND_NO_LINE: u16 = 1 << 10;

/// The number of times that the addresses of a function's regions are written after its reset. It may ignore writes for a second (PCI Express
/// Base 4.0, 6.6.1).
const PLACEMENTS_MAX: u32 = 10;

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

    /// Stops its bus mastering first, then resets it if it supports a reset. Afterwards its driver's memory may be reused, and the function
    /// is disabled. Returns whether its regions are where they were placed; `wait` must take [`RESET_NS`](super::reset::RESET_NS).
    pub fn disable(
        &self,
        configuration: &impl Configuration,
        placed: [u32; BAR_COUNT],
        mut wait: impl FnMut(),
    ) -> bool {
        self.cut_off(configuration);
        messages::disable(configuration, self.address);
        let Some(reset) = Reset::find(configuration, self.address) else {
            return true;
        };
        reset.begin(configuration, self.address);
        // A reset clears the addresses of its regions, and a function that is not ready ignores writes.
        let is_placed = (0..PLACEMENTS_MAX).any(|_| {
            wait();
            self.place(configuration, placed)
        });
        self.cut_off(configuration);
        is_placed
    }

    /// Places its regions at these addresses, if they are elsewhere; returns whether they are there.
    pub fn place(&self, configuration: &impl Configuration, placed: [u32; BAR_COUNT]) -> bool {
        let is_placed = || bar::save(configuration, self.address) == placed;
        if !is_placed() {
            bar::restore(configuration, self.address, placed);
        }
        is_placed()
    }

    fn set_command(&self, configuration: &impl Configuration, command: u16) {
        set_command(configuration, self.address, command);
    }
}

/// Sets the command of the function at an address.
pub fn set_command(configuration: &impl Configuration, address: Address, command: u16) {
    write_half(configuration, address, COMMAND, 0, command);
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
        FUNCTION.disable(&bus, [0; BAR_COUNT], || {});
        assert_eq!(command(&bus) & (COMMAND_BUS_MASTER | COMMAND_MEMORY), 0);
        assert_eq!(bus.read(FUNCTION.address, 0x40), 0x0003_5011);
    }

    #[test]
    fn is_cut_off_from_memory_before_it_is_reset() {
        let bus = bus();
        FUNCTION.disable(&bus, [0; BAR_COUNT], || {});
        let writes = bus.writes.borrow();
        let cut = writes.iter().position(|write| write.1 == COMMAND);
        let reset = writes
            .iter()
            .position(|write| write.1 == 0x58 && write.2 & 1 << 15 != 0);
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
        let (before, placed) = (FUNCTION.bars(&bus), bar::save(&bus, FUNCTION.address));
        FUNCTION.enable_messages(&bus);
        FUNCTION.let_master(&bus);
        // During a reset, a function clears its registers and ignores writes.
        let is_placed = FUNCTION.disable(&bus, placed, || clear(&bus));
        assert!(is_placed);
        assert_eq!(FUNCTION.bars(&bus), before);
        let command = bus.read(FUNCTION.address, COMMAND) as u16;
        assert_eq!(command, COMMAND_NO_LINE);
    }

    fn clear(bus: &FakeBus) {
        for offset in [COMMAND, 0x10, 0x14, 0x18, 0x1c, 0x20, 0x24] {
            bus.write(FUNCTION.address, offset, 0);
        }
    }

    #[test]
    fn a_function_that_is_ready_late_gets_its_regions_and_one_that_never_is_does_not_hold_root_up()
    {
        let mut placed = [0; BAR_COUNT];
        placed[0] = 0xfebd_1000;
        let bus = bus();
        bus.write(FUNCTION.address, 0x10, placed[0]);
        for ready_after in [1, 9, 10, 11] {
            let mut waits = 0;
            bus.ignore_writes(FUNCTION.address, true);
            let bus_after = &bus;
            let is_placed = FUNCTION.disable(bus_after, placed, || {
                waits += 1;
                bus_after.set(FUNCTION.address, 0x10, 0);
                bus_after.ignore_writes(FUNCTION.address, waits < ready_after);
            });
            assert_eq!(is_placed, ready_after <= 10, "{ready_after}");
            assert_eq!(waits, ready_after.min(10));
        }
    }
}
