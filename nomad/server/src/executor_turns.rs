//! Yielding to the executor's other tasks, for a number of turns.
//!
//! ```text
//! report an event | control decides, and puts a datagram into its socket | the stack takes it out | the doorbell is rung
//! ```

use embassy_futures::yield_now;

/// Turns until a datagram has left its socket: the stack takes it out in one turn, and at that turn's end rings the doorbell
/// that sends it.
pub const UNTIL_TRANSMITTED: usize = 2;

/// Turns until the datagrams that follow from an event have left, by a task that may be sending others just now.
pub const UNTIL_SENT: usize = 2 * UNTIL_TRANSMITTED + 1;

/// Yields to the other tasks for this many turns.
pub async fn yield_for(turns: usize) {
    for _ in 0..turns {
        yield_now().await;
    }
}
