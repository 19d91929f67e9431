//! The serial port, and the device that ends QEMU.

use core::fmt::{self, Write};

use runtime::abi::register::Width;
use runtime::capability::{Hardware, IoPorts, Pool};
use runtime::{Cap, Error, Start};

const SERIAL: u16 = 0x3f8;
/// The line status register, and its bits: a byte was received; a byte can be sent.
const STATUS: u16 = SERIAL + 5;
const RECEIVED: u32 = 1;
const CAN_SEND: u32 = 1 << 5;
const EXIT: u16 = 0xf4;

/// The longest line of input.
const LINE_BYTES_MAX: usize = 64;

/// The exit status for QEMU.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every check passed.
    Passed = 0x10,
    /// A check failed; the console has the details.
    Failed = 0x11,
}

/// The ports of the serial port and of the exit device.
pub struct Console {
    name: &'static str,
    serial: Cap<IoPorts>,
    exit: Cap<IoPorts>,
}

impl Console {
    /// Opens the ports, for the guest of this name.
    ///
    /// # Errors
    /// The error of `IoPortsCreate`.
    pub fn open(start: &Start, name: &'static str) -> Result<Console, Error> {
        let hardware = start.require::<Hardware>("hardware");
        let pool = start.require::<Pool>("pool");
        Ok(Console {
            name,
            serial: hardware.create_ports(pool, SERIAL, 8)?,
            exit: hardware.create_ports(pool, EXIT, 4)?,
        })
    }

    /// Prints a line. The kernel has initialised the port.
    pub fn line(&self, text: fmt::Arguments<'_>) {
        // The writer below never fails.
        let _ = writeln!(Serial(self.serial), "[{}] {text}", self.name);
    }

    /// Reads a line of numbers. A missing or malformed number is 0.
    pub fn numbers<const COUNT: usize>(&self) -> [u64; COUNT] {
        let mut line = [0; LINE_BYTES_MAX];
        let mut length = 0;
        loop {
            match self.byte() {
                b'\n' | b'\r' => break,
                byte if length < LINE_BYTES_MAX => {
                    line[length] = byte;
                    length += 1;
                }
                _ => {}
            }
        }
        let text = core::str::from_utf8(&line[..length]).unwrap_or("");
        let mut words = text.split_whitespace();
        core::array::from_fn(|_| words.next().and_then(|word| word.parse().ok()).unwrap_or(0))
    }

    /// Prints the outcome of the run and ends the machine.
    pub fn finish(&self, outcome: Result<(), impl fmt::Display>) -> ! {
        match outcome {
            Ok(()) => {
                self.line(format_args!("passed"));
                self.end(Verdict::Passed)
            }
            Err(failure) => {
                self.line(format_args!("failed: {failure}"));
                self.end(Verdict::Failed)
            }
        }
    }

    /// Ends the machine.
    pub fn end(&self, verdict: Verdict) -> ! {
        // Without the device the machine runs until the test times out.
        let _ = self.exit.write(EXIT, Width::Byte, verdict as u32);
        loop {
            core::hint::spin_loop();
        }
    }

    fn byte(&self) -> u8 {
        while self.serial.read(STATUS, Width::Byte).unwrap_or(0) & RECEIVED == 0 {
            core::hint::spin_loop();
        }
        self.serial.read(SERIAL, Width::Byte).unwrap_or(0) as u8
    }
}

struct Serial(Cap<IoPorts>);

impl Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            while self.0.read(STATUS, Width::Byte).unwrap_or(CAN_SEND) & CAN_SEND == 0 {
                core::hint::spin_loop();
            }
            // A lost byte garbles the line, which the test notices.
            let _ = self.0.write(SERIAL, Width::Byte, byte.into());
        }
        Ok(())
    }
}
