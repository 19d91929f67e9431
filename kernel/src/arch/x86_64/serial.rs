//! The kernel's console: the first serial port, a 16550, used without interrupts. Its output comes from a [`Log`].

use super::port::{read_byte, write_byte};
use crate::arch::{CONSOLE_PORT, Log};
use core::sync::atomic::{AtomicBool, Ordering};

const DATA: u16 = CONSOLE_PORT;
const INTERRUPT_ENABLE: u16 = DATA + 1;
const FIFO_CONTROL: u16 = DATA + 2;
const LINE_CONTROL: u16 = DATA + 3;
const MODEM_CONTROL: u16 = DATA + 4;
const LINE_STATUS: u16 = DATA + 5;
const SCRATCH: u16 = DATA + 7;

/// The bit of LINE_STATUS that reports an empty transmitter FIFO.
const TRANSMITTER_EMPTY: u8 = 1 << 5;

static PRESENT: AtomicBool = AtomicBool::new(false);
static LOG: Log = Log::immediate();

/// Sets the port to 115,200 baud, 8N1, FIFOs on, interrupts off; a machine without the port stays silent.
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
    // Sets DTR, RTS and OUT2. OUT2 passes the interrupt on once a driver enables it.
    write_byte(MODEM_CONTROL, 0b1011);
    PRESENT.store(true, Ordering::Relaxed);
}

/// Runs `action` on the kernel's log.
pub fn with_log<T>(action: impl FnOnce(&Log) -> T) -> T {
    action(&LOG)
}

/// Whether the machine has the port.
pub fn console_is_present() -> bool {
    PRESENT.load(Ordering::Relaxed)
}

/// Whether the port accepts [`TRANSMITTER_BYTES`](crate::arch::TRANSMITTER_BYTES) now.
pub fn console_transmitter_is_empty() -> bool {
    read_byte(LINE_STATUS) & TRANSMITTER_EMPTY != 0
}

/// Writes a byte to the port, whose transmitter has room.
pub fn console_put(byte: u8) {
    write_byte(DATA, byte);
}
