//! The clock of all reports.

use rustix::time::{ClockId, clock_gettime};

/// The host's monotonic clock in nanoseconds: one clock for all processes, so that a test's own times (such as that of a
/// command) can be compared with a prober's in another process.
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
