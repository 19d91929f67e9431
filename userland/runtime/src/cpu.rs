//! The features of this machine's processor that a program can use: instructions that work here and may fault elsewhere.
//!
//! ```text
//! word: 0 leaf 1 ECX   1 leaf 1 EDX   2 leaf 7 EBX   3 leaf 7 ECX   4 leaf 7 EDX   5 low half of XCR0
//! ```
//!
//! CPUID bits for kernel-only features, for hints that never fault, or for the state of one core are irrelevant to a
//! program, and are masked out: equal processors give equal words, whatever kernel or hypervisor runs on them.
//! The bits are numbered as in Intel's manual, volume 2A, "CPUID".

use core::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};

/// Leaf 1, ECX: SSE3, PCLMULQDQ, SSSE3, FMA, CMPXCHG16B, SSE4.1, SSE4.2, MOVBE, POPCNT, AES, XSAVE, AVX, F16C, RDRAND.
const LEAF_1_ECX: u32 = bits(&[0, 1, 9, 12, 13, 19, 20, 22, 23, 25, 26, 28, 29, 30]);
/// Leaf 1, EDX: FPU, TSC, CMPXCHG8B, CMOV, CLFLUSH, MMX, FXSAVE, SSE, SSE2.
const LEAF_1_EDX: u32 = bits(&[0, 4, 8, 15, 19, 23, 24, 25, 26]);
/// Leaf 7, EBX: FSGSBASE, BMI1, HLE, AVX2, BMI2, RTM, AVX-512 (F, DQ), RDSEED, ADX, AVX-512 IFMA, CLFLUSHOPT, CLWB,
/// AVX-512 (PF, ER, CD), SHA, AVX-512 (BW, VL).
const LEAF_7_EBX: u32 = bits(&[
    0, 3, 4, 5, 8, 11, 16, 17, 18, 19, 21, 23, 24, 26, 27, 28, 29, 30, 31,
]);
/// Leaf 7, ECX: AVX-512 VBMI, WAITPKG, VBMI2, GFNI, VAES, VPCLMULQDQ, VNNI, BITALG, VPOPCNTDQ, RDPID, MOVDIRI, MOVDIR64B.
const LEAF_7_ECX: u32 = bits(&[1, 5, 6, 8, 9, 10, 11, 12, 14, 22, 27, 28]);
/// Leaf 7, EDX: AVX-512 (4VNNIW, 4FMAPS, VP2INTERSECT), SERIALIZE, TSXLDTRK, AMX-BF16, AVX-512 FP16, AMX (TILE, INT8).
const LEAF_7_EDX: u32 = bits(&[2, 3, 8, 14, 16, 22, 23, 24, 25]);

/// Leaf 1, ECX: the kernel allows programs to read XCR0.
const OSXSAVE: u32 = 1 << 27;
const LEAF_7: u32 = 7;

const fn bits(numbers: &[u32]) -> u32 {
    let (mut mask, mut index) = (0, 0);
    while index < numbers.len() {
        mask |= 1 << numbers[index];
        index += 1;
    }
    mask
}

/// The feature words of this machine. They are invalid after a move.
pub fn features() -> [u32; 6] {
    let one = __cpuid(1);
    let [ebx, ecx, edx] = match __cpuid(0).eax {
        // For a leaf beyond the highest, the processor returns the data of another one.
        ..LEAF_7 => [0; 3],
        _ => {
            let seven = __cpuid_count(LEAF_7, 0);
            [seven.ebx, seven.ecx, seven.edx]
        }
    };
    let xcr0 = match one.ecx & OSXSAVE {
        0 => 0,
        // SAFETY: OSXSAVE means that the instruction may be used, and register 0 always exists.
        _ => (unsafe { _xgetbv(0) }) as u32,
    };
    usable([one.ecx, one.edx, ebx, ecx, edx, xcr0])
}

/// Masks out the bits that are irrelevant to a program.
fn usable(words: [u32; 6]) -> [u32; 6] {
    let masks = [
        LEAF_1_ECX,
        LEAF_1_EDX,
        LEAF_7_EBX,
        LEAF_7_ECX,
        LEAF_7_EDX,
        u32::MAX,
    ];
    core::array::from_fn(|word| words[word] & masks[word])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SSE2: u32 = 1 << 26;
    const HYPERVISOR: u32 = 1 << 31;
    const X2APIC: u32 = 1 << 21;
    const HYPER_THREADING: u32 = 1 << 28;
    const SMEP: u32 = 1 << 7;
    const UMIP: u32 = 1 << 2;
    const MD_CLEAR: u32 = 1 << 10;

    #[test]
    fn kernel_only_features_are_masked_out() {
        let kernels = [
            OSXSAVE | HYPERVISOR | X2APIC,
            HYPER_THREADING,
            SMEP,
            UMIP,
            MD_CLEAR,
            0,
        ];
        assert_eq!(usable(kernels), [0; 6]);
    }

    #[test]
    fn features_for_programs_are_kept() {
        let words = [1 << 28, SSE2, 1 << 5, 1 << 9, 1 << 23, 0b111];
        assert_eq!(usable(words), words);
    }

    #[test]
    fn every_processor_of_this_architecture_has_sse2() {
        let words = features();
        assert_ne!(words[1] & SSE2, 0);
        assert_eq!(words, features());
    }
}
