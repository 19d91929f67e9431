//! Moments in UTC: [`UtcTime`], and [`CivilTime`], the date and time of day of a moment.
//!
//! [`clock::now_utc`](crate::clock::now_utc) returns the current moment.

use core::fmt;

const NS_PER_SECOND: u64 = 1_000_000_000;
const SECONDS_PER_DAY: u64 = 86_400;
const SECONDS_PER_HOUR: u64 = 3_600;
const SECONDS_PER_MINUTE: u64 = 60;
/// The first year of the Unix epoch.
const FIRST_YEAR: u32 = 1970;
/// The last year that a [`UtcTime`] covers from beginning to end.
const LAST_YEAR: u32 = 2553;

/// A moment in Coordinated Universal Time: nanoseconds since the Unix epoch, without leap seconds, until the year 2554.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcTime(u64);

impl UtcTime {
    /// The moment this many nanoseconds after the Unix epoch.
    pub const fn from_unix_ns(ns: u64) -> UtcTime {
        UtcTime(ns)
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn unix_ns(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    pub const fn unix_seconds(self) -> u64 {
        self.0 / NS_PER_SECOND
    }

    /// The moment `ns` nanoseconds later.
    pub const fn plus_ns(self, ns: u64) -> UtcTime {
        UtcTime(self.0.saturating_add(ns))
    }

    /// The moment `ns` nanoseconds earlier, but not before the epoch.
    pub const fn minus_ns(self, ns: u64) -> UtcTime {
        UtcTime(self.0.saturating_sub(ns))
    }

    /// The date and time of day, to a second.
    pub fn civil(self) -> CivilTime {
        let (mut days, second) = (
            self.unix_seconds() / SECONDS_PER_DAY,
            self.unix_seconds() % SECONDS_PER_DAY,
        );
        let (mut year, mut month) = (FIRST_YEAR, 1);
        while days >= days_of_year(year) {
            days -= days_of_year(year);
            year += 1;
        }
        while days >= days_of_month(year, month) {
            days -= days_of_month(year, month);
            month += 1;
        }
        CivilTime {
            year,
            month,
            day: days as u32 + 1,
            hour: (second / SECONDS_PER_HOUR) as u32,
            minute: (second / SECONDS_PER_MINUTE % 60) as u32,
            second: (second % 60) as u32,
        }
    }
}

/// The format of RFC 3339, to a second: `2026-01-02T03:04:05Z`.
impl fmt::Display for UtcTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CivilTime {
            year,
            month,
            day,
            hour,
            minute,
            second,
        } = self.civil();
        write!(
            formatter,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

/// A second in the Gregorian calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CivilTime {
    /// From 1970.
    pub year: u32,
    /// 1 to 12.
    pub month: u32,
    /// From 1.
    pub day: u32,
    /// 0 to 23.
    pub hour: u32,
    /// 0 to 59.
    pub minute: u32,
    /// 0 to 59.
    pub second: u32,
}

impl CivilTime {
    /// The moment at which this second begins; `None` if the calendar has no such second, or it is not in 1970 to 2553.
    pub fn to_utc(self) -> Option<UtcTime> {
        let is_in_calendar = (FIRST_YEAR..=LAST_YEAR).contains(&self.year)
            && (1..=12).contains(&self.month)
            && (1..=days_of_month(self.year, self.month)).contains(&u64::from(self.day))
            && self.hour < 24
            && self.minute < 60
            && self.second < 60;
        if !is_in_calendar {
            return None;
        }
        let years: u64 = (FIRST_YEAR..self.year).map(days_of_year).sum();
        let months = (1..self.month).map(|month| days_of_month(self.year, month));
        let days = years + months.sum::<u64>() + u64::from(self.day) - 1;
        let seconds = days * SECONDS_PER_DAY
            + u64::from(self.hour) * SECONDS_PER_HOUR
            + u64::from(self.minute) * SECONDS_PER_MINUTE
            + u64::from(self.second);
        Some(UtcTime(seconds * NS_PER_SECOND))
    }
}

fn is_leap_year(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of_year(year: u32) -> u64 {
    365 + u64::from(is_leap_year(year))
}

fn days_of_month(year: u32, month: u32) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap_year(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    /// Seconds since the epoch, and the text that GNU date prints for them.
    const KNOWN: [(u64, &str); 6] = [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (1_767_323_045, "2026-01-02T03:04:05Z"),
        (4_107_542_399, "2100-02-28T23:59:59Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
        (18_429_292_799, "2553-12-31T23:59:59Z"),
    ];

    #[test]
    fn converts_between_moments_and_dates() {
        for (seconds, text) in KNOWN {
            let utc = UtcTime::from_unix_ns(seconds * NS_PER_SECOND + 7);
            assert_eq!(utc.to_string(), text);
            let whole = utc.minus_ns(7);
            assert_eq!(utc.civil().to_utc(), Some(whole), "{text}");
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut utc = UtcTime::from_unix_ns(0);
        while utc.civil().year <= 2100 {
            assert_eq!(utc.civil().to_utc(), Some(utc));
            utc = utc.plus_ns(SECONDS_PER_DAY * NS_PER_SECOND);
        }
    }

    #[test]
    fn rejects_times_that_are_not_in_the_calendar() {
        let good = UtcTime::from_unix_ns(1_767_323_045 * NS_PER_SECOND).civil();
        let bad = [
            CivilTime { year: 1969, ..good },
            CivilTime { year: 2554, ..good },
            CivilTime { month: 0, ..good },
            CivilTime { month: 13, ..good },
            CivilTime { day: 0, ..good },
            CivilTime {
                month: 2,
                day: 29,
                ..good
            },
            CivilTime { hour: 24, ..good },
            CivilTime { minute: 60, ..good },
            CivilTime { second: 60, ..good },
        ];
        for civil in bad {
            assert_eq!(civil.to_utc(), None, "{civil:?}");
        }
    }
}
