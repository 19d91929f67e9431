//! The registers of the clock at one moment, and the time that they encode: [`Reading`].
//!
//! A status register selects binary numbers or two decimal digits, and 24 or 12 hours.
//!
//! The register of the century is not read, since only ACPI's FADT has its number. All years are taken as those of this century.
//! A year before this program was written means that the clock was never set.

use runtime::utc::{CivilTime, UtcTime};

use super::RtcError;

const SECOND: u8 = 0;
const MINUTE: u8 = 2;
const HOUR: u8 = 4;
const DAY: u8 = 7;
const MONTH: u8 = 8;
const YEAR: u8 = 9;
const STATUS_B: u8 = 11;
const STATUS_D: u8 = 13;

/// In `STATUS_B`: hours are 0 to 23.
const IS_24_HOURS: u8 = 1 << 1;
/// In `STATUS_B`: values are binary, not decimal digits.
const IS_BINARY: u8 = 1 << 2;
/// In `STATUS_D`: the battery has not failed.
const IS_VALID: u8 = 1 << 7;
/// In `HOUR`, on a clock of 12 hours: after noon.
const IS_AFTERNOON: u8 = 1 << 7;

const CENTURY: u32 = 2000;
/// The first plausible year.
const FIRST_YEAR: u32 = 2026;

/// The registers as they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    second: u8,
    minute: u8,
    hour: u8,
    day: u8,
    month: u8,
    year: u8,
    status_b: u8,
    status_d: u8,
}

impl Reading {
    /// Reads every register.
    pub fn take(read: impl Fn(u8) -> u8) -> Reading {
        Reading {
            second: read(SECOND),
            minute: read(MINUTE),
            hour: read(HOUR),
            day: read(DAY),
            month: read(MONTH),
            year: read(YEAR),
            status_b: read(STATUS_B),
            status_d: read(STATUS_D),
        }
    }

    /// The time that the registers encode.
    ///
    /// # Errors
    /// They do not encode a plausible time, or the battery has failed.
    pub fn to_utc(self) -> Result<UtcTime, RtcError> {
        if self.status_d & IS_VALID == 0 {
            return Err(RtcError::PowerLost);
        }
        let civil = self.civil().filter(|civil| civil.year >= FIRST_YEAR);
        let utc = civil.and_then(CivilTime::to_utc);
        utc.ok_or(RtcError::Implausible(self))
    }

    fn civil(self) -> Option<CivilTime> {
        Some(CivilTime {
            year: CENTURY + self.number(self.year).filter(|year| *year < 100)?,
            month: self.number(self.month)?,
            day: self.number(self.day)?,
            hour: self.hour()?,
            minute: self.number(self.minute)?,
            second: self.number(self.second)?,
        })
    }

    fn hour(self) -> Option<u32> {
        if self.status_b & IS_24_HOURS != 0 {
            return self.number(self.hour);
        }
        let hour = self.number(self.hour & !IS_AFTERNOON)?;
        let is_afternoon = self.hour & IS_AFTERNOON != 0;
        // Midnight and noon are 12.
        (1..=12)
            .contains(&hour)
            .then_some(hour % 12 + if is_afternoon { 12 } else { 0 })
    }

    /// The value of a register: binary, or two decimal digits.
    fn number(self, value: u8) -> Option<u32> {
        if self.status_b & IS_BINARY != 0 {
            return Some(value.into());
        }
        let (tens, ones) = (u32::from(value >> 4), u32::from(value & 15));
        (tens < 10 && ones < 10).then_some(10 * tens + ones)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::ToString;

    use super::*;

    /// 2026-01-02, 03:04:05, in decimal digits.
    const READING: Reading = Reading {
        second: 0x05,
        minute: 0x04,
        hour: 0x03,
        day: 0x02,
        month: 0x01,
        year: 0x26,
        status_b: IS_24_HOURS,
        status_d: IS_VALID,
    };

    fn text(reading: Reading) -> std::string::String {
        reading.to_utc().unwrap().to_string()
    }

    fn hour(hour: u8, status_b: u8) -> Option<u32> {
        let reading = Reading {
            hour,
            status_b,
            ..READING
        };
        reading.hour()
    }

    #[test]
    fn reads_decimal_digits_and_binary_numbers() {
        assert_eq!(text(READING), "2026-01-02T03:04:05Z");
        let binary = Reading {
            second: 59,
            hour: 23,
            day: 31,
            month: 12,
            year: 99,
            status_b: IS_24_HOURS | IS_BINARY,
            ..READING
        };
        assert_eq!(text(binary), "2099-12-31T23:04:59Z");
    }

    #[test]
    fn twelve_hours_are_counted_from_midnight_and_noon() {
        let digits = [
            (0x12, 0),
            (0x01, 1),
            (0x11, 11),
            (0x92, 12),
            (0x81, 13),
            (0x91, 23),
        ];
        for (register, expected) in digits {
            assert_eq!(hour(register, 0), Some(expected), "{register:#x}");
        }
        assert_eq!(hour(IS_AFTERNOON | 12, IS_BINARY), Some(12));
        for register in [0x00, 0x13, 0x80, 0x93] {
            assert_eq!(hour(register, 0), None, "{register:#x}");
        }
    }

    #[test]
    fn an_implausible_time_is_refused() {
        let bad = [
            Reading {
                second: 0x6a,
                ..READING
            },
            Reading {
                second: 0x60,
                ..READING
            },
            Reading {
                hour: 0x24,
                ..READING
            },
            Reading {
                day: 0x00,
                ..READING
            },
            Reading {
                month: 0x13,
                ..READING
            },
            Reading {
                year: 0x25,
                ..READING
            },
            Reading {
                year: 100,
                status_b: IS_24_HOURS | IS_BINARY,
                ..READING
            },
        ];
        for reading in bad {
            assert_eq!(reading.to_utc(), Err(RtcError::Implausible(reading)));
        }
        let unpowered = Reading {
            status_d: 0,
            ..READING
        };
        assert_eq!(unpowered.to_utc(), Err(RtcError::PowerLost));
    }
}
