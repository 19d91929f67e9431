//! The serial line, and the device that ends QEMU.

use core::fmt::{self, Write};

use runtime::abi::register::Width;
use runtime::capability::{Hardware, IoPorts, Pool};
use runtime::{Cap, Error, Start};

const SERIAL: u16 = 0x3f8;
const EXIT: u16 = 0xf4;

/// How the guest ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every scene was played.
    Passed = 0x10,
    /// One was not; the console says which and why.
    Failed = 0x11,
}

/// Ports of the serial line and of the exit device.
pub struct Console {
    serial: Cap<IoPorts>,
    exit: Cap<IoPorts>,
}

impl Console {
    /// Takes the ports.
    pub fn open(start: &Start) -> Result<Console, Error> {
        let hardware = start.require::<Hardware>("hardware");
        let pool = start.require::<Pool>("pool");
        Ok(Console {
            serial: hardware.create_ports(pool, SERIAL, 8)?,
            exit: hardware.create_ports(pool, EXIT, 4)?,
        })
    }

    /// Prints a line. The kernel has set the line up, and QEMU's is always ready.
    pub fn line(&self, text: fmt::Arguments<'_>) {
        // The writer below never fails.
        let _ = writeln!(Serial(self.serial), "{text}");
    }

    /// Ends the machine.
    pub fn end(&self, verdict: Verdict) -> ! {
        // Without the device the machine goes on, and whoever waits for it gives up.
        let _ = self.exit.write(EXIT, Width::Byte, verdict as u32);
        loop {
            core::hint::spin_loop();
        }
    }
}

struct Serial(Cap<IoPorts>);

impl Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            // A byte that is lost makes its line unreadable, which whoever reads it says.
            let _ = self.0.write(SERIAL, Width::Byte, byte.into());
        }
        Ok(())
    }
}
