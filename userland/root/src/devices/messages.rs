//! Message-signalled interrupts of a function: MSI (PCI Local Bus 3.0, 6.8.1) and MSI-X (6.8.2).
//!
//! ```text
//! MSI     0 id = 5    2 control: u16   4 address: u32 or u64   then data: u16, 2 bytes, mask: u32
//! MSI-X   0 id = 17   2 control: u16   4 table: u32, its lower 3 bits the region
//! ```
//!
//! One message is used. MSI is preferred, since its message is in configuration space, where only root writes it; the table of
//! MSI-X lies in a region that the driver maps.
//!
//! It is written by hand, since the crate `pci_types` writes MSI-X control in two steps and needs unsafe access: see
//! `docs/decisions/0008-where-crates-did-not-fit.md`.

use runtime::capability::InterruptMessage;

use super::bar::BAR_COUNT;
use super::capability::{self, MSI, MSI_X, SPACE_BYTES};
use super::configuration::{Address, Configuration, read_half, write_half};

const CONTROL: u8 = 2;

const MSI_ENABLE: u16 = 1;
/// The number of enabled messages, as a power of two.
const MSI_COUNT: u16 = 0b111 << 4;
const MSI_WIDE: u16 = 1 << 7;
const MSI_MASKABLE: u16 = 1 << 8;
const MSI_ADDRESS: u8 = 4;

const MSI_X_ENABLE: u16 = 1 << 15;
const MSI_X_MASK_ALL: u16 = 1 << 14;
const MSI_X_TABLE: u8 = 4;

/// The mechanism by which a function sends interrupt messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Messages {
    Msi(Msi),
    MsiX(MsiXTable),
}

/// The location of a function's MSI capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Msi {
    address: Address,
    offset: u8,
}

/// The location of a function's MSI-X table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MsiXTable {
    /// The index of its region.
    pub bar: usize,
    /// Its offset in the region.
    pub offset: u32,
}

/// The mechanism of the function at an address, if it has one.
pub fn find(configuration: &impl Configuration, address: Address) -> Option<Messages> {
    let msi = Msi::find(configuration, address);
    if let Some(msi) = msi.filter(|msi| msi.fits(configuration)) {
        return Some(Messages::Msi(msi));
    }
    let offset = capability::find(configuration, address, MSI_X)?;
    let value = configuration.read(address, offset + MSI_X_TABLE);
    let bar = (value & 7) as usize;
    (bar < BAR_COUNT).then_some(Messages::MsiX(MsiXTable {
        bar,
        offset: value & !7,
    }))
}

/// Lets the function send the messages that [`find`] returns.
pub fn enable(configuration: &impl Configuration, address: Address) {
    match find(configuration, address) {
        Some(Messages::Msi(msi)) => msi.change(configuration, MSI_COUNT, MSI_ENABLE),
        Some(Messages::MsiX(_)) => change_msi_x(configuration, address, MSI_X_ENABLE),
        None => {}
    }
}

/// Stops the function from sending messages.
pub fn disable(configuration: &impl Configuration, address: Address) {
    if let Some(msi) = Msi::find(configuration, address) {
        msi.change(configuration, MSI_ENABLE, 0);
    }
    change_msi_x(configuration, address, 0);
}

impl Msi {
    fn find(configuration: &impl Configuration, address: Address) -> Option<Msi> {
        let offset = capability::find(configuration, address, MSI)?;
        Some(Msi { address, offset })
    }

    /// Whether the registers that [`Msi::set`] writes lie in configuration space.
    fn fits(self, configuration: &impl Configuration) -> bool {
        let control = read_half(configuration, self.address, self.offset + CONTROL);
        let address = if control & MSI_WIDE != 0 { 8 } else { 4 };
        let mask = if control & MSI_MASKABLE != 0 { 4 } else { 0 };
        let bytes = usize::from(MSI_ADDRESS) + address + 4 + mask;
        usize::from(self.offset) + bytes <= SPACE_BYTES
    }

    /// Sets the message, unmasked.
    pub fn set(self, configuration: &impl Configuration, message: InterruptMessage) {
        let control = read_half(configuration, self.address, self.offset + CONTROL);
        let write = |at, value| configuration.write(self.address, self.offset + at, value);
        write(MSI_ADDRESS, message.address as u32);
        let mut data = MSI_ADDRESS + 4;
        if control & MSI_WIDE != 0 {
            write(data, (message.address >> 32) as u32);
            data += 4;
        }
        write(data, message.data);
        if control & MSI_MASKABLE != 0 {
            write(data + 4, 0);
        }
    }

    fn change(self, configuration: &impl Configuration, clear: u16, set: u16) {
        change_control(configuration, self.address, self.offset, clear, set);
    }
}

fn change_msi_x(configuration: &impl Configuration, address: Address, enable: u16) {
    if let Some(offset) = capability::find(configuration, address, MSI_X) {
        let cleared = MSI_X_ENABLE | MSI_X_MASK_ALL;
        change_control(configuration, address, offset, cleared, enable);
    }
}

fn change_control(
    configuration: &impl Configuration,
    address: Address,
    offset: u8,
    clear: u16,
    set: u16,
) {
    let at = offset + CONTROL;
    let header = read_half(configuration, address, offset);
    let control = read_half(configuration, address, at) & !clear | set;
    write_half(configuration, address, at, header, control);
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::configuration::fake::FakeBus;
    use super::*;

    const ADDRESS: Address = Address {
        bus: 0,
        device: 3,
        function: 0,
    };

    const MESSAGE: InterruptMessage = InterruptMessage {
        address: 0xfee0_1000,
        data: 0x35,
    };

    /// A function whose list is these capabilities, 32 bytes apart.
    fn bus(headers: &[u32]) -> FakeBus {
        let mut registers = std::vec![(0x04, 0x0010_0000), (0x34, 0x40)];
        for (index, header) in headers.iter().enumerate() {
            let at = 0x40 + 0x20 * index as u8;
            let next = if index + 1 < headers.len() {
                u32::from(at) + 0x20
            } else {
                0
            };
            registers.push((at, header | next << 8));
            registers.push((at + 4, 0x0801));
        }
        let mut bus = FakeBus::default();
        bus.add(ADDRESS, &registers);
        bus
    }

    #[test]
    fn a_table_is_found_and_enabled() {
        let bus = bus(&[0x0003_0011]);
        let table = MsiXTable {
            bar: 1,
            offset: 0x800,
        };
        assert_eq!(find(&bus, ADDRESS), Some(Messages::MsiX(table)));
        enable(&bus, ADDRESS);
        assert_eq!(bus.read(ADDRESS, 0x40), 0x8003_0011);
        disable(&bus, ADDRESS);
        assert_eq!(bus.read(ADDRESS, 0x40), 0x0003_0011);
    }

    #[test]
    fn one_message_in_configuration_space_is_preferred_to_a_table() {
        // Eight messages, which firmware has enabled; a wide address; maskable.
        let bus = bus(&[0x0003_0011, 0x01b7_0005]);
        let Some(Messages::Msi(msi)) = find(&bus, ADDRESS) else {
            panic!("no MSI");
        };
        bus.write(ADDRESS, 0x70, u32::MAX);
        msi.set(&bus, MESSAGE);
        let words: std::vec::Vec<u32> = (0x64..0x74)
            .step_by(4)
            .map(|at| bus.read(ADDRESS, at))
            .collect();
        assert_eq!(words, [0xfee0_1000, 0, 0x35, 0]);
        enable(&bus, ADDRESS);
        assert_eq!(bus.read(ADDRESS, 0x60) >> 16, 0x0187);
        assert_eq!(bus.read(ADDRESS, 0x40) >> 16, 0x0003);
        disable(&bus, ADDRESS);
        assert_eq!(bus.read(ADDRESS, 0x60) >> 16, 0x0186);
    }

    #[test]
    fn a_message_with_a_narrow_address_has_its_data_right_behind_it() {
        let bus = bus(&[0x0000_0005]);
        let Some(Messages::Msi(msi)) = find(&bus, ADDRESS) else {
            panic!("no MSI");
        };
        msi.set(&bus, MESSAGE);
        assert_eq!(bus.read(ADDRESS, 0x44), 0xfee0_1000);
        assert_eq!(bus.read(ADDRESS, 0x48), 0x35);
    }

    #[test]
    fn a_message_that_does_not_fit_into_configuration_space_is_not_used() {
        // Narrow, wide, maskable, both; each at the end of the space, and one register too far.
        for (control, bytes) in [(0, 12), (1 << 7, 16), (1 << 8, 16), (3 << 7, 20)] {
            for (beyond, is_used) in [(0, true), (4, false)] {
                let offset = (SPACE_BYTES - bytes + beyond) as u8;
                let header = 0x0005 | control << 16;
                let mut bus = FakeBus::default();
                let first = (0x34, u32::from(offset));
                bus.add(ADDRESS, &[(0x04, 0x0010_0000), first, (offset, header)]);
                let found = find(&bus, ADDRESS).is_some();
                assert_eq!(found, is_used, "{control:#x} at {offset:#x}");
                enable(&bus, ADDRESS);
                disable(&bus, ADDRESS);
                assert_eq!(bus.read(ADDRESS, 0x04), 0x0010_0000);
            }
        }
    }

    #[test]
    fn a_function_without_messages_has_none() {
        let bus = bus(&[0x0000_0010]);
        assert_eq!(find(&bus, ADDRESS), None);
        enable(&bus, ADDRESS);
        disable(&bus, ADDRESS);
        assert!(bus.writes.borrow().is_empty());
    }
}
