//! The rate limit of a domain's log output. All domains share one journal and a slow serial line, so a domain that exceeds its
//! limit loses its own lines and no others.
//!
//! The limit is a token bucket. Its unit is the byte on the serial line: a line counts with its domain's name and its line
//! ending. The next line that passes reports the number of dropped ones.

use crate::journal::{LINES_MAX, TEXT_BYTES_MAX};

/// The size of a burst after a silence: a quarter of the journal, so that no domain alone displaces the lines of others before
/// the console has written them.
pub const BURST_BYTES: u64 = TEXT_BYTES_MAX as u64 / 4;
/// The sustained rate: below that of a serial line at 115,200 baud.
pub const BYTES_PER_SECOND: u64 = 8 << 10;
/// The minimum charge per line: its share of the journal's line count.
const LINE_BYTES_MIN: u64 = (TEXT_BYTES_MAX / LINES_MAX) as u64;

const NS_PER_SECOND: u64 = 1_000_000_000;

/// A domain's quota.
#[derive(Clone, Copy, Debug)]
pub struct LogQuota {
    left: u64,
    refilled_ns: u64,
    /// Lines dropped since the last one that passed.
    dropped: u64,
}

impl Default for LogQuota {
    fn default() -> LogQuota {
        LogQuota {
            left: BURST_BYTES,
            refilled_ns: 0,
            dropped: 0,
        }
    }
}

impl LogQuota {
    /// Charges a line of this many bytes, its name and ending included. Returns the number of lines dropped before it, or `None`
    /// if this line must be dropped too.
    pub fn charge(&mut self, now_ns: u64, bytes: usize) -> Option<u64> {
        self.refill(now_ns);
        match self.left.checked_sub(LINE_BYTES_MIN.max(bytes as u64)) {
            Some(left) => {
                self.left = left;
                Some(core::mem::take(&mut self.dropped))
            }
            None => {
                self.dropped += 1;
                None
            }
        }
    }

    /// Adds the whole bytes earned since the last refill.
    fn refill(&mut self, now_ns: u64) {
        let passed_ns = now_ns.saturating_sub(self.refilled_ns);
        // At most the time that fills the bucket, so that nothing below overflows.
        let passed_ns = passed_ns.min(BURST_BYTES * NS_PER_SECOND / BYTES_PER_SECOND);
        let bytes = passed_ns * BYTES_PER_SECOND / NS_PER_SECOND;
        if bytes > 0 {
            self.left = (self.left + bytes).min(BURST_BYTES);
            self.refilled_ns = now_ns;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: usize = 100;
    const COST: u64 = LINE as u64;

    /// Sends lines at this moment until one is dropped; returns the number that passed.
    fn flood(quota: &mut LogQuota, now_ns: u64) -> u64 {
        (0..)
            .find(|_| quota.charge(now_ns, LINE).is_none())
            .expect("an end")
    }

    #[test]
    fn a_burst_passes_and_then_only_the_sustained_rate() {
        let mut quota = LogQuota::default();
        assert_eq!(flood(&mut quota, 5), BURST_BYTES / COST);
        let later = 5 + 10 * NS_PER_SECOND;
        let lines = flood(&mut quota, later);
        assert!(lines <= 10 * BYTES_PER_SECOND / COST + 1, "{lines}");
        assert!(lines >= BURST_BYTES / COST, "{lines}");
        assert_eq!(flood(&mut quota, later), 0);
    }

    #[test]
    fn the_burst_of_one_domain_takes_at_most_a_quarter_of_the_journal() {
        for bytes in 0..500 {
            let mut quota = LogQuota::default();
            let lines = (0..).take_while(|_| quota.charge(0, bytes).is_some());
            let lines = lines.count();
            assert!(4 * lines <= LINES_MAX, "{lines} of {bytes}");
            assert!(4 * lines * bytes <= TEXT_BYTES_MAX, "{lines} of {bytes}");
            assert!(lines > 0);
        }
    }

    #[test]
    fn the_next_line_reports_how_many_were_dropped() {
        let mut quota = LogQuota::default();
        flood(&mut quota, 0);
        assert_eq!(quota.charge(0, LINE), None);
        assert_eq!(quota.charge(NS_PER_SECOND, LINE), Some(2));
        assert_eq!(quota.charge(NS_PER_SECOND, LINE), Some(0));
    }

    #[test]
    fn frequent_refills_add_up_to_the_same_rate() {
        let (mut often, mut seldom) = (LogQuota::default(), LogQuota::default());
        flood(&mut often, 0);
        flood(&mut seldom, 0);
        // A microsecond earns less than a byte.
        for now_us in 0..1_000_000 {
            often.refill(now_us * 1000);
        }
        seldom.refill(NS_PER_SECOND);
        assert!(seldom.left - often.left < 200, "{often:?} {seldom:?}");
    }

    #[test]
    fn handles_long_times_and_times_that_run_backwards() {
        let mut quota = LogQuota::default();
        flood(&mut quota, 7);
        assert_eq!(quota.charge(3, LINE), None);
        assert_eq!(quota.charge(u64::MAX, LINE), Some(2));
        assert!(quota.left <= BURST_BYTES);
    }
}
