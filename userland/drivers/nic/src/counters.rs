//! Counts of a card's frames, for the log.

use core::fmt;

/// The interval between two reports of losses.
const REPORT_INTERVAL_NS: u64 = 10_000_000_000;

/// Counts of frames since the driver started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// From the wire to the switch.
    pub received: u64,
    /// From the switch to the wire.
    pub sent: u64,
    /// Received damaged or with an invalid length.
    pub invalid: u64,
    /// Received when the card had no buffer.
    pub lost: u64,
    /// From the switch, and longer than the card sends.
    pub too_long: u64,
}

impl Counters {
    fn losses(&self) -> u64 {
        self.invalid + self.lost + self.too_long
    }
}

impl fmt::Display for Counters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counters {
            received,
            sent,
            invalid,
            lost,
            too_long,
        } = self;
        write!(
            formatter,
            "{received} frames received, {sent} sent, {invalid} invalid, {lost} lost, {too_long} too long"
        )
    }
}

/// Decides when losses are reported: only new ones, and at most once per interval.
#[derive(Debug, Default)]
pub struct Reporter {
    reported: u64,
    next_ns: u64,
}

impl Reporter {
    /// Whether to write a line now.
    pub fn is_due(&mut self, counters: &Counters, now_ns: u64) -> bool {
        let is_due = counters.losses() != self.reported && now_ns >= self.next_ns;
        if is_due {
            self.reported = counters.losses();
            self.next_ns = now_ns.saturating_add(REPORT_INTERVAL_NS);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_reported_once_and_at_most_once_per_interval() {
        let mut reporter = Reporter::default();
        let mut counters = Counters {
            received: 5,
            ..Counters::default()
        };
        assert!(!reporter.is_due(&counters, 0));
        counters.lost = 1;
        assert!(reporter.is_due(&counters, 1));
        assert!(!reporter.is_due(&counters, 2));
        counters.invalid = 1;
        assert!(!reporter.is_due(&counters, 3));
        assert!(reporter.is_due(&counters, 1 + REPORT_INTERVAL_NS));
    }
}
