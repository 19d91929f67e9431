//! An operator's options of a move: [`MoveOptions`].

use serde::{Deserialize, Serialize};

/// An operator's options of a move. The default leaves everything to the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MoveOptions {
    /// The longest downtime to aim for. `None` selects the machine's goal.
    pub downtime_us: Option<u64>,
    /// The most bytes of the page stream to send per second, including bytes that are sent again.
    pub rate_max: Option<u64>,
    /// The move is aborted if it has not reached its commit point after this time.
    pub timeout_us: Option<u64>,
    /// The action if the rounds do not reach the downtime goal.
    pub not_converging: NotConverging,
}

impl MoveOptions {
    /// The time that this many bytes take at the operator's limit, in microseconds; zero without a limit.
    pub fn time_for_us(&self, bytes: u64) -> u64 {
        let time_us = |rate: u64| u128::from(bytes) * 1_000_000 / u128::from(rate.max(1));
        let time_us = self.rate_max.map_or(0, time_us);
        u64::try_from(time_us).unwrap_or(u64::MAX)
    }
}

/// The action if the rounds do not reach the downtime goal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NotConverging {
    /// The copying stops, and the domain is frozen for longer than the goal.
    #[default]
    Stop,
    /// The move is aborted, and the domain runs on.
    GiveUp,
    /// The domain is slowed down until the rounds reach the goal. If they do not at the highest [`Throttle`](crate::Throttle), this is
    /// [`NotConverging::Stop`].
    Slow,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_takes_its_time_and_none_takes_none() {
        let limit = |rate_max| MoveOptions {
            rate_max,
            ..MoveOptions::default()
        };
        assert_eq!(limit(None).time_for_us(1 << 40), 0);
        assert_eq!(limit(Some(5_000_000)).time_for_us(10_000_000), 2_000_000);
        assert_eq!(limit(Some(0)).time_for_us(u64::MAX), u64::MAX);
    }
}
