//! What a domain may say in a while: whoever says more loses lines, its own and not others', for the journal is one for all, and
//! the serial line slow.
//!
//! An account of bytes that fills as time passes: those that go over the serial line, with the domain's name and the line's end.
//! What was left out is said with the next line that is let through.

use crate::journal::{LINES_MAX, TEXT_BYTES_MAX};

/// Bytes that may be said at once, after a silence: a quarter of what the journal holds, so that nobody alone drives out of it
/// what others have said before the console has written it.
pub const BURST_BYTES: u64 = TEXT_BYTES_MAX as u64 / 4;
/// Bytes a second that may be said for ever: less than a serial line of 115,200 baud carries.
pub const BYTES_PER_SECOND: u64 = 8 << 10;
/// The least that a line costs, however short: its place among those that the journal holds.
const LINE_BYTES_MIN: u64 = (TEXT_BYTES_MAX / LINES_MAX) as u64;

const NS_PER_SECOND: u64 = 1_000_000_000;

/// A domain's account.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    left: u64,
    filled_ns: u64,
    /// Lines left out since the last one that was let through.
    dropped: u64,
}

impl Default for Allowance {
    fn default() -> Allowance {
        Allowance {
            left: BURST_BYTES,
            filled_ns: 0,
            dropped: 0,
        }
    }
}

impl Allowance {
    /// Pays for a line that is so many bytes in all: how many lines were left out before it, or `None` if it is left out itself.
    pub fn pay(&mut self, now_ns: u64, bytes: usize) -> Option<u64> {
        self.fill(now_ns);
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

    /// Adds what the time since the last filling is worth, in whole bytes.
    fn fill(&mut self, now_ns: u64) {
        let passed_ns = now_ns.saturating_sub(self.filled_ns);
        // What is more than full is full: no overflow below.
        let passed_ns = passed_ns.min(BURST_BYTES * NS_PER_SECOND / BYTES_PER_SECOND);
        let bytes = passed_ns * BYTES_PER_SECOND / NS_PER_SECOND;
        if bytes > 0 {
            self.left = (self.left + bytes).min(BURST_BYTES);
            self.filled_ns = now_ns;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: usize = 100;
    const COST: u64 = LINE as u64;

    /// Says lines at this moment until one is left out: how many were let through.
    fn flood(allowance: &mut Allowance, now_ns: u64) -> u64 {
        (0..)
            .find(|_| allowance.pay(now_ns, LINE).is_none())
            .expect("an end")
    }

    #[test]
    fn a_burst_is_let_through_and_then_only_what_time_allows() {
        let mut allowance = Allowance::default();
        assert_eq!(flood(&mut allowance, 5), BURST_BYTES / COST);
        let later = 5 + 10 * NS_PER_SECOND;
        let lines = flood(&mut allowance, later);
        assert!(lines <= 10 * BYTES_PER_SECOND / COST + 1, "{lines}");
        assert!(lines >= BURST_BYTES / COST, "{lines}");
        assert_eq!(flood(&mut allowance, later), 0);
    }

    #[test]
    fn a_burst_of_one_takes_a_quarter_of_the_journal_whatever_its_lines_are() {
        for bytes in 0..500 {
            let mut allowance = Allowance::default();
            let lines = (0..).take_while(|_| allowance.pay(0, bytes).is_some());
            let lines = lines.count();
            assert!(4 * lines <= LINES_MAX, "{lines} of {bytes}");
            assert!(4 * lines * bytes <= TEXT_BYTES_MAX, "{lines} of {bytes}");
            assert!(lines > 0);
        }
    }

    #[test]
    fn the_next_line_says_how_many_were_left_out() {
        let mut allowance = Allowance::default();
        flood(&mut allowance, 0);
        assert_eq!(allowance.pay(0, LINE), None);
        assert_eq!(allowance.pay(NS_PER_SECOND, LINE), Some(2));
        assert_eq!(allowance.pay(NS_PER_SECOND, LINE), Some(0));
    }

    #[test]
    fn who_asks_often_gets_no_less() {
        let (mut often, mut seldom) = (Allowance::default(), Allowance::default());
        flood(&mut often, 0);
        flood(&mut seldom, 0);
        // A microsecond is worth no whole byte.
        for now_us in 0..1_000_000 {
            often.fill(now_us * 1000);
        }
        seldom.fill(NS_PER_SECOND);
        assert!(seldom.left - often.left < 200, "{often:?} {seldom:?}");
    }

    #[test]
    fn no_time_is_too_long_and_none_runs_backwards() {
        let mut allowance = Allowance::default();
        flood(&mut allowance, 7);
        assert_eq!(allowance.pay(3, LINE), None);
        assert_eq!(allowance.pay(u64::MAX, LINE), Some(2));
        assert!(allowance.left <= BURST_BYTES);
    }
}
