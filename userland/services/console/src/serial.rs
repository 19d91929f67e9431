//! Driver for the first serial port, a 16550: reads keys, and sends as many bytes as its transmitter takes.

use abi::Error;
use abi::register::Width;
use runtime::capability::{Cap, Interrupt, IoPorts, Notification};
use runtime::{Start, events};

const COM1: u16 = 0x3f8;
const DATA: u16 = COM1;
const INTERRUPT_ENABLE: u16 = COM1 + 1;
const MODEM_CONTROL: u16 = COM1 + 4;
const LINE_STATUS: u16 = COM1 + 5;

const INTERRUPT_ON_DATA: u32 = 1 << 0;
/// Data terminal ready, request to send, and the output that lets interrupts through.
const MODEM_READY: u32 = 1 << 0 | 1 << 1 | 1 << 3;
const DATA_READY: u32 = 1 << 0;
const TRANSMITTER_EMPTY: u32 = 1 << 5;

/// The capacity of an empty transmitter.
const TRANSMITTER_BYTES: usize = 16;
/// The time that a full transmitter takes to become empty at 115,200 baud.
pub const TRANSMITTER_US: u64 = 1_400;

/// The opened port.
#[derive(Clone, Copy, Debug)]
pub struct Serial {
    ports: Cap<IoPorts>,
    interrupt: Cap<Interrupt>,
}

impl Serial {
    /// Opens the port and enables interrupts for keys; `None` on a machine without a port, where root grants no
    /// capability for it.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn open(start: Start) -> Result<Option<Serial>, Error> {
        let (ports, interrupt) = (start.find("serial"), start.find("serial-interrupt"));
        let (Some(ports), Some(interrupt)) = (ports, interrupt) else {
            return Ok(None);
        };
        let serial = Serial { ports, interrupt };
        let wake: Cap<Notification> = start.require("wake");
        serial.interrupt.bind(Some(wake), events::INTERRUPT)?;
        // The interrupt line is masked at first. It is unmasked before the port may use it, so that no edge is missed.
        serial.interrupt.acknowledge()?;
        serial.write(MODEM_CONTROL, MODEM_READY)?;
        serial.write(INTERRUPT_ENABLE, INTERRUPT_ON_DATA)?;
        Ok(Some(serial))
    }

    /// The next key, if one was typed.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn key(&self) -> Result<Option<u8>, Error> {
        if self.read(LINE_STATUS)? & DATA_READY == 0 {
            return Ok(None);
        }
        self.read(DATA).map(|byte| Some(byte as u8))
    }

    /// Lets the next interrupt arrive.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn acknowledge(&self) -> Result<(), Error> {
        self.interrupt.acknowledge()
    }

    /// Sends as many of these bytes as the transmitter takes now: none while it is not empty. The transmitter's interrupt stays
    /// disabled: it shares its line with the interrupt for keys, and would hide edges of that. Besides, the kernel fills the
    /// transmitter too, with lines of its own.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn send(&self, bytes: impl Iterator<Item = u8>) -> Result<(), Error> {
        if self.read(LINE_STATUS)? & TRANSMITTER_EMPTY == 0 {
            return Ok(());
        }
        let mut bytes = bytes.take(TRANSMITTER_BYTES);
        bytes.try_for_each(|byte| self.write(DATA, byte.into()))
    }

    fn read(&self, port: u16) -> Result<u32, Error> {
        self.ports.read(port, Width::Byte)
    }

    fn write(&self, port: u16, value: u32) -> Result<(), Error> {
        self.ports.write(port, Width::Byte, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::Request;
    use abi::calls::{IoIn, IoOut};
    use abi::register::Slot;
    use core::cell::Cell;
    use runtime::host::{self, CallResult};
    use std::vec::Vec;

    std::thread_local! {
        static STATUS: Cell<u32> = const { Cell::new(0) };
    }

    fn port(request: &Request) -> CallResult {
        let mut results = host::DONE?;
        if let Request::IoIn(IoIn {
            port: LINE_STATUS, ..
        }) = request
        {
            results[0] = STATUS.get().into();
        }
        Ok(results)
    }

    /// The part of a text that is sent with this line status.
    fn sent(status: u32, text: &str) -> Vec<u8> {
        STATUS.set(status);
        let serial = Serial {
            ports: Cap::from_slot(Slot(8)),
            interrupt: Cap::from_slot(Slot(9)),
        };
        let (done, calls) = host::with_kernel(port, || serial.send(text.bytes()));
        assert_eq!(done, Ok(()));
        let byte = |call: &Request| match call {
            Request::IoOut(IoOut {
                port: DATA, value, ..
            }) => Some(*value as u8),
            _ => None,
        };
        calls.iter().filter_map(byte).collect()
    }

    #[test]
    fn sends_what_the_transmitter_takes_and_does_not_wait_for_it() {
        let text = "a line that is longer than a transmitter";
        assert_eq!(sent(DATA_READY, text), b"");
        assert_eq!(sent(TRANSMITTER_EMPTY, text), text.as_bytes()[..16]);
        assert_eq!(sent(TRANSMITTER_EMPTY | DATA_READY, "short"), b"short");
    }
}
