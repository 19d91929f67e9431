//! What ACPI's tables say about the machine: [`Platform`]. No AML is run.
//!
//! Read while the early page tables map the first 4 GiB, where firmware keeps its tables.

use super::super::cpu::{self, Features};
use super::super::hpet::Hpet;
use super::super::interrupts::{IO_APICS_MAX, Override};
use super::acpi_handler::EarlyMap;
use super::tables::Tables;
use crate::arch::{Line, PhysAddr, Polarity, Trigger, VirtAddr};
use crate::log;
use acpi::AcpiTables;
use acpi::sdt::hpet::HpetInfo;
use acpi::sdt::madt::{InterruptSourceOverrideEntry, Madt, MadtEntry};
use heapless::Vec;
use x2apic::lapic::xapic_base;

/// An I/O APIC: the number of its first line, and where its registers are.
type IoApic<Address> = (u32, Address);

/// The machine's parts that the kernel itself uses.
#[derive(Default)]
pub(super) struct Platform {
    /// How many cores could run.
    pub(super) cores: usize,
    /// How ISA interrupts are connected, where that is unusual.
    pub(super) overrides: Vec<Override, 16>,
    io_apics: Vec<IoApic<PhysAddr>, IO_APICS_MAX>,
    hpet: Option<PhysAddr>,
}

/// The same, mapped.
pub(super) struct Devices {
    /// The I/O APICs.
    pub(super) io_apics: Vec<IoApic<VirtAddr>, IO_APICS_MAX>,
    /// The local APIC, unless it is an x2APIC.
    pub(super) local_apic: Option<VirtAddr>,
    /// The HPET.
    pub(super) hpet: Option<Hpet>,
}

impl Platform {
    /// Reads the tables, if there are any; else a machine as PCs were before ACPI.
    pub(super) fn find(rsdp: Option<PhysAddr>) -> Self {
        let mut platform = Self::default();
        match rsdp.map(EarlyMap::tables) {
            None => log!("no ACPI"),
            Some(Err(error)) => log!("no use of ACPI: {error:?}"),
            Some(Ok(tables)) => platform.read(&tables),
        }
        if platform.io_apics.is_empty() {
            platform.assume();
        }
        platform
    }

    fn read(&mut self, tables: &AcpiTables<EarlyMap>) {
        if let Some(madt) = tables.find_table::<Madt>() {
            for entry in madt.get().entries() {
                self.note(entry);
            }
        }
        let hpet = HpetInfo::new(tables).ok();
        self.hpet = hpet.and_then(|hpet| PhysAddr::try_new(hpet.base_address as u64).ok());
    }

    fn note(&mut self, entry: MadtEntry) {
        const ENABLED: u32 = 1;
        match entry {
            MadtEntry::LocalApic(core) => self.cores += (core.flags & ENABLED) as usize,
            MadtEntry::LocalX2Apic(core) => self.cores += (core.flags & ENABLED) as usize,
            MadtEntry::IoApic(chip) => {
                let address = PhysAddr::new(chip.io_apic_address.into());
                let chip = (chip.global_system_interrupt_base, address);
                keep(&mut self.io_apics, chip, "I/O APICs");
            }
            MadtEntry::InterruptSourceOverride(entry) => {
                keep(
                    &mut self.overrides,
                    connection(entry),
                    "interrupt overrides",
                );
            }
            _ => (),
        }
    }

    /// One core, one I/O APIC at the usual place, the timer's interrupt on line 2.
    fn assume(&mut self) {
        log!("no I/O APIC in ACPI's tables: assuming one at the usual place");
        self.cores = self.cores.max(1);
        let timer = Line {
            gsi: 2,
            trigger: Trigger::Edge,
            polarity: Polarity::High,
        };
        // Both lists are empty, or at least have no I/O APIC.
        let _ = self.io_apics.push((0, PhysAddr::new(0xfec0_0000)));
        let _ = self.overrides.push(Override {
            irq: 0,
            line: timer,
        });
    }

    /// Maps the registers.
    pub(super) fn map(&self, tables: &mut Tables) -> Devices {
        let io_apics = self.io_apics.iter();
        let io_apics = io_apics.map(|&(first, address)| (first, tables.map_device(address)));
        Devices {
            io_apics: io_apics.collect(),
            local_apic: local_apic().map(|address| tables.map_device(address)),
            hpet: self
                .hpet
                .map(|address| Hpet::new(tables.map_device(address))),
        }
    }
}

/// Adds to a list what it has room for.
fn keep<T, const N: usize>(list: &mut Vec<T, N>, value: T, what: &str) {
    if list.push(value).is_err() {
        log!("more than {N} {what}: one is not used");
    }
}

/// Where the registers of an xAPIC are; an x2APIC has none in memory.
///
/// Firmware that has locked the APIC in x2APIC mode does so on processors that say in CPUID that they have it.
fn local_apic() -> Option<PhysAddr> {
    if cpu::has(Features::X2APIC) {
        return None;
    }
    // SAFETY: every processor with a local APIC, and so every one in long mode, has the register.
    Some(PhysAddr::new(unsafe { xapic_base() }))
}

/// ISA interrupts are edges, active high, where an override does not say otherwise.
fn connection(entry: &InterruptSourceOverrideEntry) -> Override {
    const LOW: u16 = 0b11;
    const LEVEL: u16 = 0b11;
    let flags = entry.flags;
    let polarity = if flags & 0b11 == LOW {
        Polarity::Low
    } else {
        Polarity::High
    };
    let trigger = if flags >> 2 & 0b11 == LEVEL {
        Trigger::Level
    } else {
        Trigger::Edge
    };
    let gsi = entry.global_system_interrupt;
    Override {
        irq: entry.irq,
        line: Line {
            gsi,
            trigger,
            polarity,
        },
    }
}
