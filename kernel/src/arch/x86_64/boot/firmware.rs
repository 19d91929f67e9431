//! What ACPI's tables say about the machine: [`Platform`]. No AML is run.
//!
//! Read while the early page tables map the first 4 GiB, where firmware keeps its tables.

use super::super::hpet::Hpet;
use super::super::interrupts;
use super::super::{apic, cpu};
use super::handover::{EARLY_LIMIT, read_left_bytes};
use super::tables::Tables;
use crate::arch::acpi::{self, IO_APICS_MAX, Madt, Override};
use crate::arch::{Line, PhysAddr, Polarity, Trigger, VirtAddr};
use crate::log;
use heapless::Vec;

/// The machine's parts that the kernel itself uses.
#[derive(Default)]
pub(super) struct Platform {
    /// The interrupt controllers, and how many cores could run.
    pub(super) madt: Madt,
    hpet: Option<PhysAddr>,
}

/// The same, mapped.
pub(super) struct Devices {
    /// The I/O APICs: the number of the first line, and where the registers are.
    pub(super) io_apics: Vec<(u32, VirtAddr), IO_APICS_MAX>,
    /// The local APIC, unless it is an x2APIC.
    pub(super) local_apic: Option<VirtAddr>,
    /// The HPET.
    pub(super) hpet: Option<Hpet>,
}

impl Platform {
    /// Reads the tables, if there are any; else a machine as PCs were before ACPI.
    pub(super) fn find(rsdp: Option<PhysAddr>) -> Self {
        let mut platform = Self::default();
        match rsdp.map(|rsdp| acpi::Tables::find(&read_left_bytes, rsdp.as_u64())) {
            None => log!("no ACPI"),
            Some(Err(problem)) => log!("no use of ACPI: {problem}"),
            Some(Ok(tables)) => platform.read(&tables),
        }
        if platform.madt.io_apics.is_empty() {
            platform.assume();
        }
        platform
    }

    fn read(&mut self, tables: &acpi::Tables<'_>) {
        match tables.unreachable() {
            0 => {}
            count => log!("{count} of ACPI's tables are beyond {EARLY_LIMIT:?}: not used"),
        }
        let complain = |problem: acpi::Problem| log!("ACPI: {problem}: not used");
        if let Some(table) = tables.table(acpi::Signature::MADT, complain) {
            self.madt = Madt::read(table, cpu::initial_apic_id());
        }
        match self.madt.left_out {
            0 => {}
            count => log!("{count} of ACPI's entries on interrupt controllers are not used"),
        }
        let hpet = tables.hpet(complain);
        self.hpet = hpet.and_then(|address| PhysAddr::try_new(address).ok());
    }

    /// One core, one I/O APIC at the usual place, the timer's interrupt on line 2.
    fn assume(&mut self) {
        log!("no I/O APIC in ACPI's tables: assuming one at the usual place");
        self.madt.cores = self.madt.cores.max(1);
        let timer = Line {
            gsi: 2,
            trigger: Trigger::Edge,
            polarity: Polarity::High,
        };
        // The list of I/O APICs is empty. That of overrides may be full; then the timer is among them, or is not used.
        let _ = self.madt.io_apics.push((0, 0xfec0_0000));
        let _ = self.madt.overrides.push(Override {
            irq: 0,
            line: timer,
        });
    }

    /// Maps the registers.
    pub(super) fn map(&self, tables: &mut Tables) -> Devices {
        let io_apics = self.madt.io_apics.iter();
        let io_apics = io_apics.map(|&(first, address)| {
            let address = PhysAddr::new_truncate(address);
            (first, tables.map_device(address))
        });
        Devices {
            io_apics: io_apics.collect(),
            local_apic: apic::registers().map(|address| tables.map_device(address)),
            hpet: self
                .hpet
                .map(|address| Hpet::new(tables.map_device(address))),
        }
    }

    /// Starts the interrupt controllers.
    pub(super) fn start(&self, devices: &Devices) {
        interrupts::mask_legacy_controllers();
        for &(first, registers) in &devices.io_apics {
            interrupts::add_io_apic(first, registers);
        }
        for &connection in &self.madt.overrides {
            interrupts::add_override(connection);
        }
        apic::initialise(devices.local_apic, self.madt.nmi_pins);
    }
}
