//! The entries of the table of interrupt controllers, correct and malformed.

use super::*;
use crate::arch::{Line, Polarity, Trigger};

#[test]
fn reads_cores_chips_and_overrides() {
    let disabled: &[u8] = &[0, 8, 1, 1, 0, 0, 0, 0];
    let long_core: &[u8] = &[9, 16, 0, 0, 44, 1, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0];
    let timer: &[u8] = &[2, 10, 0, 0, 2, 0, 0, 0, 0, 0];
    let acpi: &[u8] = &[2, 10, 0, 9, 9, 0, 0, 0, 0xf, 0];
    let table = madt_of(&[CORE, disabled, long_core, CHIP, timer, acpi]);
    let read = Madt::read(&table, 0);
    assert_eq!((read.cores, read.skipped), (2, 0));
    assert_eq!(read.io_apics, [(24, 0xfec0_0000)]);
    let connected = |irq, gsi, trigger, polarity| Override {
        irq,
        line: Line {
            gsi,
            trigger,
            polarity,
        },
    };
    let expected = [
        connected(0, 2, Trigger::Edge, Polarity::High),
        connected(9, 9, Trigger::Level, Polarity::Low),
    ];
    assert_eq!(read.overrides, expected);
}

#[test]
fn an_override_signals_as_its_flags_state() {
    // Two bits of polarity, then two of trigger mode: 0 ISA's default, 1 high or edge, 3 low or level, 2 reserved.
    for (flags, trigger, polarity) in [
        (0b0101, Trigger::Edge, Polarity::High),
        (0b0011, Trigger::Edge, Polarity::Low),
        (0b1100, Trigger::Level, Polarity::High),
        (0b1101, Trigger::Level, Polarity::High),
        (0b0010, Trigger::Edge, Polarity::High),
        (0b1000, Trigger::Edge, Polarity::High),
        (0b1110, Trigger::Edge, Polarity::High),
    ] {
        let read = Madt::read(&madt_of(&[&[2, 10, 0, 5, 0x15, 1, 0, 0, flags, 0]]), 0);
        let line = Line {
            gsi: 0x115,
            trigger,
            polarity,
        };
        assert_eq!(read.overrides, [Override { irq: 5, line }], "{flags:#b}");
    }
}

#[test]
fn an_entry_without_length_ends_the_walk() {
    let read = Madt::read(&madt_of(&[CORE, &[1, 0], CHIP]), 0);
    assert_eq!((read.cores, read.skipped), (1, 1));
    assert!(read.io_apics.is_empty());
}

#[test]
fn an_entry_longer_than_the_table_or_shorter_than_its_kind_is_skipped() {
    let read = Madt::read(&madt_of(&[CORE, &[1, 200, 0, 0]]), 0);
    assert_eq!((read.cores, read.skipped), (1, 1));
    let read = Madt::read(&madt_of(&[&[1, 4, 0, 0], CORE, &[0, 2]]), 0);
    assert_eq!((read.cores, read.skipped), (1, 2));
}

#[test]
fn a_table_without_entries_or_without_its_own_fields_is_empty() {
    for table in [madt_of(&[]), table_of(b"APIC", &[]), vec![], vec![0; 45]] {
        assert_eq!(Madt::read(&table, 0), Madt::default());
    }
}

#[test]
fn more_entries_than_fit_are_skipped() {
    let read = Madt::read(&madt_of(&[CHIP; IO_APICS_MAX + 3]), 0);
    assert_eq!((read.io_apics.len(), read.skipped), (IO_APICS_MAX, 3));
}

#[test]
fn nmis_reach_the_pin_that_the_table_names_for_this_core() {
    // The boot core has APIC id 3, and number 7 in the table.
    let nmi = |processor, pin| [4, 6, processor, 0, 0, pin];
    let pins = |entries: &[&[u8]]| Madt::read(&madt_of(entries), 3).nmi_pins;
    assert_eq!(pins(&[CORE, &nmi(7, 1)]), [false, true]);
    assert_eq!(pins(&[&nmi(0xff, 1), CORE]), [false, true]);
    assert_eq!(pins(&[&nmi(7, 0), CORE]), [true, false]);
    assert_eq!(pins(&[CORE, &nmi(8, 1)]), [false, false]);
    assert_eq!(pins(&[CORE, &nmi(7, 2)]), [false, false]);
    let long = |processor: u32| {
        let mut entry = vec![10, 12, 0, 0];
        entry.extend(processor.to_le_bytes());
        entry.extend([1, 0, 0, 0]);
        entry
    };
    assert_eq!(pins(&[&long(u32::MAX)]), [false, true]);
    assert_eq!(pins(&[CORE, &long(8)]), [false, false]);
}
