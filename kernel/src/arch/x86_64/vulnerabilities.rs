//! The known transient-execution vulnerabilities that the processor does not report as absent.
//!
//! The kernel does not mitigate them yet; the boot log lists them. LazyFP reads the previous thread's vector registers while
//! CR0.TS denies their use. It is not listed, because the scheduler clears the registers for a thread that does not use
//! them.

use super::cpu::leaf;
use heapless::Vec;
use x86_64::registers::model_specific::Msr;

/// Vulnerabilities of Intel's processors, and the bits of IA32_ARCH_CAPABILITIES that report their absence.
const OF_INTEL: [(&str, u32); 6] = [
    ("meltdown", 0),
    ("l1tf", 3),
    ("ssb", 4),
    ("mds", 5),
    ("taa", 8),
    ("mmio-stale-data", 13),
];

/// Lists the vulnerabilities that this processor may have.
pub(super) fn list(vulnerabilities: &mut Vec<&'static str, 16>) {
    let capabilities = capabilities();
    // Every processor that executes speculatively has these two.
    let general = ["spectre-v1", "spectre-v2"];
    let of_intel = OF_INTEL
        .iter()
        .filter(|(_, bit)| is_intel() && capabilities >> bit & 1 == 0)
        .map(|(name, _)| *name);
    vulnerabilities.extend(general.into_iter().chain(of_intel));
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
    // SAFETY: CPUID reports the register.
    unsafe { Msr::new(ARCH_CAPABILITIES).read() }
}
