//! The domain's monotonic time, and UTC.
//!
//! The time-stamp counter belongs to the machine. The clock page contains the scale from the counter to this domain's time, and
//! every move rewrites it. A reader retries if the page changed during the read, so that a counter read on one machine is never
//! converted with the scale of another. The monotonic time never goes back.
//!
//! UTC comes from the machine. After a move it comes from the new machine, so it may jump, forward or back.

use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering, fence};
use core::{hint, ptr};

use abi::clock_page::ClockPage;
use abi::start_page::Range;

use crate::Start;
use crate::shared::SharedMemory;
use crate::utc::UtcTime;

const SEQUENCE: usize = core::mem::offset_of!(ClockPage, sequence);
const INCARNATION: usize = core::mem::offset_of!(ClockPage, incarnation);
const BASE_TICKS: usize = core::mem::offset_of!(ClockPage, base_ticks);
const BASE_NS: usize = core::mem::offset_of!(ClockPage, base_ns);
const MULTIPLIER: usize = core::mem::offset_of!(ClockPage, multiplier);
const BASE_UTC_NS: usize = core::mem::offset_of!(ClockPage, base_utc_ns);

/// The scale from ticks to time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Scale {
    /// The counter at `base_ns`.
    pub base_ticks: u64,
    /// The time at `base_ticks`.
    pub base_ns: u64,
    /// Nanoseconds per tick, times 2^32.
    pub multiplier: u64,
    /// UTC at `base_ticks`, if the machine knows it.
    pub base_utc: Option<UtcTime>,
}

impl Scale {
    /// The scale of a counter with this frequency, without UTC.
    pub fn of_frequency(ticks_per_second: u64, base_ticks: u64, base_ns: u64) -> Scale {
        let multiplier = (1_000_000_000_u128 << 32) / u128::from(ticks_per_second.max(1));
        Scale {
            base_ticks,
            base_ns,
            multiplier: u64::try_from(multiplier).unwrap_or(u64::MAX),
            base_utc: None,
        }
    }

    /// The time at this counter value. A value before the base counts as the base.
    pub fn ns(&self, ticks: u64) -> u64 {
        let elapsed = u128::from(ticks.saturating_sub(self.base_ticks));
        let elapsed_ns = (elapsed * u128::from(self.multiplier)) >> 32;
        self.base_ns
            .saturating_add(u64::try_from(elapsed_ns).unwrap_or(u64::MAX))
    }

    /// UTC at this counter value, if the machine knows it.
    pub fn utc(&self, ticks: u64) -> Option<UtcTime> {
        let elapsed_ns = self.ns(ticks).saturating_sub(self.base_ns);
        Some(self.base_utc?.plus_ns(elapsed_ns))
    }
}

/// The contents of a clock page, and the counter's value when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reading {
    incarnation: u64,
    scale: Scale,
    ticks: u64,
}

/// Writes a clock page, for the domain's creator or the server that moved the domain. A reader sees the old or the new contents.
pub fn publish(page: SharedMemory<'_>, incarnation: u64, scale: Scale) {
    let sequence = page.word64(SEQUENCE);
    let before = sequence.load(Ordering::Relaxed) & !1;
    sequence.store(before + 1, Ordering::Relaxed);
    fence(Ordering::Release);
    for (offset, value) in [
        (INCARNATION, incarnation),
        (BASE_TICKS, scale.base_ticks),
        (BASE_NS, scale.base_ns),
        (MULTIPLIER, scale.multiplier),
        (BASE_UTC_NS, scale.base_utc.map_or(0, UtcTime::unix_ns)),
    ] {
        page.word64(offset).store(value, Ordering::Relaxed);
    }
    sequence.store(before + 2, Ordering::Release);
}

/// Reads a clock page and the counter together. After a move, the page may have the same sequence number as before, but
/// never the same incarnation.
fn read(page: SharedMemory<'_>, ticks: impl Fn() -> u64) -> Reading {
    loop {
        let sequence = page.word64(SEQUENCE).load(Ordering::Acquire);
        let value = |offset| page.word64(offset).load(Ordering::Relaxed);
        let reading = Reading {
            incarnation: value(INCARNATION),
            scale: Scale {
                base_ticks: value(BASE_TICKS),
                base_ns: value(BASE_NS),
                multiplier: value(MULTIPLIER),
                base_utc: known(value(BASE_UTC_NS)),
            },
            ticks: ticks(),
        };
        fence(Ordering::Acquire);
        if sequence.is_multiple_of(2)
            && value(SEQUENCE) == sequence
            && value(INCARNATION) == reading.incarnation
        {
            return reading;
        }
        hint::spin_loop();
    }
}

/// Decodes the UTC of a page: zero means that it is unknown.
fn known(base_utc_ns: u64) -> Option<UtcTime> {
    (base_utc_ns != 0).then(|| UtcTime::from_unix_ns(base_utc_ns))
}

/// The number of words in a clock page.
const WORDS: usize = size_of::<ClockPage>() / size_of::<u64>();

/// The clock page of a domain that received none. That is only root, which makes its own.
static OWN_PAGE: [AtomicU64; WORDS] = [const { AtomicU64::new(0) }; WORDS];
static PAGE: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());
static LATEST_NS: AtomicU64 = AtomicU64::new(0);

/// Starts the clock from the start page. Without a clock page, the domain has the machine's time, which is the counter
/// divided by the frequency in the start page. Without a frequency, time stands still.
pub(crate) fn install(start: Start) {
    let page = start.page();
    if page.clock.bytes > 0 {
        PAGE.store(page.clock.start as *mut u8, Ordering::Relaxed);
    } else if page.ticks_per_second > 0 {
        install_own(Scale::of_frequency(page.ticks_per_second, 0, 0));
    }
}

/// Starts a clock on the domain's own page.
pub(crate) fn install_own(scale: Scale) {
    let start = OWN_PAGE.as_ptr() as *mut u8;
    publish(memory(start), 1, scale);
    PAGE.store(start, Ordering::Relaxed);
}

fn memory(page: *mut u8) -> SharedMemory<'static> {
    let range = Range {
        start: page as u64,
        bytes: size_of::<ClockPage>() as u64,
    };
    // SAFETY: It is `OWN_PAGE`, or the page that the creator mapped for the domain's life; only `publish` on
    // `OWN_PAGE` writes through it.
    unsafe { SharedMemory::from_range(range) }
}

fn reading() -> Option<Reading> {
    let page = PAGE.load(Ordering::Relaxed);
    (!page.is_null()).then(|| read(memory(page), ticks))
}

/// The domain's time in nanoseconds. It never goes back.
pub fn now_ns() -> u64 {
    let now = reading().map_or(0, |reading| reading.scale.ns(reading.ticks));
    LATEST_NS.fetch_max(now, Ordering::Relaxed).max(now)
}

/// UTC, as the machine knows it; `None` if the machine does not know it. It may jump when the domain moves, forward or back:
/// to measure durations, use [`now_ns`]. The time is not authenticated, and is accurate to a second or two. If that is not
/// enough, the domain must query a time server over its network.
pub fn now_utc() -> Option<UtcTime> {
    let reading = reading()?;
    reading.scale.utc(reading.ticks)
}

/// The domain's incarnation: 1 when it starts, and one more after each move.
pub fn incarnation() -> u64 {
    reading().map_or(0, |reading| reading.incarnation)
}

/// The machine's time-stamp counter, for writers of clock pages.
pub fn ticks() -> u64 {
    // SAFETY: Both instructions are part of x86-64; the kernel lets user mode read the counter. The fence keeps
    // the counter from being read before preceding loads.
    unsafe {
        core::arch::x86_64::_mm_lfence();
        core::arch::x86_64::_rdtsc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::shared_memory;
    use core::cell::Cell;

    #[test]
    fn scales_without_overflow_for_centuries() {
        let scale = Scale::of_frequency(3_000_000_000, 1_000, 5);
        assert_eq!(scale.ns(1_000), 5);
        let year_s = 365 * 24 * 3600;
        let century = scale.ns(1_000 + 100 * year_s * 3_000_000_000);
        let error = century.abs_diff(100 * year_s * 1_000_000_000);
        assert!(error < 1_000_000_000, "{error} ns in a century");
    }

    #[test]
    fn a_counter_before_the_base_is_the_base() {
        assert_eq!(Scale::of_frequency(1, 100, 7).ns(50), 7);
    }

    #[test]
    fn reads_the_published_page() {
        let page = shared_memory(size_of::<ClockPage>());
        let scale = Scale {
            base_utc: Some(UtcTime::from_unix_ns(70)),
            ..Scale::of_frequency(1_000_000_000, 4, 2)
        };
        publish(page, 9, scale);
        let expected = Reading {
            incarnation: 9,
            scale,
            ticks: 8,
        };
        assert_eq!(read(page, || 8), expected);
    }

    #[test]
    fn utc_advances_from_its_base_and_is_unknown_without_one() {
        let unknown = Scale::of_frequency(500_000_000, 100, 7);
        assert_eq!(unknown.utc(200), None);
        let scale = Scale {
            base_utc: Some(UtcTime::from_unix_ns(1_000)),
            ..unknown
        };
        for (ticks, expected) in [(50, 1_000), (100, 1_000), (200, 1_200)] {
            assert_eq!(scale.utc(ticks), Some(UtcTime::from_unix_ns(expected)));
        }
    }

    #[test]
    fn utc_is_unknown_if_the_page_has_none() {
        let page = shared_memory(size_of::<ClockPage>());
        publish(page, 1, Scale::of_frequency(1, 0, 0));
        assert_eq!(read(page, || 8).scale.base_utc, None);
    }

    #[test]
    fn a_move_during_a_read_is_noticed_even_at_the_same_sequence_number() {
        let page = shared_memory(size_of::<ClockPage>());
        let here = Scale::of_frequency(1_000_000_000, 0, 0);
        let there = Scale::of_frequency(2_000_000_000, 500, 70);
        publish(page, 1, here);
        let moved = Cell::new(false);
        let reading = read(page, || {
            if !moved.replace(true) {
                // The counter of the first machine, then the second machine's page.
                page.word64(SEQUENCE).store(0, Ordering::Relaxed);
                publish(page, 2, there);
                return 1_000_000;
            }
            600
        });
        assert_eq!(reading.scale, there);
        assert_eq!(reading.ticks, 600);
    }
}
