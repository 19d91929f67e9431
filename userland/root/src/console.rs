//! The machine's log, and its output to the serial port. The [screen](crate::screen) is its other output.
//!
//! ```text
//! log lines of domains and of root --append--> Journal --a flag, then calls--> the console --> serial port, screen
//!                                                 `--write_out, without a console------------^
//! ```
//!
//! Root only keeps lines, each with the name of its sender, and notifies the domain that has the serial port: a port takes almost
//! a hundred microseconds per byte, and no other domain runs while root polls it. Root writes lines itself, and waits for the
//! port, in two cases that delay no other domain's output: when it panics, and when no domain has the port.

use abi::Error;
use abi::register::Width;
use runtime::capability::{Bus, Cap, Hardware, Interrupt, IoPorts, Pool};
use runtime::protocol::Name;
use runtime::protocol::journal::Line;
use spin::Mutex;

use crate::journal::Journal;
use crate::screen;

const COM1: u16 = 0x3f8;
const PORTS: u32 = 8;
const DATA: u16 = COM1;
const LINE_STATUS: u16 = COM1 + 5;
const SCRATCH: u16 = COM1 + 7;
/// The value written to the scratch register, which only stores it. A bus without a device does not return it.
const PROBE: u32 = 0x5a;
const TRANSMITTER_EMPTY: u32 = 1 << 5;
/// The capacity of an empty transmitter.
const TRANSMITTER_BYTES: usize = 16;
/// The number of polls before the bytes in a full transmitter are abandoned: a broken port may never become empty.
const POLLS_MAX: u32 = 1_000_000;

/// The ISA interrupt of every PC's first serial port.
const LINE: u32 = 4;

static PORT: Mutex<Option<Cap<IoPorts>>> = Mutex::new(None);
static INTERRUPT: Mutex<Option<Cap<Interrupt>>> = Mutex::new(None);
static JOURNAL: Mutex<Journal> = Mutex::new(Journal::new());

/// Creates the serial port's capabilities if the machine has one, and redirects root's own log to the journal.
///
/// # Errors
/// The kernel's refusal.
pub fn open(hardware: Cap<Hardware>, pool: Cap<Pool>) -> Result<(), Error> {
    let port = hardware.create_ports(pool, COM1, PORTS)?;
    if is_present(port)? {
        *PORT.lock() = Some(port);
        *INTERRUPT.lock() = hardware.create_line_interrupt(pool, LINE, Bus::Isa).ok();
    }
    JOURNAL.lock().reserve();
    runtime::logging::set_sink(|line| {
        if let Ok(root) = Name::try_new("root") {
            append(root, line.as_bytes());
        }
    });
    runtime::logging::set_after_panic(write_out);
    Ok(())
}

/// Whether there is a 16550 at the ports. Without one, every register reads as all ones, which would mean a received byte and
/// an empty transmitter.
fn is_present(port: Cap<IoPorts>) -> Result<bool, Error> {
    port.write(SCRATCH, Width::Byte, PROBE)?;
    Ok(port.read(SCRATCH, Width::Byte)? == PROBE)
}

/// See [`Journal::line`].
pub fn line(number: u64) -> Option<Line> {
    JOURNAL.lock().line(number)
}

/// See [`Journal::next_unwritten`].
pub fn next_unwritten(written: u64) -> Option<Line> {
    JOURNAL.lock().next_unwritten(written)
}

/// See [`Journal::mark_announced`].
pub fn mark_announced() -> bool {
    JOURNAL.lock().mark_announced()
}

/// The serial port and its interrupt, if the machine has them. Only one domain uses them.
pub fn serial() -> Option<(Cap<IoPorts>, Cap<Interrupt>)> {
    Some(((*PORT.lock())?, (*INTERRUPT.lock())?))
}

/// Appends a line with its sender's name. Invalid UTF-8 and each control character but the tab become `?`, so that no sender can
/// fake another's line or control a terminal.
pub fn append(name: Name, line: &[u8]) {
    // It is locked only if root panicked while it appended a line.
    if let Some(mut journal) = JOURNAL.try_lock() {
        journal.append(name, visible(line));
    }
}

/// The maximum number of bytes that a line takes on the serial port.
pub fn bytes_of_line(name: Name, line: &[u8]) -> usize {
    name.as_str().len() + line.len() + "[] \r\n".len()
}

/// Writes all unwritten lines to the serial port, which it polls, and to the screen. No other domain runs meanwhile. That is
/// harmless, since no other domain could write the lines.
pub fn write_out() {
    let Some(mut journal) = JOURNAL.try_lock() else {
        return;
    };
    let port = *PORT.lock();
    let screen = screen::get();
    let mapping = screen.and_then(|screen| screen.map());
    let mut page = screen
        .zip(mapping.as_ref())
        .map(|(screen, mapping)| screen.page(mapping.memory()));
    let mut written = 0;
    while let Some(line) = journal.next_unwritten(written) {
        if let Some(port) = port {
            // If a line fails, the lines after it are still tried.
            let _ = write(port, bytes_shown(&line));
        }
        if let Some(page) = &mut page {
            let text = str::from_utf8(line.text.as_bytes()).unwrap_or_default();
            page.put_line(format_args!("[{}] {text}", line.name));
        }
        written = line.number + 1;
    }
}

/// A line as it goes to the port.
fn bytes_shown(line: &Line) -> impl Iterator<Item = u8> {
    let (name, text) = (line.name.as_str().as_bytes(), line.text.as_bytes());
    let parts = [b"[", name, b"] ", text, b"\r\n"];
    parts.into_iter().flatten().copied()
}

/// A line's characters, with those that could control a terminal replaced.
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
    for _ in 0..POLLS_MAX {
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
        /// The scratch register of this thread's fake port.
        static SCRATCH_REGISTER: Cell<u32> = const { Cell::new(0) };
    }

    fn value(value: u32) -> host::CallResult {
        let mut results = host::DONE?;
        results[0] = value.into();
        Ok(results)
    }

    /// A machine with the scratch register of a 16550.
    fn with_port(request: &Request) -> host::CallResult {
        match *request {
            Request::IoOut(IoOut {
                port: SCRATCH,
                value,
                ..
            }) => {
                SCRATCH_REGISTER.set(value);
                host::DONE
            }
            Request::IoIn(IoIn { port: SCRATCH, .. }) => value(SCRATCH_REGISTER.get()),
            _ => Err(Error::ArgumentRange),
        }
    }

    /// A machine whose bus reads as ones.
    fn without_port(request: &Request) -> host::CallResult {
        match request {
            Request::IoIn(_) => value(0xff),
            _ => host::DONE,
        }
    }

    #[test]
    fn a_port_without_a_device_is_not_used() {
        let is_present = || is_present(Cap::from_slot(Slot(7)));
        assert_eq!(host::with_kernel(with_port, is_present).0, Ok(true));
        assert_eq!(host::with_kernel(without_port, is_present).0, Ok(false));
    }

    #[test]
    fn appending_a_line_makes_no_system_call() {
        let name = Name::try_new("kv").expect("a name");
        let calls = host::with_kernel(with_port, || append(name, &[b'x'; 400])).1;
        assert_eq!(calls, []);
    }

    fn shown(line: &[u8]) -> String {
        visible(line).collect()
    }

    #[test]
    fn a_line_can_neither_end_itself_nor_control_a_terminal() {
        assert_eq!(shown(b"a\n\r\x1b\0\x7f[2J"), "a?????[2J");
        // A control sequence introducer of eight bits, by itself and in UTF-8.
        assert_eq!(shown(b"\x9b2J"), "?2J");
        assert_eq!(shown("\u{9b}2J".as_bytes()), "?2J");
        assert_eq!(shown(b"cut \xc3"), "cut ?");
    }

    #[test]
    fn visible_characters_are_kept() {
        let line = "aZ ~\tä \u{10348}";
        assert_eq!(shown(line.as_bytes()), line);
    }

    #[test]
    fn a_line_takes_no_more_bytes_than_it_is_charged_for() {
        let name = Name::try_new("kv").expect("a name");
        for text in [
            &b""[..],
            b"ready",
            b"a\n\xff\x1b\xc3",
            "\u{85}\u{e4}".as_bytes(),
        ] {
            let mut journal = Journal::new();
            journal.append(name, visible(text));
            let line = journal.line(0).expect("a line");
            let bytes = bytes_shown(&line).count();
            assert!(bytes <= bytes_of_line(name, text), "{text:?}: {bytes}");
        }
    }

    #[test]
    fn a_line_is_written_with_its_name_and_its_end() {
        let name = Name::try_new("kv").expect("a name");
        let mut journal = Journal::new();
        journal.append(name, "ready".chars());
        let line = journal.line(0).expect("a line");
        assert_eq!(bytes_shown(&line).collect::<Vec<u8>>(), b"[kv] ready\r\n");
    }
}
