//! The kernel's console: the first serial port (a 16550 at 0x3f8), written without interrupts.

use super::port::{read_byte, write_byte};
use core::sync::atomic::{AtomicBool, Ordering};

const DATA: u16 = 0x3f8;
const INTERRUPT_ENABLE: u16 = DATA + 1;
const FIFO_CONTROL: u16 = DATA + 2;
const LINE_CONTROL: u16 = DATA + 3;
const MODEM_CONTROL: u16 = DATA + 4;
const LINE_STATUS: u16 = DATA + 5;
const SCRATCH: u16 = DATA + 7;

/// The bit of LINE_STATUS that says that a byte may be written.
const TRANSMITTER_EMPTY: u8 = 1 << 5;

/// How often LINE_STATUS is read before a byte is given up: at 1 us a read, longer than a byte takes at 1,200 baud.
const POLLS_MAX: u32 = 10_000;

static PRESENT: AtomicBool = AtomicBool::new(false);

/// Sets the port to 115,200 baud, 8N1, FIFOs on, interrupts off; a machine without one stays silent.
pub(super) fn initialise() {
    write_byte(SCRATCH, 0x5a);
    if read_byte(SCRATCH) != 0x5a {
        return;
    }
    const DIVISOR_ACCESS: u8 = 0x80;
    write_byte(INTERRUPT_ENABLE, 0);
    write_byte(LINE_CONTROL, DIVISOR_ACCESS);
    write_byte(DATA, 1);
    write_byte(INTERRUPT_ENABLE, 0);
    write_byte(LINE_CONTROL, 0b011);
    write_byte(FIFO_CONTROL, 0b111);
    // DTR, RTS and OUT2, which lets the interrupt out once a driver enables it.
    write_byte(MODEM_CONTROL, 0b1011);
    PRESENT.store(true, Ordering::Relaxed);
}

/// Writes to the kernel's console, with carriage returns where a terminal wants them.
pub fn console_write(bytes: &[u8]) {
    if !PRESENT.load(Ordering::Relaxed) {
        return;
    }
    for &byte in bytes {
        if byte == b'\n' {
            write_when_empty(b'\r');
        }
        write_when_empty(byte);
    }
}

fn write_when_empty(byte: u8) {
    for _ in 0..POLLS_MAX {
        if read_byte(LINE_STATUS) & TRANSMITTER_EMPTY != 0 {
            return write_byte(DATA, byte);
        }
        core::hint::spin_loop();
    }
}
