//! Yielding to the executor's other tasks, for a number of turns.
//!
//! ```text
//! report an event | control decides, and puts a datagram into its socket | the stack takes it out | the doorbell is rung
//! ```

use embassy_futures::yield_now;

/// Turns until a datagram has left its socket. The stack takes the datagram out in one turn, and rings the doorbell
/// that sends it at the end of that turn.
pub const UNTIL_TRANSMITTED: usize = 2;

/// Turns until the datagrams that follow from an event have left, even if the task that sends them is sending others
/// now.
pub const UNTIL_SENT: usize = 2 * UNTIL_TRANSMITTED + 1;

/// Yields to the other tasks for this many turns.
pub async fn yield_for(turns: usize) {
    for _ in 0..turns {
        yield_now().await;
    }
}
