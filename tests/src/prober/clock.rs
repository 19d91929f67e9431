//! The clock of all reports.

use rustix::time::{ClockId, clock_gettime};

/// The host's monotonic clock in nanoseconds. All processes share it, so that a test can compare its own times, for example
/// the time of a command, with the times of a prober in another process.
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
