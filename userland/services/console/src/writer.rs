//! The task that writes to the serial port and the screen: first the shell's output, then the machine's log.
//!
//! ```text
//! show a line of the log, if no output waits -> send what the transmitter accepts -> pause, if that is nothing -> repeat
//! ```
//!
//! Other domains run while the port sends: the task sleeps until the transmitter is empty. Lines that arrive faster than the
//! port sends wait in root's journal. The screen shows the bytes that were sent. Without a serial port, it shows them without
//! a pause, 4 KiB at a time.

use core::convert::Infallible;

use abi::Error;
use embassy_futures::yield_now;
use runtime::embassy_time::Timer;
use runtime::events;

use crate::display::Display;
use crate::journal::{self, Journal};
use crate::serial::{Serial, TRANSMITTER_US};
use crate::terminal::{SHOWN, Terminal};

/// The maximum number of bytes written to the screen before other tasks run, on a machine without a serial port.
const SCREEN_BYTES: usize = 4096;

/// Writes for ever.
///
/// # Errors
/// A failure of the serial port.
pub async fn run(
    serial: Option<Serial>,
    display: Option<&Display>,
    terminal: &Terminal,
    journal: Journal,
) -> Result<Infallible, Error> {
    let mut written = 0;
    loop {
        if terminal.waiting() == 0 && !show_next(terminal, journal, &mut written) {
            events::wait(SHOWN | events::JOURNAL).await;
            continue;
        }
        let waiting = terminal.waiting();
        let bytes = core::iter::from_fn(|| terminal.next_byte());
        let bytes = bytes.inspect(|byte| {
            if let Some(display) = display {
                display.put(*byte);
            }
        });
        match serial {
            Some(serial) => serial.send(bytes)?,
            None => bytes.take(SCREEN_BYTES).for_each(drop),
        }
        if terminal.waiting() < waiting {
            // Without this, the shell would starve if the port accepts all bytes at once, as an emulator's does.
            yield_now().await;
        } else {
            Timer::after_micros(TRANSMITTER_US).await;
        }
    }
}

/// Shows the next line of the log; returns whether there was one. All lines before number `written` are already written.
fn show_next(terminal: &Terminal, journal: Journal, written: &mut u64) -> bool {
    // Errors are ignored: root never ends, and the next announced line repeats the request.
    let Ok(Some(line)) = journal.next(*written) else {
        return false;
    };
    if let Some(notice) = journal::gap_notice(&line) {
        terminal.show_line(&notice);
    }
    terminal.show_line(&journal::text(&line));
    *written = line.number.saturating_add(1);
    true
}
