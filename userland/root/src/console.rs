//! The machine's console: the first serial port, one line at a time, each with the name of who says it.

use abi::Error;
use abi::register::Width;
use runtime::capability::{Cap, Hardware, Interrupt, IoPorts, Pool, Trigger};
use spin::Mutex;

const COM1: u16 = 0x3f8;
const PORTS: u32 = 8;
const DATA: u16 = COM1;
const LINE_STATUS: u16 = COM1 + 5;
const TRANSMITTER_EMPTY: u32 = 1 << 5;
/// How many bytes fit an empty transmitter.
const TRANSMITTER_BYTES: usize = 16;
/// How often a full transmitter is looked at before its bytes are given up: a port without a machine behind it may
/// never get empty.
const PATIENCE: u32 = 1_000_000;

/// The interrupt line that every PC's first serial port has.
const LINE: u32 = 4;

static PORT: Mutex<Option<Cap<IoPorts>>> = Mutex::new(None);
static INTERRUPT: Mutex<Option<Cap<Interrupt>>> = Mutex::new(None);

/// Takes the serial port; root's own log goes there from now on.
///
/// # Errors
/// Why the kernel does not give it.
pub fn open(hardware: Cap<Hardware>, pool: Cap<Pool>) -> Result<(), Error> {
    *PORT.lock() = Some(hardware.create_ports(pool, COM1, PORTS)?);
    // Root only writes; the interrupt is for who reads.
    *INTERRUPT.lock() = hardware
        .create_line_interrupt(pool, LINE, Trigger::EdgeHigh)
        .ok();
    runtime::logging::set_sink(|line| print("root", line.as_bytes()));
    Ok(())
}

/// The serial port and its interrupt, for who reads what is typed.
pub fn serial() -> Option<(Cap<IoPorts>, Cap<Interrupt>)> {
    Some(((*PORT.lock())?, (*INTERRUPT.lock())?))
}

/// Prints a line as said by `name`. What is no visible character or UTF-8 prints as `?`, so that nobody can pretend
/// to be another or confuse a terminal.
pub fn print(name: &str, line: &[u8]) {
    let Some(port) = *PORT.lock() else {
        return;
    };
    let parts: [&[u8]; 5] = [b"[", name.as_bytes(), b"] ", line, b"\r\n"];
    let last = parts.len() - 1;
    let bytes = parts.iter().enumerate().flat_map(|(index, part)| {
        part.iter()
            .map(move |byte| if index == last { *byte } else { visible(*byte) })
    });
    // A console that fails is no reason to stop.
    let _ = write(port, bytes);
}

fn visible(byte: u8) -> u8 {
    match byte {
        b'\t' | b' '..=b'~' | 0x80.. => byte,
        _ => b'?',
    }
}

fn write(port: Cap<IoPorts>, bytes: impl Iterator<Item = u8>) -> Result<(), Error> {
    let mut room = 0;
    for byte in bytes {
        if room == 0 {
            await_empty(port)?;
            room = TRANSMITTER_BYTES;
        }
        port.write(DATA, Width::Byte, byte.into())?;
        room -= 1;
    }
    Ok(())
}

fn await_empty(port: Cap<IoPorts>) -> Result<(), Error> {
    for _ in 0..PATIENCE {
        if port.read(LINE_STATUS, Width::Byte)? & TRANSMITTER_EMPTY != 0 {
            return Ok(());
        }
    }
    Err(Error::TimedOut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_end_itself_or_command_a_terminal() {
        for byte in [b'\n', b'\r', 0x1b, 0, 0x7f] {
            assert_eq!(visible(byte), b'?');
        }
        for byte in "aZ ~\tä".bytes() {
            assert_eq!(visible(byte), byte);
        }
    }
}
