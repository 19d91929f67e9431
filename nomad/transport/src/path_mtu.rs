//! The longest datagram that the path carries: [`PathMtu`], found by trial (RFC 8899).
//!
//! ```text
//!   BASE, which every path carries --> send a trial: a datagram of the next size, with bytes of the stream
//!     ^                                  it arrives: datagrams have this size from then on
//!     |                                  it is lost three times: this size is not tried again
//!     `-- two probes in a row without a reply: the path may have changed
//! ```
//!
//! A lost trial costs one datagram, whose bytes are sent again in datagrams of the known size.

/// The headers of IP and UDP, and the session's head and tag.
const HEADERS: usize = 20 + 8 + 13 + 16;
/// Bytes of a datagram that every path carries, before encryption: Ethernet's MTU without the headers.
pub const BASE: usize = 1_500 - HEADERS;
/// Bytes of such a datagram in a frame of 9,000 bytes, which many switches carry.
const JUMBO: usize = 9_000 - HEADERS;
/// Trials of a size before it counts as too long.
const TRIALS_MAX: u32 = 3;
/// Probes without a reply before the size returns to [`BASE`].
const SILENT_PROBES_MAX: u32 = 2;

/// The longest datagram known to arrive.
#[derive(Clone, Copy, Debug)]
pub struct PathMtu {
    current: usize,
    /// Datagrams of this size and longer do not arrive.
    too_long: usize,
    /// The size that is being tried, if one is in flight.
    trial: Option<usize>,
    lost_trials: u32,
}

impl Default for PathMtu {
    fn default() -> PathMtu {
        PathMtu {
            current: BASE,
            too_long: usize::MAX,
            trial: None,
            lost_trials: 0,
        }
    }
}

impl PathMtu {
    /// The size for the next datagram, on a machine that can send at most `most` bytes.
    pub fn size(&self, most: usize) -> usize {
        self.current.min(most)
    }

    /// The size to try with the next datagram, if one is to be tried. `available` is the number of bytes that wait to
    /// be sent; the size is never larger.
    pub fn next_trial(&mut self, most: usize, available: usize) -> Option<usize> {
        let is_next = |size: &usize| *size > self.current && *size <= most;
        let next = [JUMBO, most].into_iter().find(is_next)?;
        let is_possible = self.trial.is_none() && next < self.too_long && next <= available;
        self.trial = is_possible.then_some(next).or(self.trial);
        is_possible.then_some(next)
    }

    /// Whether a datagram of this many bytes is the trial in flight.
    pub fn is_trial(&self, bytes: usize) -> bool {
        self.trial == Some(bytes)
    }

    /// Records that a datagram of this many bytes has arrived.
    pub fn record_arrived(&mut self, bytes: usize) {
        if self.is_trial(bytes) {
            (self.current, self.trial, self.lost_trials) = (bytes, None, 0);
        }
    }

    /// Records that a datagram of this many bytes was lost.
    pub fn record_lost(&mut self, bytes: usize) {
        if self.is_trial(bytes) {
            self.trial = None;
            self.lost_trials += 1;
            if self.lost_trials >= TRIALS_MAX {
                (self.too_long, self.lost_trials) = (bytes, 0);
            }
        }
    }

    /// Records that this many probes in a row had no reply. A trial in flight counts as lost.
    pub fn record_silence(&mut self, probes: u32) {
        if probes == SILENT_PROBES_MAX && self.current > BASE {
            self.current = BASE;
        }
        if let Some(bytes) = self.trial {
            self.record_lost(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 60_000;

    #[test]
    fn sizes_are_tried_one_by_one_and_used_once_they_have_arrived() {
        let mut path = PathMtu::default();
        assert_eq!(path.next_trial(MOST, 5_000), None, "too few bytes");
        assert_eq!(path.next_trial(MOST, MOST), Some(JUMBO));
        assert_eq!(path.next_trial(MOST, MOST), None, "one at a time");
        assert_eq!(path.size(MOST), BASE);
        path.record_arrived(JUMBO);
        assert_eq!(path.size(MOST), JUMBO);
        assert_eq!(path.next_trial(MOST, MOST), Some(MOST));
        path.record_arrived(MOST);
        assert_eq!((path.size(MOST), path.next_trial(MOST, MOST)), (MOST, None));
    }

    #[test]
    fn a_size_that_is_lost_three_times_is_not_tried_again() {
        let mut path = PathMtu::default();
        for _ in 0..TRIALS_MAX {
            assert_eq!(path.next_trial(MOST, MOST), Some(JUMBO));
            path.record_lost(BASE);
            path.record_lost(JUMBO);
        }
        assert_eq!(path.next_trial(MOST, MOST), None);
        assert_eq!(path.size(MOST), BASE);
    }

    #[test]
    fn a_trial_without_a_reply_counts_as_lost_and_is_repeated() {
        let mut path = PathMtu::default();
        for _ in 0..TRIALS_MAX {
            assert_eq!(path.next_trial(MOST, MOST), Some(JUMBO));
            path.record_silence(1);
        }
        assert_eq!(path.next_trial(MOST, MOST), None);
    }

    #[test]
    fn a_path_that_no_longer_carries_long_datagrams_gets_those_of_the_base_size() {
        let mut path = PathMtu::default();
        assert_eq!(path.next_trial(MOST, MOST), Some(JUMBO));
        path.record_arrived(JUMBO);
        path.record_silence(1);
        assert_eq!(path.size(MOST), JUMBO);
        path.record_silence(2);
        assert_eq!(path.size(MOST), BASE);
        assert_eq!(
            path.next_trial(MOST, MOST),
            Some(JUMBO),
            "it may be so again"
        );
    }
}
