//! The machine's console: the first serial port, one line at a time, each with the name of who says it. The last lines
//! are kept besides, in a [`Journal`].

use abi::Error;
use abi::register::Width;
use runtime::capability::{Bus, Cap, Hardware, Interrupt, IoPorts, Pool};
use runtime::protocol::Name;
use runtime::protocol::journal::Line;
use spin::Mutex;

use crate::journal::Journal;

const COM1: u16 = 0x3f8;
const PORTS: u32 = 8;
const DATA: u16 = COM1;
const LINE_STATUS: u16 = COM1 + 5;
const SCRATCH: u16 = COM1 + 7;
/// What is written to the scratch register, which keeps it and does nothing else. It is not what a bus without a device
/// reads as.
const PROBE: u32 = 0x5a;
const TRANSMITTER_EMPTY: u32 = 1 << 5;
/// How many bytes fit an empty transmitter.
const TRANSMITTER_BYTES: usize = 16;
/// How often a full transmitter is looked at before its bytes are given up: a port without a machine behind it may
/// never get empty.
const PATIENCE: u32 = 1_000_000;

/// The ISA interrupt that every PC's first serial port has.
const LINE: u32 = 4;

static PORT: Mutex<Option<Cap<IoPorts>>> = Mutex::new(None);
static INTERRUPT: Mutex<Option<Cap<Interrupt>>> = Mutex::new(None);
static JOURNAL: Mutex<Journal> = Mutex::new(Journal::new());

/// Takes the serial port if the machine has one; root's own log goes to it and to the journal from now on.
///
/// # Errors
/// Why the kernel does not give it.
pub fn open(hardware: Cap<Hardware>, pool: Cap<Pool>) -> Result<(), Error> {
    let port = hardware.create_ports(pool, COM1, PORTS)?;
    if is_present(port)? {
        *PORT.lock() = Some(port);
        // Root only writes; the interrupt is for who reads.
        *INTERRUPT.lock() = hardware.create_line_interrupt(pool, LINE, Bus::Isa).ok();
    }
    JOURNAL.lock().reserve();
    runtime::logging::set_sink(|line| {
        if let Some(root) = Name::try_new("root") {
            print(root, line.as_bytes());
        }
    });
    Ok(())
}

/// Whether there is a 16550 behind the ports. Where nothing is, every register reads as ones: a byte would always be
/// waiting, and the transmitter always be empty.
fn is_present(port: Cap<IoPorts>) -> Result<bool, Error> {
    port.write(SCRATCH, Width::Byte, PROBE)?;
    Ok(port.read(SCRATCH, Width::Byte)? == PROBE)
}

/// The line of this number, as [`Journal::line`] has it.
pub fn line(number: u64) -> Option<Line> {
    JOURNAL.lock().line(number)
}

/// The serial port and its interrupt, for who reads what is typed; nothing on a machine without one.
pub fn serial() -> Option<(Cap<IoPorts>, Cap<Interrupt>)> {
    Some(((*PORT.lock())?, (*INTERRUPT.lock())?))
}

/// Prints a line as said by `name`, and keeps it. What is no visible character or no UTF-8 becomes `?`, so that nobody
/// can pretend to be another or confuse a terminal.
pub fn print(name: Name, line: &[u8]) {
    JOURNAL.lock().keep(name, visible(line));
    let Some(port) = *PORT.lock() else {
        return;
    };
    let said = visible(name.as_str().as_bytes());
    let characters = ['['].into_iter().chain(said).chain("] ".chars());
    let characters = characters.chain(visible(line)).chain("\r\n".chars());
    // A console that fails is no reason to stop.
    let _ = write(port, characters.flat_map(bytes_of));
}

/// A line's characters, those that a terminal might obey replaced.
fn visible(line: &[u8]) -> impl Iterator<Item = char> {
    line.utf8_chunks().flat_map(|chunk| {
        let broken = (!chunk.invalid().is_empty()).then_some('?');
        let seen = |character: char| match character {
            '\t' => '\t',
            hidden if hidden.is_control() => '?',
            visible => visible,
        };
        chunk.valid().chars().map(seen).chain(broken)
    })
}

fn bytes_of(character: char) -> impl Iterator<Item = u8> {
    let mut bytes = [0; 4];
    let count = character.encode_utf8(&mut bytes).len();
    bytes.into_iter().take(count)
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
    use abi::register::Slot;
    use abi::{Request, calls::IoIn, calls::IoOut};
    use core::cell::Cell;
    use runtime::host;

    thread_local! {
        /// The scratch register of this thread's machine.
        static KEPT: Cell<u32> = const { Cell::new(0) };
    }

    fn value(value: u32) -> host::Answer {
        let mut results = host::DONE?;
        results[0] = value.into();
        Ok(results)
    }

    /// A machine with a 16550, as far as its scratch register goes.
    fn with_port(request: &Request) -> host::Answer {
        match *request {
            Request::IoOut(IoOut {
                port: SCRATCH,
                value,
                ..
            }) => {
                KEPT.set(value);
                host::DONE
            }
            Request::IoIn(IoIn { port: SCRATCH, .. }) => value(KEPT.get()),
            _ => Err(Error::ArgumentRange),
        }
    }

    /// A machine on whose bus nobody answers.
    fn without_port(request: &Request) -> host::Answer {
        match request {
            Request::IoIn(_) => value(0xff),
            _ => host::DONE,
        }
    }

    #[test]
    fn a_port_that_leads_nowhere_is_not_used() {
        let is_present = || is_present(Cap::from_slot(Slot(7)));
        assert_eq!(host::with_kernel(with_port, is_present).0, Ok(true));
        assert_eq!(host::with_kernel(without_port, is_present).0, Ok(false));
    }

    fn shown(line: &[u8]) -> String {
        visible(line).collect()
    }

    #[test]
    fn a_line_cannot_end_itself_or_command_a_terminal() {
        assert_eq!(shown(b"a\n\r\x1b\0\x7f[2J"), "a?????[2J");
        // A control sequence introducer of eight bits, by itself and in UTF-8.
        assert_eq!(shown(b"\x9b2J"), "?2J");
        assert_eq!(shown("\u{9b}2J".as_bytes()), "?2J");
        assert_eq!(shown(b"cut \xc3"), "cut ?");
    }

    #[test]
    fn what_is_visible_stays() {
        let line = "aZ ~\tä \u{10348}";
        assert_eq!(shown(line.as_bytes()), line);
        let bytes: Vec<u8> = visible(line.as_bytes()).flat_map(bytes_of).collect();
        assert_eq!(bytes, line.as_bytes());
    }
}
