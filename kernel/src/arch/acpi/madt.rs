//! The table of interrupt controllers (MADT), read by hand: [`Madt`].
//!
//! ```text
//!   0 header   36 u32 address of the local APICs, u32 flags   44 entries: u8 kind, u8 length, ...
//! ```

use super::word;
use crate::arch::{Line, Polarity, Trigger};
use heapless::Vec;

/// The most I/O APICs that are used.
pub(in crate::arch) const IO_APICS_MAX: usize = 16;

const ENTRIES_OFFSET: usize = 44;

/// The kinds of entries that are of interest.
const LOCAL_APIC: u8 = 0;
const IO_APIC: u8 = 1;
const OVERRIDE: u8 = 2;
const LOCAL_APIC_NMI: u8 = 4;
const LOCAL_X2APIC: u8 = 9;
const LOCAL_X2APIC_NMI: u8 = 10;

/// The numbers that stand for every processor, in entries of either width.
const EVERY_PROCESSOR: u32 = 0xff;
const EVERY_PROCESSOR_LONG: u32 = u32::MAX;

/// The line that an ISA interrupt is connected to, where it is not the one of its own number.
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
    /// How many cores could run.
    pub(in crate::arch) cores: usize,
    /// The I/O APICs: the number of the first line, and the address of the registers.
    pub(in crate::arch) io_apics: Vec<(u32, u64), IO_APICS_MAX>,
    /// How ISA interrupts are connected, where that is unusual.
    pub(in crate::arch) overrides: Vec<Override, 16>,
    /// At which of its two pins the boot core gets NMIs.
    pub(in crate::arch) nmi_pins: [bool; 2],
    /// How many entries were left out: malformed, or more than there is room for.
    pub(in crate::arch) left_out: usize,
}

/// The table's own number of the boot core, and the pins of NMIs by such numbers.
#[derive(Default)]
struct Nmis {
    boot_processor: Option<u32>,
    pins: Vec<(Option<u32>, u8), 16>,
}

impl Madt {
    /// Reads a whole table. `boot_core` is the APIC's number of the running core.
    pub(in crate::arch) fn read(table: &[u8], boot_core: u32) -> Self {
        let (mut madt, mut nmis) = (Self::default(), Nmis::default());
        let mut rest = table.get(ENTRIES_OFFSET..).unwrap_or_default();
        while let [kind, length, ..] = *rest {
            // A length of zero, which some firmware has, would never end; one beyond the table has no entry.
            let entry = rest.split_at_checked(length.into());
            let Some((entry, next)) = entry.filter(|_| length >= 2) else {
                madt.left_out += 1;
                break;
            };
            if madt.note(kind, entry, boot_core, &mut nmis).is_none() {
                madt.left_out += 1;
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

    /// Notes one entry; none if it is too short for its kind, or there is no room for it.
    fn note(&mut self, kind: u8, entry: &[u8], boot_core: u32, nmis: &mut Nmis) -> Option<()> {
        match kind {
            LOCAL_APIC => {
                let entry: &[u8; 8] = entry.first_chunk()?;
                self.note_core(word(entry, 4));
                if u32::from(entry[3]) == boot_core {
                    nmis.boot_processor = Some(entry[2].into());
                }
            }
            LOCAL_X2APIC => {
                let entry: &[u8; 16] = entry.first_chunk()?;
                self.note_core(word(entry, 8));
                if word(entry, 4) == boot_core {
                    nmis.boot_processor = Some(word(entry, 12));
                }
            }
            IO_APIC => {
                let entry: &[u8; 12] = entry.first_chunk()?;
                let chip = (word(entry, 8), word(entry, 4).into());
                self.io_apics.push(chip).ok()?;
            }
            OVERRIDE => {
                let entry: &[u8; 10] = entry.first_chunk()?;
                self.overrides.push(connection(entry)).ok()?;
            }
            LOCAL_APIC_NMI => {
                let entry: &[u8; 6] = entry.first_chunk()?;
                let processor = Some(entry[2].into()).filter(|&number| number != EVERY_PROCESSOR);
                nmis.pins.push((processor, entry[5])).ok()?;
            }
            LOCAL_X2APIC_NMI => {
                let entry: &[u8; 12] = entry.first_chunk()?;
                let number = word(entry, 4);
                let processor = (number != EVERY_PROCESSOR_LONG).then_some(number);
                nmis.pins.push((processor, entry[8])).ok()?;
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

/// ISA interrupts are edges, active high, where an override does not say otherwise.
fn connection(entry: &[u8; 10]) -> Override {
    const LOW: u16 = 0b11;
    const LEVEL: u16 = 0b11;
    let flags = u16::from_le_bytes([entry[8], entry[9]]);
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
    Override {
        irq: entry[3],
        line: Line {
            gsi: word(entry, 4),
            trigger,
            polarity,
        },
    }
}
