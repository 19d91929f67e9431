//! The task that writes to the serial port: first the shell's output, then the machine's log.
//!
//! ```text
//! show a line of the log, if nothing waits on the screen -> send what the transmitter takes -> repeat, after a pause if it took nothing
//! ```
//!
//! Other domains run while the port sends: the task sleeps until the transmitter is empty. Lines that arrive faster than the port
//! sends wait in root's journal.

use core::convert::Infallible;

use abi::Error;
use embassy_futures::yield_now;
use runtime::embassy_time::Timer;
use runtime::events;

use crate::journal::{self, Journal};
use crate::screen::{SHOWN, Screen};
use crate::serial::{Serial, TRANSMITTER_US};

/// Writes for ever.
///
/// # Errors
/// A failure of the serial port.
pub async fn run(serial: Serial, screen: &Screen, journal: Journal) -> Result<Infallible, Error> {
    let mut written = 0;
    loop {
        if screen.waiting() == 0 && !show_next(screen, journal, &mut written) {
            events::wait(SHOWN | events::JOURNAL).await;
            continue;
        }
        let waiting = screen.waiting();
        serial.send(core::iter::from_fn(|| screen.next_byte()))?;
        if screen.waiting() < waiting {
            // Otherwise the shell would starve at a port that takes all bytes at once, such as an emulator's.
            yield_now().await;
        } else {
            Timer::after_micros(TRANSMITTER_US).await;
        }
    }
}

/// Shows the next line of the log; returns whether there was one. All lines before number `written` are already written.
fn show_next(screen: &Screen, journal: Journal, written: &mut u64) -> bool {
    // Root lives as long as the machine. After an invalid reply, the request is repeated when the next line is announced.
    let Ok(Some(line)) = journal.next(*written) else {
        return false;
    };
    if let Some(notice) = journal::gap_notice(&line) {
        screen.show_line(&notice);
    }
    screen.show_line(&journal::text(&line));
    *written = line.number.saturating_add(1);
    true
}
