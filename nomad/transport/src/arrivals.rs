//! How many datagrams of a stream have arrived: [`Arrivals`].

/// The datagrams that a receiver reports. The difference of two reports shows the losses between them. Time plays no part, so
/// datagrams that are late because a machine stood still do not count as lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// The number of the first datagram that is not in the report: it or one of the datagrams before it may be late.
    pub end: u32,
    /// How many different datagrams before `end` have arrived.
    pub count: u32,
}

impl Arrivals {
    /// How many of the datagrams since an earlier report were lost, per thousand.
    pub fn losses_since(self, earlier: Arrivals) -> u64 {
        let sent = self.end.saturating_sub(earlier.end);
        let arrived = self.count.saturating_sub(earlier.count);
        u64::from(sent.saturating_sub(arrived)) * 1000 / u64::from(sent.max(1))
    }
}

/// By how many later datagrams another may be overtaken. One that arrives later than that is not counted, and as many are not
/// reported yet.
const REORDERED_MAX: u32 = u64::BITS;

/// Counts each datagram once, as a window against replays does (RFC 4303, section 3.4.3).
#[derive(Clone, Debug, Default)]
pub struct ArrivalCounter {
    /// The highest number that has arrived, plus one.
    end: u32,
    /// How many different datagrams have arrived, including those of `recent`.
    count: u32,
    /// Bit n: the datagram with the number `end - 1 - n` has arrived.
    recent: u64,
}

impl ArrivalCounter {
    /// The report so far.
    pub fn arrivals(&self) -> Arrivals {
        Arrivals {
            end: self.end.saturating_sub(REORDERED_MAX),
            count: self.count - self.recent.count_ones(),
        }
    }

    /// Records that the datagram with this number has arrived.
    pub fn record(&mut self, number: u32) {
        let Some(end) = number.checked_add(1) else {
            return;
        };
        let ahead = end.saturating_sub(self.end);
        self.recent = self.recent.checked_shl(ahead).unwrap_or(0);
        self.end += ahead;
        let age = self.end - end;
        if age < REORDERED_MAX && self.recent & (1 << age) == 0 {
            self.recent |= 1 << age;
            self.count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(numbers: impl IntoIterator<Item = u32>) -> (u32, u32) {
        let mut counter = ArrivalCounter::default();
        numbers
            .into_iter()
            .for_each(|number| counter.record(number));
        let Arrivals { end, count } = counter.arrivals();
        (end, count)
    }

    #[test]
    fn each_datagram_counts_once_in_any_order() {
        assert_eq!(arrivals([]), (0, 0));
        assert_eq!(arrivals(0..REORDERED_MAX), (0, 0));
        assert_eq!(arrivals(0..1064), (1000, 1000));
        assert_eq!(arrivals((0..1064).rev()), (1000, 0));
        let pairs = (0..1064).map(|number| number ^ 1);
        assert_eq!(arrivals(pairs.clone()), (1000, 1000));
        assert_eq!(arrivals(pairs.chain([1060, 1061, 1063])), (1000, 1000));
        assert_eq!(arrivals([3, 1, 3, 0, 1, 2, 70, 70, 1]), (7, 4));
    }

    #[test]
    fn a_datagram_counts_if_it_is_late_but_not_if_it_is_too_late() {
        let (last, next) = (REORDERED_MAX, REORDERED_MAX + 1);
        let late = arrivals([0, 2, last, 1, next, next + 1]);
        assert_eq!(late, (3, 3));
        let too_late = arrivals([0, 2, next, 1, next + 1]);
        assert_eq!(too_late, (3, 2));
    }

    #[test]
    fn numbers_up_to_the_last_are_counted() {
        let last = u32::MAX - REORDERED_MAX;
        assert_eq!(arrivals([last - 1, u32::MAX - 1, u32::MAX, 0]), (last, 1));
    }
}
