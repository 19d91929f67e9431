//! Device interrupts: lines (I/O APICs) and messages.
//!
//! A level-triggered line is masked when it interrupts, before the interrupt is acknowledged, and stays masked until the
//! kernel unmasks it. Otherwise it would interrupt without end, since the device keeps requesting the interrupt until its
//! driver has served it.

use super::apic;
use super::port::write_byte;
use crate::arch::acpi::{IO_APICS_MAX, Override};
use crate::arch::io_apics::Lines;
use crate::arch::level_lines::LevelLines;
use crate::arch::{Line, NoSuchLine, Polarity, Trigger, VirtAddr};
use heapless::Vec;
use spin::Mutex;
use x2apic::ioapic::{IoApic, IrqFlags, IrqMode, RedirectionTableEntry};

/// The machine's I/O APICs.
struct Controllers {
    chips: Vec<Chip, IO_APICS_MAX>,
    overrides: [Option<Line>; 16],
    level_lines: LevelLines,
}

/// One I/O APIC.
struct Chip {
    lines: Lines,
    registers: IoApic,
}

static CONTROLLERS: Mutex<Controllers> = Mutex::new(Controllers {
    chips: Vec::new(),
    overrides: [None; 16],
    level_lines: LevelLines::new(),
});

/// Masks the legacy interrupt controllers permanently; they would raise the vectors of exceptions.
pub(super) fn mask_legacy_controllers() {
    const MASKS: [u16; 2] = [0x21, 0xa1];
    for port in MASKS {
        write_byte(port, 0xff);
    }
}

/// Adds an I/O APIC whose registers are mapped permanently at `registers`, and masks all its lines, unless its registers or its lines
/// cannot be.
pub(super) fn add_io_apic(first: u32, registers: VirtAddr) {
    // SAFETY: the boot code mapped the registers uncached, and hands each I/O APIC over once.
    let mut registers = unsafe { IoApic::new(registers.as_u64()) };
    // SAFETY: reading the version has no effect.
    let version = unsafe { [registers.version(), registers.max_table_entry()] };
    let mut controllers = CONTROLLERS.lock();
    let earlier = controllers.chips.iter().map(|chip| chip.lines);
    let lines = match Lines::try_new(first, version, earlier) {
        Ok(lines) => lines,
        Err(problem) => {
            crate::log!("the I/O APIC from line {first} on is not used: {problem}");
            return;
        }
    };
    for index in 0..lines.count() {
        // SAFETY: a masked line raises no interrupt.
        unsafe { registers.disable_irq(index as u8) };
    }
    if controllers.chips.push(Chip { lines, registers }).is_err() {
        crate::log!("more than {IO_APICS_MAX} I/O APICs: lines from {first} on are not usable");
    }
}

/// Records the connection of an ISA interrupt.
pub(super) fn add_override(connection: Override) {
    let mut controllers = CONTROLLERS.lock();
    if let Some(slot) = controllers.overrides.get_mut(usize::from(connection.irq)) {
        *slot = Some(connection.line);
    }
}

/// The number of lines.
pub(super) fn line_count() -> u32 {
    let controllers = CONTROLLERS.lock();
    controllers
        .chips
        .iter()
        .map(|chip| chip.lines.count())
        .sum()
}

/// The line that the interrupt of an ISA device is connected to, after the firmware's overrides.
pub fn isa_line(irq: u8) -> Line {
    let overridden = CONTROLLERS.lock().overrides.get(usize::from(irq)).copied();
    overridden.flatten().unwrap_or(Line {
        gsi: irq.into(),
        trigger: Trigger::Edge,
        polarity: Polarity::High,
    })
}

/// The line of a PCI device: level-triggered, and active low unless a level-triggered override of the firmware states another
/// polarity.
pub fn pci_line(gsi: u32) -> Line {
    let overrides = CONTROLLERS.lock().overrides;
    let mut lines = overrides.into_iter().flatten();
    let overridden = lines.find(|line| line.gsi == gsi && line.trigger == Trigger::Level);
    overridden.unwrap_or(Line {
        gsi,
        trigger: Trigger::Level,
        polarity: Polarity::Low,
    })
}

/// Routes a line to a vector, on this core. It stays masked until it is unmasked.
pub fn route_line(line: Line, vector: u8) -> Result<(), NoSuchLine> {
    let mut controllers = CONTROLLERS.lock();
    let mut flags = IrqFlags::MASKED;
    flags.set(IrqFlags::LEVEL_TRIGGERED, line.trigger == Trigger::Level);
    flags.set(IrqFlags::LOW_ACTIVE, line.polarity == Polarity::Low);
    let mut entry = RedirectionTableEntry::default();
    entry.set_mode(IrqMode::Fixed);
    entry.set_flags(flags);
    entry.set_vector(vector);
    entry.set_dest(apic::destination());
    controllers.with_line(line.gsi, |registers, index| {
        // SAFETY: the entry is masked, and its vector has its gate.
        unsafe { registers.set_table_entry(index, entry) };
    })?;
    controllers.level_lines.route(line, vector);
    Ok(())
}

/// Masks a line.
pub fn mask_line(gsi: u32) -> Result<(), NoSuchLine> {
    CONTROLLERS.lock().mask(gsi)
}

/// Unmasks a line.
pub fn unmask_line(gsi: u32) -> Result<(), NoSuchLine> {
    CONTROLLERS.lock().with_line(gsi, |registers, index| {
        // SAFETY: the kernel unmasks only lines that it has routed, and the vector of such a line has its gate.
        unsafe { registers.enable_irq(index) };
    })
}

/// The address and data with which a device's message (MSI, MSI-X) raises a vector on this core.
pub fn message(vector: u8) -> (u64, u32) {
    const MESSAGES: u64 = 0xfee0_0000;
    let address = MESSAGES | u64::from(apic::destination()) << 12;
    (address, vector.into())
}

/// Masks the line routed to a vector if it is level-triggered.
pub(super) fn mask_level_line(vector: u8) {
    let mut controllers = CONTROLLERS.lock();
    if let Some(gsi) = controllers.level_lines.behind(vector) {
        // `route_line` recorded it, so the line exists.
        let _ = controllers.mask(gsi);
    }
}

impl Controllers {
    fn mask(&mut self, gsi: u32) -> Result<(), NoSuchLine> {
        self.with_line(gsi, |registers, index| {
            // SAFETY: a masked line raises no interrupt.
            unsafe { registers.disable_irq(index) };
        })
    }

    fn with_line(
        &mut self,
        gsi: u32,
        action: impl FnOnce(&mut IoApic, u8),
    ) -> Result<(), NoSuchLine> {
        for chip in &mut self.chips {
            if let Some(index) = chip.lines.index(gsi) {
                action(&mut chip.registers, index);
                return Ok(());
            }
        }
        Err(NoSuchLine { gsi })
    }
}
