//! The clock: the processor's time-stamp counter, and its rate.
//!
//! A virtual core may be stopped for milliseconds between any two instructions. So a reference clock is read several times,
//! each time between two reads of the counter. Only the reading with the shortest time between the two reads of the counter
//! is used. A rate is accepted when two measurements agree.

use super::cpu;
use super::hpet::Hpet;
use super::pit;
use crate::arch::rate::{self, Measured, Measurement, Stated};
use core::arch::x86_64::_rdtsc;
use core::sync::atomic::{AtomicU64, Ordering};

static TICKS_PER_SECOND: AtomicU64 = AtomicU64::new(0);

/// The ticks that passed while the boot code measured clocks.
static WAITED_TICKS: AtomicU64 = AtomicU64::new(0);

/// How many times [`read_closely`] reads the other clock.
const READINGS: usize = 5;

/// The tolerance between two measurements of the clock's rate: one part in this many.
const CLOCK_AGREEMENT: u64 = 5_000;

/// The clock.
pub fn ticks() -> u64 {
    // SAFETY: every processor in long mode has the counter, and kernel mode may always read it.
    unsafe { _rdtsc() }
}

/// Ticks per second.
pub fn ticks_per_second() -> u64 {
    TICKS_PER_SECOND.load(Ordering::Relaxed)
}

/// Runs `measure`, which mostly waits for a clock, and adds its duration to [`waited_ticks`].
pub(super) fn waiting<T>(measure: impl FnOnce() -> T) -> T {
    let start = ticks();
    let result = measure();
    WAITED_TICKS.fetch_add(ticks() - start, Ordering::Relaxed);
    result
}

/// The ticks counted by [`waiting`].
pub(super) fn waited_ticks() -> u64 {
    WAITED_TICKS.load(Ordering::Relaxed)
}

/// The values of another clock and of this clock at the same time.
pub(super) struct Reading {
    pub(super) value: u64,
    pub(super) ticks: u64,
    spread: u64,
}

/// Determines the counter's rate, from a measurement against the best other clock and from the rate that the processor states.
/// Returns the name of the source.
///
/// # Panics
/// If no other clock works and the processor states no rate.
pub(super) fn initialise(hpet: Option<Hpet>) -> &'static str {
    let measured =
        |measure: &dyn Fn() -> Measurement| measure_until_agreed(CLOCK_AGREEMENT, measure);
    let by_hpet = || Some(("HPET", hpet.and_then(|hpet| measured(&|| hpet.measure()))?));
    let by_pit = || Some(("PIT", measured(&pit::measure)?));
    let known = rate::choose(stated(), by_hpet().or_else(by_pit));
    let (source, rate) = known.expect("a source of the clock's rate (HPET, PIT or CPUID)");
    TICKS_PER_SECOND.store(rate, Ordering::Relaxed);
    source
}

/// Waits until this many ticks have passed.
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

/// Measures the rate of the clock or of the timer until two measurements agree to one part in `agreement`; returns the last
/// one if they never do.
pub(super) fn measure_until_agreed(
    agreement: u64,
    measure: impl FnMut() -> Measurement,
) -> Option<u64> {
    Some(match rate::measure_until_agreed(agreement, measure)? {
        Measured::Agreed(rate) => rate,
        Measured::Last(rate) => {
            crate::log!(
                "two measurements of the clock's or the timer's rate never agreed: it may be wrong"
            );
            rate
        }
    })
}

/// The rate stated by the processor.
fn stated() -> Option<Stated> {
    let ratio = cpu::leaf(0x15, 0);
    let base_mhz = cpu::leaf(0x16, 0).eax;
    rate::stated(ratio.eax, ratio.ebx, ratio.ecx, base_mhz)
}
