//! How many datagrams of a stream have arrived: [`Arrivals`].

/// The count of datagrams that a receiver reports. The difference of two reports is exact however late the datagrams are: a
/// machine that stood still has lost none of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// The highest number of a datagram that has arrived, plus one.
    pub end: u32,
    /// How many different datagrams have arrived.
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

/// How many of the latest datagrams may arrive in another order. One that arrives later than that is not counted.
const REORDERED_MAX: u32 = u128::BITS;

/// Counts each datagram once, as a window against replays does (RFC 4303, section 3.4.3).
#[derive(Clone, Debug, Default)]
pub struct ArrivalCounter {
    arrivals: Arrivals,
    /// Bit n: the datagram with the number `end - 1 - n` has arrived.
    recent: u128,
}

impl ArrivalCounter {
    /// The count so far.
    pub fn arrivals(&self) -> Arrivals {
        self.arrivals
    }

    /// Records that the datagram with this number has arrived.
    pub fn record(&mut self, number: u32) {
        let Some(end) = number.checked_add(1) else {
            return;
        };
        let ahead = end.saturating_sub(self.arrivals.end);
        self.recent = self.recent.checked_shl(ahead).unwrap_or(0);
        self.arrivals.end += ahead;
        let age = self.arrivals.end - end;
        if age < REORDERED_MAX && self.recent & (1 << age) == 0 {
            self.recent |= 1 << age;
            self.arrivals.count += 1;
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
        assert_eq!(arrivals(0..1000), (1000, 1000));
        assert_eq!(arrivals([3, 1, 3, 0, 1, 2]), (4, 4));
        assert_eq!(arrivals([0, 1, 500, 500]), (501, 3));
    }

    #[test]
    fn a_datagram_that_is_too_late_is_not_counted() {
        assert_eq!(arrivals([REORDERED_MAX, 1]), (REORDERED_MAX + 1, 2));
        assert_eq!(arrivals([REORDERED_MAX, 0]), (REORDERED_MAX + 1, 1));
    }

    #[test]
    fn numbers_up_to_the_last_are_counted() {
        assert_eq!(arrivals([u32::MAX - 1, u32::MAX, 0]), (u32::MAX, 1));
    }
}
