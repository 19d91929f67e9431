//! The clock: the processor's time-stamp counter, and how fast it runs.

use super::cpu::leaf;
use super::hpet::Hpet;
use super::pit;
use core::arch::x86_64::_rdtsc;
use core::sync::atomic::{AtomicU64, Ordering};

static TICKS_PER_SECOND: AtomicU64 = AtomicU64::new(0);

/// The clock.
pub fn ticks() -> u64 {
    // SAFETY: every processor in long mode has the counter, and kernel mode may always read it.
    unsafe { _rdtsc() }
}

/// How many ticks a second has.
pub fn ticks_per_second() -> u64 {
    TICKS_PER_SECOND.load(Ordering::Relaxed)
}

/// Finds out how fast the counter runs: by what the processor says, or else against another clock.
pub(super) fn initialise(hpet: Option<Hpet>) -> &'static str {
    type Source = (&'static str, Option<u64>);
    let mut sources = [|| ("CPUID", stated()), || ("PIT", pit::ticks_per_second())]
        .into_iter()
        .map(|source: fn() -> Source| source());
    let known = sources.find_map(|(name, rate)| Some((name, rate?)));
    let known = known.or_else(|| Some(("HPET", hpet?.ticks_per_second()?)));
    let (name, rate) = known.expect("a clock (CPUID, PIT or HPET) to measure the processor's by");
    TICKS_PER_SECOND.store(rate, Ordering::Relaxed);
    name
}

/// Waits until so many ticks have passed.
pub(super) fn wait_ticks(count: u64) {
    let start = ticks();
    while ticks().wrapping_sub(start) < count {
        core::hint::spin_loop();
    }
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
