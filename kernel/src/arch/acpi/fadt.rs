//! The part of the fixed description table (FADT) that restarts the machine: [`reset_register`].
//!
//! Of the crate's structure only the offsets are used: a table of ACPI 1.0 ends before the register, so the structure cannot
//! be copied as a whole.

use super::layout::Layout;
use crate::arch::reset::{Register, Reset};
use ::acpi::address::{AddressSpace, GenericAddress, RawGenericAddress};
use ::acpi::sdt::fadt::Fadt;
use core::mem::offset_of;

/// The flag RESET_REG_SUP: the table has the register (ACPI 6.5, table 5.10).
const HAS_RESET_REGISTER: u32 = 1 << 10;

/// The width of the register in bits. The specification permits no other (ACPI 6.5, 4.8.3.6).
const RESET_BITS: u8 = 8;

/// The register that restarts the machine, and the value to write. `None` if the table does not have it, or if it is not as
/// the specification requires: one byte at a port, in memory, or in the configuration space of a device on bus 0
/// (ACPI 6.5, 4.8.3.6).
pub(in crate::arch) fn reset_register(table: &[u8]) -> Option<Reset> {
    let flags = table.get(offset_of!(Fadt, flags)..)?.first_chunk()?;
    if u32::from_le_bytes(*flags) & HAS_RESET_REGISTER == 0 {
        return None;
    }
    let raw = RawGenericAddress::read(table.get(offset_of!(Fadt, reset_reg)..)?)?;
    let value = *table.get(offset_of!(Fadt, reset_value))?;
    let address = GenericAddress::from_raw(raw).ok()?;
    if (address.bit_width, address.bit_offset) != (RESET_BITS, 0) {
        return None;
    }
    let register = register(address.address_space, address.address)?;
    Some(Reset { register, value })
}

fn register(space: AddressSpace, address: u64) -> Option<Register> {
    match space {
        AddressSpace::SystemIo => u16::try_from(address).ok().map(Register::Port),
        AddressSpace::SystemMemory => (address != 0).then_some(Register::Memory(address)),
        AddressSpace::PciConfigSpace => {
            let [offset, function, device, reserved] =
                [0, 16, 32, 48].map(|shift| (address >> shift) as u16);
            let is_valid = device < 32 && function < 8 && offset < 256 && reserved == 0;
            is_valid.then_some(Register::Configuration {
                device: device as u8,
                function: function as u8,
                offset: offset as u8,
            })
        }
        _ => None,
    }
}
