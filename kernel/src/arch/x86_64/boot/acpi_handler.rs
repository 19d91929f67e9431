//! How the crate `acpi` reaches memory: through the early page tables, which map all that it may ask for.
//!
//! The rest of its interface is for AML, which is not run here: those methods are never called.

use super::super::memory::direct_map;
use super::handover::EARLY_LIMIT;
use crate::arch::PhysAddr;
use acpi::{AcpiError, AcpiTables, Handler, PciAddress, PhysicalMapping};
use core::ptr::NonNull;

/// The first 4 GiB, as long as the early page tables are active.
#[derive(Clone, Copy)]
pub(super) struct EarlyMap;

impl EarlyMap {
    /// The tables behind a root pointer.
    pub(super) fn tables(rsdp: PhysAddr) -> Result<AcpiTables<Self>, AcpiError> {
        // SAFETY: the loader says that the root pointer is there.
        unsafe { AcpiTables::from_rsdp(Self, rsdp.as_u64() as usize) }
    }
}

/// Methods that only AML needs.
macro_rules! only_for_aml {
    ($(fn $name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        $(fn $name(&self, $($argument: $type),*) $(-> $result)? {
            unreachable!(concat!("AML is not run: ", stringify!($name)))
        })*
    };
}

#[allow(unused_variables)]
impl Handler for EarlyMap {
    unsafe fn map_physical_region<T>(
        &self,
        physical_address: usize,
        size: usize,
    ) -> PhysicalMapping<Self, T> {
        let end = physical_address.saturating_add(size);
        assert!(
            physical_address != 0 && end as u64 <= EARLY_LIMIT.as_u64(),
            "an ACPI table at {physical_address:#x} is out of reach"
        );
        let start = direct_map(PhysAddr::new(physical_address as u64)).cast();
        PhysicalMapping {
            physical_start: physical_address,
            virtual_start: NonNull::new(start).expect("the direct map is not at 0"),
            region_length: size,
            mapped_length: size,
            handler: Self,
        }
    }

    fn unmap_physical_region<T>(region: &PhysicalMapping<Self, T>) {}

    only_for_aml! {
        fn read_u8(address: usize) -> u8;
        fn read_u16(address: usize) -> u16;
        fn read_u32(address: usize) -> u32;
        fn read_u64(address: usize) -> u64;
        fn write_u8(address: usize, value: u8);
        fn write_u16(address: usize, value: u16);
        fn write_u32(address: usize, value: u32);
        fn write_u64(address: usize, value: u64);
        fn read_io_u8(port: u16) -> u8;
        fn read_io_u16(port: u16) -> u16;
        fn read_io_u32(port: u16) -> u32;
        fn write_io_u8(port: u16, value: u8);
        fn write_io_u16(port: u16, value: u16);
        fn write_io_u32(port: u16, value: u32);
        fn read_pci_u8(address: PciAddress, offset: u16) -> u8;
        fn read_pci_u16(address: PciAddress, offset: u16) -> u16;
        fn read_pci_u32(address: PciAddress, offset: u16) -> u32;
        fn write_pci_u8(address: PciAddress, offset: u16, value: u8);
        fn write_pci_u16(address: PciAddress, offset: u16, value: u16);
        fn write_pci_u32(address: PciAddress, offset: u16, value: u32);
        fn nanos_since_boot() -> u64;
        fn stall(microseconds: u64);
        fn sleep(milliseconds: u64);
    }
}
