//! The task that writes to the serial port: what the shell has shown, and when that is out, the machine's log.
//!
//! ```text
//! a line of the log, if nothing waits on the screen -> what the transmitter takes -> again, later if it takes nothing
//! ```
//!
//! The processor is everybody's while the port sends: the task sleeps until the transmitter is empty. What is said faster than
//! the port is, waits in root's journal.

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
/// The serial port is gone.
pub async fn run(serial: Serial, screen: &Screen, journal: Journal) -> Result<Infallible, Error> {
    let mut written = 0;
    loop {
        if screen.waiting() == 0 && !show_next(screen, journal, &mut written) {
            events::wait(SHOWN | events::JOURNAL).await;
            continue;
        }
        let waiting = screen.waiting();
        serial.send(core::iter::from_fn(|| screen.take()))?;
        match screen.waiting() < waiting {
            // A port that takes everything at once, as one of an emulator, would never let the shell have its turn.
            true => yield_now().await,
            false => Timer::after_micros(TRANSMITTER_US).await,
        }
    }
}

/// Puts the next line of the log on the screen; returns whether there was one. All before the line `written` are out.
fn show_next(screen: &Screen, journal: Journal, written: &mut u64) -> bool {
    // Root is there as long as the machine is: an answer that makes no sense is looked at again with the next line.
    let Ok(Some(line)) = journal.next(*written) else {
        return false;
    };
    if let Some(gap) = journal::gap(&line) {
        screen.show_line(&gap);
    }
    screen.show_line(&journal::text(&line));
    *written = line.number.saturating_add(1);
    true
}
