//! Known flaws of transient execution, by what the processor says it is free of.
//!
//! There is no defence against them yet; the boot log names them. One is not listed, since it finds nothing: LazyFP, reading
//! the vector registers of the thread before while CR0.TS denies them. The scheduler clears them for a thread that does
//! not use them.

use super::cpu::leaf;
use heapless::Vec;
use x86_64::registers::model_specific::Msr;

/// A flaw of Intel's processors, and the bit of IA32_ARCH_CAPABILITIES that says that this one lacks it.
const OF_INTEL: [(&str, u32); 6] = [
    ("meltdown", 0),
    ("l1tf", 3),
    ("ssb", 4),
    ("mds", 5),
    ("taa", 8),
    ("mmio-stale-data", 13),
];

/// Lists what this processor may have.
pub(super) fn list(flaws: &mut Vec<&'static str, 16>) {
    let capabilities = capabilities();
    // Every processor that executes speculatively has these two.
    let general = ["spectre-v1", "spectre-v2"];
    let of_intel = OF_INTEL
        .iter()
        .filter(|(_, bit)| is_intel() && capabilities >> bit & 1 == 0)
        .map(|(name, _)| *name);
    flaws.extend(general.into_iter().chain(of_intel));
}

fn is_intel() -> bool {
    const LAST_LETTERS: u32 = u32::from_le_bytes(*b"ntel");
    leaf(0, 0).ecx == LAST_LETTERS
}

fn capabilities() -> u64 {
    const ARCH_CAPABILITIES: u32 = 0x10a;
    if leaf(7, 0).edx >> 29 & 1 == 0 {
        return 0;
    }
    // SAFETY: CPUID says that the register exists.
    unsafe { Msr::new(ARCH_CAPABILITIES).read() }
}
