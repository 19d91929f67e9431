//! The machine's description in ACPI's tables: [`Platform`]. No AML is executed.
//!
//! It is read while the early page tables map the first 4 GiB, where firmware keeps its tables.

use super::super::cpu::Features;
use super::super::hpet::Hpet;
use super::super::interrupts;
use super::super::{apic, cpu, reboot};
use super::handover::{EARLY_LIMIT, Handover, read_loader_bytes};
use super::tables::Tables;
use crate::arch::acpi::{self, IO_APICS_MAX, Madt, Override};
use crate::arch::io_apics::{self, IO_APIC_BYTES};
use crate::arch::ranges;
use crate::arch::reset::{Register, Reset};
use crate::arch::{Line, PhysAddr, Polarity, Trigger, VirtAddr};
use crate::log;
use heapless::Vec;

/// The address at which nearly every PC has its first I/O APIC.
const USUAL_IO_APIC: u64 = 0xfec0_0000;

/// The parts of the machine that the kernel itself uses.
#[derive(Default)]
pub(super) struct Platform {
    /// The interrupt controllers, and the number of usable cores.
    pub(super) madt: Madt,
    hpet: Option<PhysAddr>,
    reset: Option<Reset>,
    /// The usual address of an I/O APIC, if it can have its registers there.
    usual_io_apic: Option<PhysAddr>,
}

/// The registers of these parts, mapped.
pub(super) struct Devices {
    /// The I/O APICs: the number of the first line, and the address of the registers.
    pub(super) io_apics: Vec<(u32, VirtAddr), IO_APICS_MAX>,
    /// The registers at the usual address of an I/O APIC.
    usual_io_apic: Option<VirtAddr>,
    /// The local APIC, unless it is an x2APIC.
    pub(super) local_apic: Option<VirtAddr>,
    /// The HPET.
    pub(super) hpet: Option<Hpet>,
}

impl Platform {
    /// Reads the tables; without any, assumes a PC from before ACPI.
    pub(super) fn find(handover: &Handover) -> Self {
        let memory = [&handover.memory, &handover.firmware_memory];
        let bits = cpu::physical_address_bits();
        let mut platform = Self {
            usual_io_apic: ranges::device_address(USUAL_IO_APIC, IO_APIC_BYTES, memory, bits),
            ..Self::default()
        };
        match handover
            .rsdp
            .map(|rsdp| acpi::Tables::find(&read_loader_bytes, rsdp.as_u64()))
        {
            None => log!("no ACPI"),
            Some(Err(problem)) => log!("ACPI is not used: {problem}"),
            Some(Ok(tables)) => platform.read(&tables, handover),
        }
        if platform.madt.io_apics.is_empty() {
            platform.assume();
        }
        platform
    }

    fn read(&mut self, tables: &acpi::Tables<'_>, handover: &Handover) {
        let count = tables.unreachable();
        if count > 0 {
            log!("{count} of ACPI's tables are beyond {EARLY_LIMIT:?}: not used");
        }
        let report = |problem: acpi::Problem| log!("ACPI: {problem}: not used");
        heed_iommu(tables, report);
        if let Some(table) = tables.table(acpi::Signature::MADT, report) {
            self.madt = Madt::read(table, apic::early_number());
        }
        self.madt.io_apics = io_apics::with_registers(&self.madt.io_apics, |address| {
            device_address("an I/O APIC", address, IO_APIC_BYTES, handover).is_some()
        });
        let count = self.madt.skipped;
        if count > 0 {
            log!("{count} of ACPI's entries for interrupt controllers are not used");
        }
        if let Some(table) = tables.table(acpi::Signature::MCFG, report) {
            for segment in acpi::further_segments(table) {
                log!(
                    "PCI segment group {segment} is not searched: its devices cannot be used, and may still write to memory"
                );
            }
        }
        let hpet = tables.hpet(report);
        self.hpet =
            hpet.and_then(|address| device_address("the HPET", address, Hpet::BYTES, handover));
        let fadt = tables.table(acpi::Signature::FADT, report);
        let reset = fadt.and_then(acpi::reset_register);
        self.reset = reset.filter(|reset| match reset.register {
            Register::Memory(address) => {
                device_address("the reset register", address, 1, handover).is_some()
            }
            Register::Port(_) | Register::Configuration { .. } => true,
        });
    }

    /// Assumes one core, and the timer's interrupt on line 2. An I/O APIC at the usual address is assumed when the machine has no
    /// other.
    fn assume(&mut self) {
        self.madt.cores = self.madt.cores.max(1);
        let timer = Line {
            gsi: 2,
            trigger: Trigger::Edge,
            polarity: Polarity::High,
        };
        // If the list of overrides is full, this one is left out.
        let _ = self.madt.overrides.push(Override {
            irq: 0,
            line: timer,
        });
    }

    /// Maps the registers, and remembers how the machine is restarted.
    pub(super) fn map(&self, tables: &mut Tables) -> Devices {
        self.prepare_reboot(tables);
        let io_apics = self.madt.io_apics.iter();
        let io_apics = io_apics.map(|&(first, address)| {
            let address = PhysAddr::new_truncate(address);
            (first, tables.map_device(address))
        });
        Devices {
            io_apics: io_apics.collect(),
            usual_io_apic: self.usual_io_apic.map(|address| tables.map_device(address)),
            local_apic: apic::registers().map(|address| tables.map_device(address)),
            hpet: self
                .hpet
                .map(|address| Hpet::new(tables.map_device(address))),
        }
    }

    /// Maps the register that restarts the machine, if it is in memory.
    fn prepare_reboot(&self, tables: &mut Tables) {
        let Some(reset) = self.reset else { return };
        let mapped = match reset.register {
            Register::Memory(address) => Some(tables.map_device(PhysAddr::new(address))),
            Register::Port(_) | Register::Configuration { .. } => None,
        };
        reboot::prepare(reset, mapped);
    }

    /// Starts the interrupt controllers.
    pub(super) fn start(&self, devices: &Devices) {
        interrupts::mask_legacy_controllers();
        for &(first, registers) in &devices.io_apics {
            interrupts::add_io_apic(first, registers);
        }
        if interrupts::line_count() == 0
            && let Some(registers) = devices.usual_io_apic
        {
            log!("no usable I/O APIC in ACPI's tables: assuming one at the usual address");
            interrupts::add_io_apic(0, registers);
        }
        for &connection in &self.madt.overrides {
            interrupts::add_override(connection);
        }
        apic::initialise(devices.local_apic, self.madt.nmi_pins);
    }
}

/// Logs the presence of an IOMMU, which the kernel does not use, and gives x2APIC mode up if firmware asks for that. A processor may
/// refuse to leave the mode if firmware entered it.
fn heed_iommu(tables: &acpi::Tables<'_>, report: impl FnMut(acpi::Problem) + Copy) {
    let intel = tables.table(acpi::Signature::DMAR, report);
    let has_amd = tables.table(acpi::Signature::IVRS, report).is_some();
    if intel.is_some() || has_amd {
        log!(
            "there is an IOMMU, which is not used: if devices fail, switch it off in the firmware's setup (VT-d, AMD-Vi)"
        );
    }
    let is_forbidden = intel.is_some_and(acpi::forbids_x2apic);
    if is_forbidden && cpu::has(Features::X2APIC) && !apic::is_x2apic() {
        log!("firmware asks not to use x2APIC mode");
        cpu::give_up(Features::X2APIC);
    }
}

/// The address of a device's registers, unless they cannot be there.
fn device_address(
    device: &str,
    address: u64,
    byte_count: u64,
    handover: &Handover,
) -> Option<PhysAddr> {
    let memory = [&handover.memory, &handover.firmware_memory];
    let found = ranges::device_address(address, byte_count, memory, cpu::physical_address_bits());
    if found.is_none() {
        log!("ACPI: {device} cannot be at {address:#x}: not used");
    }
    found
}
