//! Turns of the executor: tasks that let the others go first.
//!
//! ```text
//! report an event | control decides, and puts a datagram into its socket | the stack takes it out | the bell is rung
//! ```

use embassy_futures::yield_now;

/// Turns until a datagram has left its socket: the stack takes it out in one, and the bell that sends it on its way is rung
/// at its end.
pub const TO_LEAVE: usize = 2;

/// Turns until what follows from an event has been said, by a task that may be sending something else just now.
pub const TO_SAY: usize = 2 * TO_LEAVE + 1;

/// Lets the others have so many turns.
pub async fn give_way(turns: usize) {
    for _ in 0..turns {
        yield_now().await;
    }
}
