//! The clock: the processor's time-stamp counter, and how fast it runs.
//!
//! A virtual core may be stopped for milliseconds between any two instructions. So another clock is read between two
//! looks at the counter, several times, and the closest pair counts; and a rate is believed when two measurements agree.

use super::cpu::leaf;
use super::hpet::Hpet;
use super::pit;
use core::arch::x86_64::_rdtsc;
use core::sync::atomic::{AtomicU64, Ordering};

static TICKS_PER_SECOND: AtomicU64 = AtomicU64::new(0);

/// How many ticks passed while the boot code measured clocks.
static WAITED_TICKS: AtomicU64 = AtomicU64::new(0);

/// How often another clock is read at one moment.
const READINGS: usize = 5;

/// How often a rate is measured at most until two measurements agree.
const MEASUREMENTS_MAX: usize = 20;

/// How far two measurements may be apart: one in so many.
const AGREEMENT: u64 = 2_000;

/// The clock.
pub fn ticks() -> u64 {
    // SAFETY: every processor in long mode has the counter, and kernel mode may always read it.
    unsafe { _rdtsc() }
}

/// How many ticks a second has.
pub fn ticks_per_second() -> u64 {
    TICKS_PER_SECOND.load(Ordering::Relaxed)
}

/// Runs `measure`, which waits for a clock most of its time, and counts that time.
pub(super) fn waiting<T>(measure: impl FnOnce() -> T) -> T {
    let start = ticks();
    let result = measure();
    WAITED_TICKS.fetch_add(ticks() - start, Ordering::Relaxed);
    result
}

/// How many ticks [`waiting`] has counted.
pub(super) fn waited_ticks() -> u64 {
    WAITED_TICKS.load(Ordering::Relaxed)
}

/// Another clock's value, and this clock's at that moment.
pub(super) struct Reading {
    pub(super) value: u64,
    pub(super) ticks: u64,
    spread: u64,
}

/// Finds out how fast the counter runs, by what the processor says or else against another clock, and which it was.
pub(super) fn initialise(hpet: Option<Hpet>) -> &'static str {
    let by_cpuid = || Some(("CPUID", stated()?));
    let by_pit = || Some(("PIT", measure_until_agreed(pit::measure)?));
    let by_hpet = || Some(("HPET", measure_until_agreed(|| hpet?.measure())?));
    let known = by_cpuid().or_else(by_pit).or_else(by_hpet);
    let (source, rate) = known.expect("a clock (CPUID, PIT or HPET) to measure the processor's by");
    TICKS_PER_SECOND.store(rate, Ordering::Relaxed);
    source
}

/// Waits until so many ticks have passed.
pub(super) fn wait_ticks(count: u64) {
    let start = ticks();
    while ticks().wrapping_sub(start) < count {
        core::hint::spin_loop();
    }
}

/// Reads another clock together with this one.
pub(super) fn read_closely(read: impl Fn() -> u64) -> Reading {
    let readings = core::array::from_fn::<_, READINGS, _>(|_| {
        let before = ticks();
        let value = read();
        let spread = ticks() - before;
        Reading {
            value,
            ticks: before + spread / 2,
            spread,
        }
    });
    let closest = readings.into_iter().min_by_key(|reading| reading.spread);
    closest.expect("there is at least one reading")
}

/// Measures until two measurements agree; the last one, if they never do.
pub(super) fn measure_until_agreed(mut measure: impl FnMut() -> Option<u64>) -> Option<u64> {
    let mut last = measure()?;
    for _ in 1..MEASUREMENTS_MAX {
        let next = measure()?;
        if next.abs_diff(last) <= next / AGREEMENT {
            return Some(last.midpoint(next));
        }
        last = next;
    }
    crate::log!("the clock's measurements do not agree: it may run wrong");
    Some(last)
}

/// The rate as the processor states it: the ratio to its crystal, whose rate is stated too, or follows from the base
/// frequency.
fn stated() -> Option<u64> {
    let ratio = leaf(0x15, 0);
    let (denominator, numerator) = (u64::from(ratio.eax), u64::from(ratio.ebx));
    if denominator == 0 || numerator == 0 {
        return None;
    }
    let crystal = u64::from(ratio.ecx);
    let base_mhz = u64::from(leaf(0x16, 0).eax & 0xffff);
    match (crystal, base_mhz) {
        (0, 0) => None,
        (0, mhz) => Some(mhz * 1_000_000),
        (crystal, _) => Some(crystal * numerator / denominator),
    }
}
