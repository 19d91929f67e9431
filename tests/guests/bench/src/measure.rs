//! Samples of the time-stamp counter, and their median.
//!
//! Under QEMU's `-icount shift=0` the counter counts executed instructions, those of user mode included.

use core::arch::asm;

/// The number of samples. A scheduler tick or a growing table affects one sample, but not the median.
pub const SAMPLES: usize = 101;

/// The samples, one word each.
pub type Samples = *mut u32;

/// The counter's low half, which suffices here.
#[inline(always)]
pub fn ticks() -> u32 {
    let low: u32;
    // SAFETY: RDTSC reads a counter, which user mode may.
    unsafe { asm!("rdtsc", out("eax") low, out("edx") _, options(nomem, nostack)) };
    low
}

/// Measures `operation` [`SAMPLES`] times; `restore` undoes it and is not measured.
///
/// # Safety
/// `samples` has room for [`SAMPLES`] samples, and is not read meanwhile.
#[inline(always)]
pub unsafe fn sample(
    samples: Samples,
    mut operation: impl FnMut(u32),
    mut restore: impl FnMut(u32),
) {
    for index in 0..SAMPLES as u32 {
        let start = ticks();
        operation(index);
        let end = ticks();
        // SAFETY: the caller guarantees the room.
        unsafe {
            samples
                .add(index as usize)
                .write_volatile(end.wrapping_sub(start))
        };
        restore(index);
    }
}

/// The median of an operation that this thread performs alone.
pub fn sampled(operation: impl FnMut(u32), restore: impl FnMut(u32)) -> u64 {
    let mut samples = [0; SAMPLES];
    // SAFETY: the array has this length, and belongs to this thread.
    unsafe { sample(samples.as_mut_ptr(), operation, restore) };
    median(&mut samples)
}

/// The median of the samples, minus the cost of reading the counter.
pub fn median(samples: &mut [u32; SAMPLES]) -> u64 {
    let mut nothing = [0; SAMPLES];
    // SAFETY: as in `sampled`.
    unsafe { sample(nothing.as_mut_ptr(), |_| {}, |_| {}) };
    u64::from(middle(samples).saturating_sub(middle(&mut nothing)))
}

fn middle(samples: &mut [u32; SAMPLES]) -> u32 {
    samples.sort_unstable();
    samples[SAMPLES / 2]
}
