//! The task that writes to the serial port: first the shell's output, then the machine's log.
//!
//! ```text
//! a line of the log, if nothing waits on the screen -> what the transmitter takes -> again, later if it takes nothing
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
        match screen.waiting() < waiting {
            // Otherwise a port that takes all bytes at once, such as an emulator's, would starve the shell.
            true => yield_now().await,
            false => Timer::after_micros(TRANSMITTER_US).await,
        }
    }
}

/// Shows the next line of the log; returns whether there was one. All before the line `written` are already written.
fn show_next(screen: &Screen, journal: Journal, written: &mut u64) -> bool {
    // Root lives as long as the machine: after an invalid answer the request is repeated with the next line.
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
