//! The processor: detecting its features and enabling them.
//!
//! A bit of a control register is set only if CPUID reports its feature: setting a reserved bit faults, or hangs the machine.

use super::descriptors::Selectors;
use super::vulnerabilities;
use super::{apic, entry};
use crate::arch::{CpuInformation, options};
use core::arch::x86_64::{__cpuid, __cpuid_count, CpuidResult};
use core::sync::atomic::{AtomicU32, Ordering};
use heapless::String;
use x86_64::registers::control::{Cr0, Cr0Flags, Cr4, Cr4Flags, Efer, EferFlags};
use x86_64::registers::model_specific::{LStar, Msr, SFMask, Star};
use x86_64::registers::rflags::RFlags;

bitflags::bitflags! {
    /// Optional features that the kernel uses.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Features: u32 {
        const SMEP = 1 << 0;
        const SMAP = 1 << 1;
        const UMIP = 1 << 2;
        const FSGSBASE = 1 << 3;
        const XSAVE = 1 << 4;
        const AVX = 1 << 5;
        const X2APIC = 1 << 6;
        const TSC_DEADLINE = 1 << 7;
        const INVARIANT_TSC = 1 << 8;
        const RDRAND = 1 << 9;
        const RDSEED = 1 << 10;
        const PAGES_1G = 1 << 11;
        const PAT = 1 << 12;
        const PGE = 1 << 13;
        const MCE = 1 << 14;
        const RDTSCP = 1 << 15;
    }
}

impl Features {
    /// The features that a safe start (the option `safe`) may use: those that only report, or give random numbers. All others
    /// are for speed or defence in depth, and the kernel runs without them.
    const SAFE: Features = Features::INVARIANT_TSC
        .union(Features::RDRAND)
        .union(Features::RDSEED)
        .union(Features::MCE)
        .union(Features::RDTSCP);
}

/// The features in use: those found at boot, except x2APIC mode if firmware forbids it. In a safe start only [`Features::SAFE`] of them,
/// and x2APIC mode if it is on.
static FEATURES: AtomicU32 = AtomicU32::new(0);

/// Whether the processor has all of these.
pub(super) fn has(features: Features) -> bool {
    Features::from_bits_truncate(FEATURES.load(Ordering::Relaxed)).contains(features)
}

/// Stops using features that the processor has.
pub(super) fn give_up(features: Features) {
    FEATURES.fetch_and(!features.bits(), Ordering::Relaxed);
}

/// A leaf of CPUID; all zero above the highest one.
pub(super) fn leaf(number: u32, index: u32) -> CpuidResult {
    let base = number & 0x8000_0000;
    if number > __cpuid(base).eax {
        return CpuidResult {
            eax: 0,
            ebx: 0,
            ecx: 0,
            edx: 0,
        };
    }
    __cpuid_count(number, index)
}

/// The number of bits in a physical address. A page-table entry with a higher bit causes a fault that cannot be handled.
pub fn physical_address_bits() -> u32 {
    // Every processor in long mode has at least 36 bits, even without this leaf. A page-table entry holds at most 52.
    (leaf(0x8000_0008, 0).eax & 0xff).clamp(36, 52)
}

/// Whether pages can be protected from being executed.
pub(super) fn has_no_execute() -> bool {
    leaf(0x8000_0001, 0).edx >> 20 & 1 != 0
}

/// The id of the running core's local APIC at its reset. Firmware may have changed it since.
pub(super) fn initial_apic_id() -> u32 {
    let long = leaf(0xb, 0);
    // The leaf exists if its first level has logical processors. Leaf 1 has only the low byte of the id.
    if has(Features::X2APIC) && long.ebx & 0xffff != 0 {
        return long.edx;
    }
    leaf(1, 0).ebx >> 24
}

/// Detects the processor's features and sets its control registers. The options must be set.
pub(super) fn initialise() {
    let mut features = probe();
    if options::get().safe {
        // A processor may refuse to leave x2APIC mode.
        let kept = match apic::is_x2apic() {
            true => Features::SAFE | Features::X2APIC,
            false => Features::SAFE,
        };
        features &= kept;
    }
    FEATURES.store(features.bits(), Ordering::Relaxed);
    // SAFETY: long mode, PAE and paging stay on. The processor supports each further bit. The early page tables are writable
    // where the kernel writes.
    unsafe {
        Cr0::write(
            Cr0Flags::PROTECTED_MODE_ENABLE
                | Cr0Flags::MONITOR_COPROCESSOR
                | Cr0Flags::TASK_SWITCHED
                | Cr0Flags::EXTENSION_TYPE
                | Cr0Flags::NUMERIC_ERROR
                | Cr0Flags::WRITE_PROTECT
                | Cr0Flags::PAGING,
        );
        Cr4::write(cr4(features));
        Efer::update(|flags| {
            *flags |= EferFlags::NO_EXECUTE_ENABLE | EferFlags::SYSTEM_CALL_EXTENSIONS;
        });
    }
    if features.contains(Features::PAT) {
        set_memory_types();
    }
    if features.contains(Features::RDTSCP) {
        const TSC_AUX: u32 = 0xc000_0103;
        // SAFETY: RDTSCP implies this register, and only user mode reads it. Zero does not reveal the core.
        unsafe { Msr::new(TSC_AUX).write(0) };
    }
}

/// Sets the entry point and the selectors of SYSCALL, and the flags that it clears because they would disturb the kernel.
pub(super) fn initialise_system_calls(selectors: &Selectors) {
    Star::write(
        selectors.user_code,
        selectors.user_data,
        selectors.kernel_code,
        selectors.kernel_data,
    )
    .expect("the selectors are in SYSRET's order");
    LStar::write(entry::syscall_address());
    SFMask::write(
        RFlags::INTERRUPT_FLAG
            | RFlags::TRAP_FLAG
            | RFlags::DIRECTION_FLAG
            | RFlags::ALIGNMENT_CHECK
            | RFlags::NESTED_TASK,
    );
}

fn probe() -> Features {
    let basic = leaf(1, 0);
    let structured = leaf(7, 0);
    let extended = leaf(0x8000_0001, 0);
    let power = leaf(0x8000_0007, 0);
    let xsave = basic.ecx >> 26 & 1 != 0;
    let states = if xsave { leaf(0xd, 0).eax } else { 0 };
    let mut features = Features::empty();
    for (feature, register, bit) in [
        (Features::SMEP, structured.ebx, 7),
        (Features::SMAP, structured.ebx, 20),
        (Features::UMIP, structured.ecx, 2),
        (Features::FSGSBASE, structured.ebx, 0),
        (Features::XSAVE, basic.ecx, 26),
        (Features::AVX, basic.ecx, 28),
        (Features::X2APIC, basic.ecx, 21),
        (Features::TSC_DEADLINE, basic.ecx, 24),
        (Features::INVARIANT_TSC, power.edx, 8),
        (Features::RDRAND, basic.ecx, 30),
        (Features::RDSEED, structured.ebx, 18),
        (Features::PAGES_1G, extended.edx, 26),
        (Features::PAT, basic.edx, 16),
        (Features::PGE, basic.edx, 13),
        (Features::MCE, basic.edx, 7),
        (Features::RDTSCP, extended.edx, 27),
    ] {
        features.set(feature, register >> bit & 1 != 0);
    }
    // The kernel can switch AVX's registers only if XSAVE handles them.
    if states & 0b110 != 0b110 {
        features.remove(Features::AVX);
    }
    features
}

/// CR4 for these features. The bits for RDPMC and RDTSC keep their reset values: RDPMC faults in user mode, RDTSC does not.
fn cr4(features: Features) -> Cr4Flags {
    let mut flags =
        Cr4Flags::PHYSICAL_ADDRESS_EXTENSION | Cr4Flags::OSFXSR | Cr4Flags::OSXMMEXCPT_ENABLE;
    for (feature, flag) in [
        (Features::PGE, Cr4Flags::PAGE_GLOBAL),
        (Features::MCE, Cr4Flags::MACHINE_CHECK_EXCEPTION),
        (Features::UMIP, Cr4Flags::USER_MODE_INSTRUCTION_PREVENTION),
        (Features::FSGSBASE, Cr4Flags::FSGSBASE),
        (Features::XSAVE, Cr4Flags::OSXSAVE),
        (
            Features::SMEP,
            Cr4Flags::SUPERVISOR_MODE_EXECUTION_PROTECTION,
        ),
        (Features::SMAP, Cr4Flags::SUPERVISOR_MODE_ACCESS_PREVENTION),
    ] {
        flags.set(flag, features.contains(feature));
    }
    flags
}

/// Sets the page attribute table. The entry that PWT alone selects becomes write combining; the other entries keep their
/// reset values.
fn set_memory_types() {
    const PAGE_ATTRIBUTE_TABLE: u32 = 0x277;
    const WRITE_BACK: u64 = 6;
    const WRITE_COMBINING: u64 = 1;
    const UNCACHED_UNLESS_COMBINED: u64 = 7;
    const UNCACHED: u64 = 0;
    let half = WRITE_BACK | WRITE_COMBINING << 8 | UNCACHED_UNLESS_COMBINED << 16 | UNCACHED << 24;
    // SAFETY: the processor has the table, and no mapping uses PWT alone yet.
    unsafe { Msr::new(PAGE_ATTRIBUTE_TABLE).write(half | half << 32) };
}

/// The processor's description.
pub(super) fn describe() -> CpuInformation {
    let mut information = CpuInformation {
        brand: brand(),
        ..CpuInformation::default()
    };
    let features = Features::from_bits_truncate(FEATURES.load(Ordering::Relaxed));
    // They fit: there are fewer features than a list can hold.
    information.features.extend(names(features));
    information.unused.extend(names(features.complement()));
    vulnerabilities::list(&mut information.vulnerabilities);
    information
}

fn names(features: Features) -> impl Iterator<Item = &'static str> {
    features.iter_names().map(|(name, _)| name)
}

fn brand() -> String<48> {
    let mut bytes = [0; 48];
    let words = (0x8000_0002..=0x8000_0004).flat_map(|number| {
        let leaf = leaf(number, 0);
        [leaf.eax, leaf.ebx, leaf.ecx, leaf.edx]
    });
    for (chunk, word) in bytes.chunks_exact_mut(4).zip(words) {
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    let text = core::str::from_utf8(&bytes).unwrap_or_default();
    String::try_from(text.trim_matches(['\0', ' '])).unwrap_or_default()
}
