//! The table of interrupt controllers (MADT): [`Madt`].
//!
//! Its fixed fields are followed by entries, each of which begins with its kind and its length.

use super::layout::Layout;
use crate::arch::{Line, Polarity, Trigger};
use ::acpi::sdt::madt::{
    self, EntryHeader, InterruptSourceOverrideEntry, IoApicEntry, LocalApicEntry,
    LocalApicNmiEntry, LocalX2ApicEntry, TriggerMode, X2ApicNmiEntry,
};
use heapless::Vec;

/// The maximum number of I/O APICs that are used.
pub(in crate::arch) const IO_APICS_MAX: usize = 16;

const ENTRIES_OFFSET: usize = size_of::<madt::Madt>();

/// The relevant kinds of entries. The crate `acpi` does not name these numbers.
const LOCAL_APIC: u8 = 0;
const IO_APIC: u8 = 1;
const OVERRIDE: u8 = 2;
const LOCAL_APIC_NMI: u8 = 4;
const LOCAL_X2APIC: u8 = 9;
const LOCAL_X2APIC_NMI: u8 = 10;

/// The processor numbers that mean every processor, in short and in long entries.
const EVERY_PROCESSOR: u32 = 0xff;
const EVERY_PROCESSOR_LONG: u32 = u32::MAX;

/// The line of an ISA interrupt whose number or signalling is not the usual one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::arch) struct Override {
    /// The ISA interrupt.
    pub(in crate::arch) irq: u8,
    /// The line.
    pub(in crate::arch) line: Line,
}

/// The table's content.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::arch) struct Madt {
    /// The number of usable cores.
    pub(in crate::arch) cores: usize,
    /// The I/O APICs: the number of the first line, and the address of the registers.
    pub(in crate::arch) io_apics: Vec<(u32, u64), IO_APICS_MAX>,
    /// The ISA interrupts with another line or signalling than usual.
    pub(in crate::arch) overrides: Vec<Override, 16>,
    /// Whether the boot core gets NMIs at each of its two pins.
    pub(in crate::arch) nmi_pins: [bool; 2],
    /// The number of entries that are malformed or did not fit.
    pub(in crate::arch) skipped: usize,
}

/// The number that the table gives to the boot core, and the NMI pins. Each pin has the number of its processor; `None`
/// means every processor.
#[derive(Default)]
struct Nmis {
    boot_processor: Option<u32>,
    pins: Vec<(Option<u32>, u8), 16>,
}

impl Nmis {
    /// Adds the pin of a processor, or of all if its number is `every`; `None` if the list is full.
    fn add_pin(&mut self, processor: u32, every: u32, pin: u8) -> Option<()> {
        let processor = (processor != every).then_some(processor);
        self.pins.push((processor, pin)).ok()
    }
}

impl Madt {
    /// Reads a whole table. `boot_core` is the APIC id of the running core.
    pub(in crate::arch) fn read(table: &[u8], boot_core: u32) -> Self {
        let (mut madt, mut nmis) = (Self::default(), Nmis::default());
        let mut rest = table.get(ENTRIES_OFFSET..).unwrap_or_default();
        while let Some(header) = EntryHeader::read(rest) {
            let length = usize::from(header.length);
            // At an entry of length zero, which some firmware writes, the loop would never end.
            let entry = rest.split_at_checked(length);
            let Some((entry, next)) = entry.filter(|_| length >= size_of::<EntryHeader>()) else {
                madt.skipped += 1;
                break;
            };
            if madt
                .note(header.entry_type, entry, boot_core, &mut nmis)
                .is_none()
            {
                madt.skipped += 1;
            }
            rest = next;
        }
        for (processor, pin) in nmis.pins {
            let is_ours = processor.is_none() || processor == nmis.boot_processor;
            if let Some(pin) = madt.nmi_pins.get_mut(usize::from(pin)).filter(|_| is_ours) {
                *pin = true;
            }
        }
        madt
    }

    /// Records one entry; `None` if it is too short for its kind, or does not fit.
    fn note(&mut self, kind: u8, entry: &[u8], boot_core: u32, nmis: &mut Nmis) -> Option<()> {
        match kind {
            LOCAL_APIC => {
                let entry = LocalApicEntry::read(entry)?;
                self.note_core(entry.flags);
                if u32::from(entry.apic_id) == boot_core {
                    nmis.boot_processor = Some(entry.processor_id.into());
                }
            }
            LOCAL_X2APIC => {
                let entry = LocalX2ApicEntry::read(entry)?;
                self.note_core(entry.flags);
                if entry.x2apic_id == boot_core {
                    nmis.boot_processor = Some(entry.processor_uid);
                }
            }
            IO_APIC => {
                let entry = IoApicEntry::read(entry)?;
                let address = entry.io_apic_address.into();
                let chip = (entry.global_system_interrupt_base, address);
                self.io_apics.push(chip).ok()?;
            }
            OVERRIDE => {
                let entry = InterruptSourceOverrideEntry::read(entry)?;
                self.overrides.push(connection(entry)).ok()?;
            }
            LOCAL_APIC_NMI => {
                let entry = LocalApicNmiEntry::read(entry)?;
                nmis.add_pin(entry.processor_id.into(), EVERY_PROCESSOR, entry.nmi_line)?;
            }
            LOCAL_X2APIC_NMI => {
                let entry = X2ApicNmiEntry::read(entry)?;
                nmis.add_pin(entry.processor_uid, EVERY_PROCESSOR_LONG, entry.nmi_line)?;
            }
            _ => {}
        }
        Some(())
    }

    fn note_core(&mut self, flags: u32) {
        const ENABLED: u32 = 1;
        self.cores += (flags & ENABLED) as usize;
    }
}

/// ISA interrupts are edge-triggered, active high, unless the override's flags state otherwise. Flags with a reserved value
/// are ignored.
fn connection(entry: InterruptSourceOverrideEntry) -> Override {
    let (polarity, trigger) = madt::parse_mps_inti_flags(entry.flags)
        .unwrap_or((madt::Polarity::SameAsBus, TriggerMode::SameAsBus));
    let polarity = match polarity {
        madt::Polarity::ActiveLow => Polarity::Low,
        madt::Polarity::ActiveHigh | madt::Polarity::SameAsBus => Polarity::High,
    };
    let trigger = match trigger {
        TriggerMode::Level => Trigger::Level,
        TriggerMode::Edge | TriggerMode::SameAsBus => Trigger::Edge,
    };
    Override {
        irq: entry.irq,
        line: Line {
            gsi: entry.global_system_interrupt,
            trigger,
            polarity,
        },
    }
}
