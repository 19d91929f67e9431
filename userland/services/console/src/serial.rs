//! The first serial port, a 16550, as the shell uses it: keys in, text out.
//!
//! Root writes its log to the same port, a line at a time and always to its end, since nobody runs before root.

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
/// How often a full transmitter is looked at before a byte is given up.
const PATIENCE: u32 = 1_000_000;

/// The port.
#[derive(Clone, Copy, Debug)]
pub struct Serial {
    ports: Cap<IoPorts>,
    interrupt: Cap<Interrupt>,
}

impl Serial {
    /// Takes the port, from now on keys interrupt; nothing if the machine has none, so that root gave none.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn open(start: Start) -> Result<Option<Serial>, Error> {
        let (ports, interrupt) = (start.find("serial"), start.find("serial-interrupt"));
        let (Some(ports), Some(interrupt)) = (ports, interrupt) else {
            return Ok(None);
        };
        let serial = Serial { ports, interrupt };
        let wake: Cap<Notification> = start.require("wake");
        serial.interrupt.bind(Some(wake), events::INTERRUPT)?;
        // A line is closed at first. It is opened before the port may use it, so that no edge is missed.
        serial.interrupt.acknowledge()?;
        serial.write(MODEM_CONTROL, MODEM_READY)?;
        serial.write(INTERRUPT_ENABLE, INTERRUPT_ON_DATA)?;
        Ok(Some(serial))
    }

    /// The next key, when there is one.
    ///
    /// # Errors
    /// What the kernel says.
    pub async fn key(&self) -> Result<u8, Error> {
        loop {
            if self.read(LINE_STATUS)? & DATA_READY != 0 {
                return self.read(DATA).map(|byte| byte as u8);
            }
            events::wait(events::INTERRUPT).await;
            // The next may come from now on; what this one was about is looked at afterwards.
            self.interrupt.acknowledge()?;
        }
    }

    /// Shows text; `\n` begins a new line. A port that takes nothing is no reason to stop.
    pub fn show(&self, text: &str) {
        for byte in text.bytes() {
            if byte == b'\n' {
                let _ = self.show_byte(b'\r');
            }
            let _ = self.show_byte(byte);
        }
    }

    fn show_byte(&self, byte: u8) -> Result<(), Error> {
        for _ in 0..PATIENCE {
            if self.read(LINE_STATUS)? & TRANSMITTER_EMPTY != 0 {
                return self.write(DATA, byte.into());
            }
        }
        Err(Error::TimedOut)
    }

    fn read(&self, port: u16) -> Result<u32, Error> {
        self.ports.read(port, Width::Byte)
    }

    fn write(&self, port: u16, value: u32) -> Result<(), Error> {
        self.ports.write(port, Width::Byte, value)
    }
}
