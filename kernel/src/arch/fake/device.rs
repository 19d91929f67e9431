//! Clock, timer, ports, interrupt controllers and console, which record what the kernel did to each.

use std::fmt;

use super::machine::{Event, record, with};
use crate::arch::{IoWidth, TRANSMITTER_BYTES};

/// The clock. Every read advances it by the machine's step.
pub fn ticks() -> u64 {
    with(|state| {
        state.ticks += state.ticks_step;
        state.ticks
    })
}

/// Ticks per second: the fake clock counts nanoseconds.
pub fn ticks_per_second() -> u64 {
    1_000_000_000
}

/// Arms the timer to fire once at this tick, replacing an earlier request.
pub fn arm_timer(deadline_ticks: u64) {
    record(Event::ArmTimer(deadline_ticks), |state| {
        state.timer = Some(deadline_ticks);
    });
}

/// The number of bits in a physical address.
pub fn physical_address_bits() -> u32 {
    40
}

/// Reads a port. No device is connected, so all bits are ones.
pub fn io_read(port: u16, width: IoWidth) -> u32 {
    let ones = match width {
        IoWidth::Byte => 0xff,
        IoWidth::Word => 0xffff,
        IoWidth::Long => u32::MAX,
    };
    record(Event::IoRead { port, width }, |_| ones)
}

/// Writes a port.
pub fn io_write(port: u16, width: IoWidth, value: u32) {
    record(Event::IoWrite { port, width, value }, |_| ());
}

/// Whether there is a console.
pub fn console_is_present() -> bool {
    true
}

/// Whether the console accepts [`TRANSMITTER_BYTES`] now.
pub fn console_transmitter_is_empty() -> bool {
    with(|state| state.transmitter.is_none_or(|held| held == 0))
}

/// Writes a byte to the console, whose transmitter has room.
pub fn console_put(byte: u8) {
    with(|state| {
        state.console.push(byte);
        if let Some(held) = &mut state.transmitter {
            *held += 1;
            assert!(
                *held <= TRANSMITTER_BYTES,
                "a byte was written to a full transmitter"
            );
        }
    });
}

/// Shows a line on the screen.
pub fn screen_put_line(line: fmt::Arguments<'_>) {
    let line = line.to_string();
    with(|state| state.screen.push(line));
}

/// Records that the machine would restart. Unlike the real one, this machine runs on.
pub fn reboot() {
    record(Event::Reboot, |_| ());
}

/// A number that is hard to guess. The fake machine's sequence depends only on its seed, so tests are reproducible.
pub fn random_seed() -> u64 {
    with(|state| {
        state.seed = state.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state.seed ^ (state.seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 31)
    })
}

/// The interrupt controllers: 24 lines, all masked at first.
pub mod interrupts {
    use super::{Event, record};
    use crate::arch::{Line, NoSuchLine, Polarity, Trigger};

    /// The lines of the fake machine.
    const LINES: u32 = 24;

    /// The line that the interrupt of an ISA device is connected to, after the firmware's overrides. Here the timer's
    /// (0) is moved to line 2, and the ACPI interrupt (9) is level-triggered.
    pub fn isa_line(irq: u8) -> Line {
        Line {
            gsi: if irq == 0 { 2 } else { u32::from(irq) },
            trigger: if irq == 9 {
                Trigger::Level
            } else {
                Trigger::Edge
            },
            polarity: Polarity::High,
        }
    }

    /// The line of a PCI device, after the firmware's overrides.
    pub fn pci_line(gsi: u32) -> Line {
        Line {
            gsi,
            trigger: Trigger::Level,
            polarity: if gsi == 9 {
                Polarity::High
            } else {
                Polarity::Low
            },
        }
    }

    /// Routes a line to a vector. It stays masked until it is unmasked.
    pub fn route_line(line: Line, vector: u8) -> Result<(), NoSuchLine> {
        check(line.gsi)?;
        record(Event::RouteLine { line, vector }, |state| {
            state.open_lines.remove(&line.gsi);
            Ok(())
        })
    }

    /// Masks a line.
    pub fn mask_line(gsi: u32) -> Result<(), NoSuchLine> {
        check(gsi)?;
        record(Event::MaskLine(gsi), |state| {
            state.open_lines.remove(&gsi);
            Ok(())
        })
    }

    /// Unmasks a line.
    pub fn unmask_line(gsi: u32) -> Result<(), NoSuchLine> {
        check(gsi)?;
        record(Event::UnmaskLine(gsi), |state| {
            state.open_lines.insert(gsi);
            Ok(())
        })
    }

    /// The address and data with which a device's message (MSI, MSI-X) raises a vector.
    pub fn message(vector: u8) -> (u64, u32) {
        (0xfee0_0000, u32::from(vector))
    }

    fn check(gsi: u32) -> Result<(), NoSuchLine> {
        (gsi < LINES).then_some(()).ok_or(NoSuchLine { gsi })
    }
}
