//! Random seeds.

use super::clock::ticks;
use super::cpu::{self, Features};
use crate::arch::draw::{Drawn, draw};
use core::arch::asm;

/// A number that is hard to guess: from the processor's generator or, without one, from the jitter of its clock.
pub fn random_seed() -> u64 {
    let seed = cpu::has(Features::RDSEED).then(|| draw(rdseed)).flatten();
    let seed = seed.or_else(|| cpu::has(Features::RDRAND).then(|| draw(rdrand)).flatten());
    seed.unwrap_or_else(jitter)
}

fn rdseed() -> Drawn {
    let (value, good);
    // SAFETY: the caller has checked the feature; the instruction changes only flags and its operand.
    unsafe {
        asm!("rdseed {}", "setc {}", out(reg) value, out(reg_byte) good, options(nomem, nostack))
    };
    (value, good)
}

fn rdrand() -> Drawn {
    let (value, good);
    // SAFETY: as for `rdseed`.
    unsafe {
        asm!("rdrand {}", "setc {}", out(reg) value, out(reg_byte) good, options(nomem, nostack))
    };
    (value, good)
}

/// Mixes the durations of many reads of the clock. Weak if the clock is regular.
fn jitter() -> u64 {
    (0..1024).fold(0x9e37_79b9_7f4a_7c15, |state: u64, _| {
        (state.rotate_left(7) ^ ticks()).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    })
}
