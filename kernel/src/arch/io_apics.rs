//! Which of the I/O APICs in firmware's table are used.
//!
//! Firmware states the address and the first line of each. The number of its lines is in a register. None of the three is trusted:
//! registers that are in memory, or lines that two controllers claim, would make one interrupt another device's.

use super::acpi::IO_APICS_MAX;
use core::fmt;
use heapless::Vec;

/// The bytes from the first to the last register in use.
pub(super) const IO_APIC_BYTES: u64 = 0x20;

/// The maximum number of lines. A line has two registers, from 0x10 on, and the number of a register has eight bits.
const LINES_MAX: u32 = 120;

/// The I/O APICs, each with its first line and its address, whose registers can be at that address and are not an earlier one's.
pub(super) fn with_registers(
    listed: &[(u32, u64)],
    mut is_possible: impl FnMut(u64) -> bool,
) -> Vec<(u32, u64), IO_APICS_MAX> {
    let mut kept = Vec::<(u32, u64), IO_APICS_MAX>::new();
    for &(first, address) in listed.iter().take(IO_APICS_MAX) {
        let is_other = |(_, other): &(u32, u64)| other.abs_diff(address) >= IO_APIC_BYTES;
        if !kept.iter().all(is_other) {
            crate::log!(
                "ACPI: two I/O APICs at {address:#x}: the one from line {first} on is not used"
            );
        } else if is_possible(address) {
            // It fits: no more are taken.
            let _ = kept.push((first, address));
        }
    }
    kept
}

/// The consecutive lines of an I/O APIC; there is at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lines {
    first: u32,
    count: u32,
}

/// The reason an I/O APIC is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// Its registers read all ones, as if there were none.
    Absent,
    /// It claims more lines than an I/O APIC can have, or lines beyond the last number.
    Lines {
        /// The number of lines.
        count: u32,
    },
    /// An earlier one has some of its lines.
    Overlapping {
        /// The earlier one's.
        earlier: Lines,
    },
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => write!(f, "its registers are not there"),
            Self::Lines { count } => write!(f, "it cannot have {count} lines"),
            Self::Overlapping { earlier } => write!(
                f,
                "an earlier one has lines {} to {}",
                earlier.first,
                earlier.last()
            ),
        }
    }
}

impl Lines {
    /// The lines of an I/O APIC whose first one has the number `first`, by the version and the last index that its register states.
    /// `earlier` are the lines of those in use.
    pub(super) fn try_new(
        first: u32,
        [version, last]: [u8; 2],
        mut earlier: impl Iterator<Item = Lines>,
    ) -> Result<Self, Unusable> {
        if [version, last] == [u8::MAX; 2] {
            return Err(Unusable::Absent);
        }
        let count = u32::from(last) + 1;
        if count > LINES_MAX || first.checked_add(count).is_none() {
            return Err(Unusable::Lines { count });
        }
        let lines = Self { first, count };
        match earlier.find(|other| lines.overlaps(*other)) {
            Some(earlier) => Err(Unusable::Overlapping { earlier }),
            None => Ok(lines),
        }
    }

    /// The number of lines.
    pub(super) fn count(self) -> u32 {
        self.count
    }

    /// The index of a line at its I/O APIC; `None` for the line of another one.
    pub(super) fn index(self, gsi: u32) -> Option<u8> {
        let index = gsi.checked_sub(self.first)?;
        (index < self.count).then_some(index as u8)
    }

    fn last(self) -> u32 {
        self.first + (self.count - 1)
    }

    fn overlaps(self, other: Lines) -> bool {
        self.first <= other.last() && other.first <= self.last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Unusable::{Absent, Overlapping};

    const VERSION: u8 = 0x20;
    const USED: Lines = Lines {
        first: 24,
        count: 24,
    };

    fn lines(first: u32, last: u8) -> Result<Lines, Unusable> {
        Lines::try_new(first, [VERSION, last], [USED].into_iter())
    }

    #[test]
    fn registers_that_cannot_be_there_or_are_an_earlier_ones_are_not_used() {
        const USUAL: u64 = 0xfec0_0000;
        let listed = [
            (0, 0x1000),
            (0, USUAL),
            (24, USUAL),
            (24, USUAL + 0x10),
            (24, USUAL + 0x1000),
        ];
        let kept = with_registers(&listed, |address| address != 0x1000);
        assert_eq!(kept, [(0, USUAL), (24, USUAL + 0x1000)]);
        assert!(with_registers(&listed, |_| false).is_empty());
    }

    #[test]
    fn an_io_apic_has_the_lines_from_its_first_one_on() {
        for (first, count) in [(0, 24), (48, 120)] {
            let lines = lines(first, count as u8 - 1).expect("usable");
            assert_eq!(lines.count(), count);
            assert_eq!(lines.index(first), Some(0));
            assert_eq!(lines.index(first + count - 1), Some(count as u8 - 1));
            assert_eq!(lines.index(first + count), None);
            assert_eq!(lines.index(first.wrapping_sub(1)), None);
        }
    }

    #[test]
    fn lines_of_an_earlier_one_are_not_claimed() {
        for (first, last) in [(1, 23), (24, 0), (24, 23), (30, 1), (47, 23), (0, 119)] {
            let expected = Err(Overlapping { earlier: USED });
            assert_eq!(lines(first, last), expected, "{first} {last}");
        }
    }

    #[test]
    fn a_register_that_is_not_there_states_no_lines() {
        let absent = Lines::try_new(0, [0xff, 0xff], [].into_iter());
        assert_eq!(absent, Err(Absent));
    }

    #[test]
    fn an_impossible_number_of_lines_is_refused() {
        assert_eq!(lines(0x100, 120), Err(Unusable::Lines { count: 121 }));
        assert_eq!(lines(0x100, 0xff), Err(Unusable::Lines { count: 256 }));
        assert_eq!(lines(u32::MAX - 23, 23), Err(Unusable::Lines { count: 24 }));
        assert!(lines(u32::MAX - 24, 23).is_ok());
    }
}
