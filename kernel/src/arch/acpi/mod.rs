//! ACPI's static tables: finding and checking them.
//!
//! ```text
//!   root pointer (RSDP) -> XSDT, or RSDT on old machines -> addresses of tables, each with a signature
//! ```
//!
//! Firmware is assumed to be benign but not correct. A table with a wrong length, address or checksum is not used, and the
//! machine starts without it. No AML is executed.
//!
//! The search is written by hand, since the crate `acpi`, whose types are used here, trusts more of what firmware writes: see
//! `docs/decisions/0022-firmware-and-loaders-are-not-trusted-to-be-right.md`.

mod dmar;
mod fadt;
mod layout;
mod madt;
mod mcfg;
#[cfg(test)]
mod tests;

pub(super) use ::acpi::sdt::Signature;
pub(super) use dmar::forbids_x2apic;
pub(super) use fadt::reset_register;
pub(super) use madt::{IO_APICS_MAX, Madt, Override};
pub(super) use mcfg::further_segments;

use ::acpi::address::{AddressSpace, GenericAddress, RawGenericAddress};
use ::acpi::rsdp::Rsdp;
use ::acpi::sdt::SdtHeader;
use ::acpi::sdt::hpet::HpetTable;
use core::fmt;
use core::mem::offset_of;
use layout::Layout;

const HEADER_BYTES: usize = size_of::<SdtHeader>();

/// The longest table that is read. The relevant ones have less than 64 KiB even on machines with thousands of cores.
const TABLE_BYTES_MAX: usize = 1 << 20;

/// The size of ACPI 1.0's root pointer, and the minimum size of a later one.
const SHORT_POINTER_BYTES: usize = offset_of!(Rsdp, length);
const LONG_POINTER_BYTES: usize = size_of::<Rsdp>();

/// Reads physical memory: the bytes at an address, or `None` if they are out of reach.
pub(super) type Read<'m> = dyn Fn(u64, usize) -> Option<&'m [u8]> + 'm;

/// The reason a table is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// The boot code cannot read all of its memory.
    OutOfReach { address: u64 },
    /// It does not have the expected signature.
    Signature { address: u64 },
    /// Its length cannot be correct.
    Length { address: u64, length: usize },
    /// Its bytes do not add up to zero.
    Checksum { address: u64 },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::OutOfReach { address } => write!(f, "the table at {address:#x} is out of reach"),
            Self::Signature { address } => {
                write!(f, "the table at {address:#x} has another signature")
            }
            Self::Length { address, length } => {
                write!(f, "the table at {address:#x} claims {length} bytes")
            }
            Self::Checksum { address } => {
                write!(f, "the table at {address:#x} has a wrong checksum")
            }
        }
    }
}

/// The tables of a machine, as listed in its XSDT or RSDT.
pub(super) struct Tables<'m> {
    read: &'m Read<'m>,
    /// The addresses of the tables, each of `address_bytes`.
    list: &'m [u8],
    address_bytes: usize,
}

impl<'m> Tables<'m> {
    /// Follows the root pointer. A machine whose XSDT is unusable may still have an RSDT.
    pub(super) fn find(read: &'m Read<'m>, pointer: u64) -> Result<Self, Problem> {
        let root = short_pointer(read, pointer)?;
        let short_list = || table(read, root.rsdt_address.into(), Signature::RSDT);
        let (list, address_bytes) = if root.revision < 2 {
            (short_list()?, size_of::<u32>())
        } else {
            match long_list(read, pointer) {
                Ok(list) => (list, size_of::<u64>()),
                Err(problem) => (short_list().map_err(|_| problem)?, size_of::<u32>()),
            }
        };
        Ok(Self {
            read,
            list: &list[HEADER_BYTES..],
            address_bytes,
        })
    }

    /// The first usable table with this signature. `report` is called for those that are not usable.
    pub(super) fn table(
        &self,
        signature: Signature,
        mut report: impl FnMut(Problem),
    ) -> Option<&'m [u8]> {
        self.addresses().find_map(|address| {
            let header = SdtHeader::read((self.read)(address, HEADER_BYTES)?)?;
            if header.signature != signature {
                return None;
            }
            table(self.read, address, signature)
                .map_err(&mut report)
                .ok()
        })
    }

    /// The number of listed tables that are out of reach, so that not even their signatures are known.
    pub(super) fn unreachable(&self) -> usize {
        let is_unreachable = |address: &u64| (self.read)(*address, HEADER_BYTES).is_none();
        self.addresses().filter(is_unreachable).count()
    }

    /// The address of the HPET's registers from its table.
    pub(super) fn hpet(&self, report: impl FnMut(Problem)) -> Option<u64> {
        let table = self.table(Signature::HPET, report)?;
        let registers = table.get(offset_of!(HpetTable, base_address)..)?;
        let registers = GenericAddress::from_raw(RawGenericAddress::read(registers)?).ok()?;
        let is_usable =
            registers.address_space == AddressSpace::SystemMemory && registers.address != 0;
        is_usable.then_some(registers.address)
    }

    /// The listed addresses. Some firmware leaves zeros between them.
    fn addresses(&self) -> impl Iterator<Item = u64> {
        let entries = self.list.chunks_exact(self.address_bytes);
        entries
            .map(|entry| {
                let mut address = [0; size_of::<u64>()];
                address[..entry.len()].copy_from_slice(entry);
                u64::from_le_bytes(address)
            })
            .filter(|&address| address != 0)
    }
}

/// The part of the root pointer that exists in ACPI 1.0. The later fields are zero.
fn short_pointer(read: &Read<'_>, address: u64) -> Result<Rsdp, Problem> {
    let start = bytes(read, address, SHORT_POINTER_BYTES)?;
    let mut whole = [0; LONG_POINTER_BYTES];
    whole[..SHORT_POINTER_BYTES].copy_from_slice(start);
    let pointer: Rsdp = structure(&whole, address)?;
    if pointer.signature != *b"RSD PTR " {
        return Err(Problem::Signature { address });
    }
    check_sum(start, address)?;
    Ok(pointer)
}

/// The XSDT of a root pointer of ACPI 2.0 or later.
fn long_list<'m>(read: &Read<'m>, address: u64) -> Result<&'m [u8], Problem> {
    let pointer: Rsdp = structure(bytes(read, address, LONG_POINTER_BYTES)?, address)?;
    let length = pointer.length as usize;
    check_length(LONG_POINTER_BYTES, length, address)?;
    check_sum(bytes(read, address, length)?, address)?;
    table(read, pointer.xsdt_address, Signature::XSDT)
}

/// A whole table with this signature and a valid checksum.
fn table<'m>(read: &Read<'m>, address: u64, signature: Signature) -> Result<&'m [u8], Problem> {
    let header: SdtHeader = structure(bytes(read, address, HEADER_BYTES)?, address)?;
    if header.signature != signature {
        return Err(Problem::Signature { address });
    }
    let length = header.length as usize;
    check_length(HEADER_BYTES, length, address)?;
    let table = bytes(read, address, length)?;
    check_sum(table, address)?;
    Ok(table)
}

fn bytes<'m>(read: &Read<'m>, address: u64, count: usize) -> Result<&'m [u8], Problem> {
    let reachable = (address != 0).then(|| read(address, count)).flatten();
    reachable.ok_or(Problem::OutOfReach { address })
}

fn structure<T: Layout>(bytes: &[u8], address: u64) -> Result<T, Problem> {
    T::read(bytes).ok_or(Problem::OutOfReach { address })
}

fn check_length(least: usize, length: usize, address: u64) -> Result<(), Problem> {
    (least..=TABLE_BYTES_MAX)
        .contains(&length)
        .then_some(())
        .ok_or(Problem::Length { address, length })
}

fn check_sum(bytes: &[u8], address: u64) -> Result<(), Problem> {
    let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    (sum == 0)
        .then_some(())
        .ok_or(Problem::Checksum { address })
}
