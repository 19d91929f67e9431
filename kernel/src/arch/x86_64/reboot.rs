//! Restarting the machine: [`reboot`] tries one mechanism after the other, until one works.
//!
//! The boot code reads the firmware's register from ACPI's tables and hands it over by [`prepare`], since the tables are not
//! mapped later.

use super::clock::{ticks_per_second, wait_ticks};
use super::port::{io_write, read_byte, write_byte};
use crate::arch::reset::{Mechanism, Register, Reset, mechanisms};
use crate::arch::{IoWidth, Log, VirtAddr, with_log};
use crate::log;
use core::arch::asm;
use spin::Once;
use x86_64::instructions::tables::lidt;
use x86_64::structures::DescriptorTablePointer;

/// The ports of PCI configuration space (PCI Local Bus 3.0, 3.2.2.3.2).
const CONFIGURATION_ADDRESS: u16 = 0xcf8;
const CONFIGURATION_DATA: u16 = 0xcfc;

/// The chipset's reset control register, and its bits: a hard reset, and the edge that triggers it (Intel ICH9 datasheet,
/// 13.7.5).
const RESET_CONTROL: u16 = 0xcf9;
const HARD_RESET: u8 = 1 << 1;
const RESET_PROCESSOR: u8 = 1 << 2;

/// The keyboard controller's port of status and commands, the flag of a command that it has not taken yet, and the command that
/// pulses the processor's reset line.
const KEYBOARD_CONTROLLER: u16 = 0x64;
const INPUT_FULL: u8 = 1 << 1;
const PULSE_RESET: u8 = 0xfe;
/// The maximum number of reads of that status. A machine without the controller reads ones.
const POLLS_MAX: u32 = 100_000;

/// The fraction of a second that a mechanism has until the next one is tried. A chipset resets within milliseconds.
const PATIENCE: u64 = 10;

/// The firmware's register, and where it is mapped if it is in memory.
static FIRMWARE: Once<(Reset, Option<VirtAddr>)> = Once::new();

/// Remembers the firmware's register; `mapped` is its permanent, uncached address if it is in memory.
pub(super) fn prepare(reset: Reset, mapped: Option<VirtAddr>) {
    FIRMWARE.call_once(|| (reset, mapped));
}

/// Restarts the machine, and does not return. Interrupts are off, and this core is the only one that was started.
///
/// Before that, the kernel's log is written completely. Each mechanism is logged by name before it is tried, so the last line
/// names the one that worked.
pub fn reboot() {
    with_log(Log::become_immediate);
    for mechanism in mechanisms(FIRMWARE.get().map(|(reset, _)| *reset)) {
        log!("the machine restarts by {}", name(mechanism));
        attempt(mechanism);
        wait_ticks(ticks_per_second() / PATIENCE);
    }
    unreachable!("a processor without an interrupt table does not survive an exception")
}

fn name(mechanism: Mechanism) -> &'static str {
    match mechanism {
        Mechanism::Firmware(_) => "ACPI's reset register",
        Mechanism::Chipset => "port 0xcf9",
        Mechanism::KeyboardController => "the keyboard controller",
        Mechanism::TripleFault => "a triple fault",
    }
}

fn attempt(mechanism: Mechanism) {
    match mechanism {
        Mechanism::Firmware(reset) => write_register(reset),
        Mechanism::Chipset => {
            write_byte(RESET_CONTROL, HARD_RESET);
            write_byte(RESET_CONTROL, HARD_RESET | RESET_PROCESSOR);
        }
        Mechanism::KeyboardController => {
            if (0..POLLS_MAX).any(|_| read_byte(KEYBOARD_CONTROLLER) & INPUT_FULL == 0) {
                write_byte(KEYBOARD_CONTROLLER, PULSE_RESET);
            }
        }
        Mechanism::TripleFault => fault(),
    }
}

/// Writes the firmware's register.
fn write_register(Reset { register, value }: Reset) {
    match register {
        Register::Port(port) => write_byte(port, value),
        Register::Memory(_) => {
            let mapped = FIRMWARE.get().and_then(|(_, mapped)| *mapped);
            if let Some(address) = mapped {
                // SAFETY: the boot code mapped the register there permanently, uncached, and no other code uses it.
                unsafe { address.as_mut_ptr::<u8>().write_volatile(value) };
            }
        }
        Register::Configuration {
            device,
            function,
            offset,
        } => {
            const ENABLE: u32 = 1 << 31;
            let place = u32::from(device) << 11 | u32::from(function) << 8;
            let address = ENABLE | place | u32::from(offset & !3);
            io_write(CONFIGURATION_ADDRESS, IoWidth::Long, address);
            write_byte(CONFIGURATION_DATA + u16::from(offset & 3), value);
        }
    }
}

/// Raises an exception without an interrupt table, so that neither it nor a double fault can be delivered.
fn fault() -> ! {
    let empty = DescriptorTablePointer {
        limit: 0,
        base: VirtAddr::zero(),
    };
    // SAFETY: nothing runs after this: the processor shuts down at the exception.
    unsafe {
        lidt(&empty);
        asm!("ud2", options(noreturn));
    }
}
