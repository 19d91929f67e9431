//! The times of replies, and the longest gap between them.

use std::num::ParseIntError;

use serde::{Deserialize, Serialize};

/// The times of replies in nanoseconds, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replies {
    times: Vec<u64>,
}

impl Replies {
    /// Adds a reply, not earlier than the last one.
    pub fn push(&mut self, time: u64) {
        self.times.push(time);
    }

    /// Their times.
    pub fn times(&self) -> &[u64] {
        &self.times
    }

    /// The longest gap, in nanoseconds, that overlaps the window `from..to`.
    ///
    /// A gap counts in full, from the reply before it to the reply after it, even if those are outside of the window.
    /// Without a reply before or after the gap, the window's edge takes its place: a service that never replies again has a gap
    /// until the end of the window.
    pub fn longest_gap(&self, from: u64, to: u64) -> u64 {
        let first = self.times.partition_point(|time| *time <= from);
        let last = self.times.partition_point(|time| *time < to);
        let start = first
            .checked_sub(1)
            .map_or(from, |before| self.times[before]);
        let end = self.times.get(last).copied().unwrap_or(to);
        let inside = &self.times[first..last.max(first)];
        let starts = std::iter::once(start).chain(inside.iter().copied());
        let ends = inside.iter().copied().chain(std::iter::once(end));
        starts
            .zip(ends)
            .map(|(start, end)| end.saturating_sub(start))
            .max()
            .unwrap_or_default()
    }

    /// One time per line.
    pub fn to_text(&self) -> String {
        self.times.iter().map(|time| format!("{time}\n")).collect()
    }

    /// Parses the output of [`to_text`](Self::to_text).
    pub fn from_text(text: &str) -> Result<Self, ParseIntError> {
        let times = text.lines().map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { times })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replies(times: &[u64]) -> Replies {
        Replies {
            times: times.to_vec(),
        }
    }

    #[test]
    fn finds_the_longest_gap_inside_the_window() {
        let replies = replies(&[0, 10, 50, 60, 200]);
        assert_eq!(replies.longest_gap(5, 55), 40);
        assert_eq!(replies.longest_gap(0, 60), 40);
    }

    #[test]
    fn counts_a_gap_in_full_that_reaches_into_the_window() {
        assert_eq!(replies(&[0, 10, 110, 120]).longest_gap(100, 115), 100);
        assert_eq!(replies(&[0, 10, 110, 120]).longest_gap(5, 50), 100);
        assert_eq!(replies(&[0, 100]).longest_gap(40, 50), 100);
    }

    #[test]
    fn counts_silence_until_the_end_of_the_window() {
        assert_eq!(replies(&[0, 10]).longest_gap(5, 1000), 990);
        assert_eq!(replies(&[]).longest_gap(5, 1000), 995);
        assert_eq!(replies(&[800]).longest_gap(5, 1000), 795);
    }

    #[test]
    fn survives_being_written_and_read() {
        let replies = replies(&[1, u64::MAX]);
        assert_eq!(Replies::from_text(&replies.to_text()), Ok(replies));
        assert!(Replies::from_text("1\nx\n").is_err());
    }
}
