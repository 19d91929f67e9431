//! Saving and loading the vector registers: by XSAVE if the processor has it, else by FXSAVE.
//!
//! An exported thread state has only the components x87, SSE and AVX. So XCR0 enables only these, as far as the processor
//! has them; AVX-512 stays off.

use super::cpu::{self, Features, leaf};
use crate::arch::{VectorComponent, VectorState};
use core::arch::{asm, global_asm};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use spin::Once;
use x86_64::registers::control::{Cr0, Cr0Flags};
use x86_64::registers::xcontrol::{XCr0, XCr0Flags};

/// The components that XSAVE and XRSTOR handle: XCR0. Zero if there is only FXSAVE.
static ENABLED: AtomicU64 = AtomicU64::new(0);

/// The bits of MXCSR that the processor supports.
static MXCSR_MASK: AtomicU32 = AtomicU32::new(0xffbf);

/// Whether FXRSTOR and XRSTOR may leave the addresses of another thread's last x87 instruction in place.
static LEAKS_X87_POINTERS: Once<bool> = Once::new();

/// The state of a new thread, which also replaces a state that cannot be loaded.
static INITIAL: Immutable = Immutable(VectorState::initial());

struct Immutable(VectorState);

// SAFETY: nothing writes it.
unsafe impl Sync for Immutable {}

// The instructions whose faults are repaired, and the address to continue at.
// In:  RDI = the state, EDX:EAX = the components. Out: RAX = 0, or 1 if the processor refused the state.
global_asm!(
    ".pushsection .text.vectors, \"ax\", @progbits",
    ".global vectors_xrstor",
    "vectors_xrstor:",
    "xrstor64 [rdi]",
    "xor eax, eax",
    "ret",
    ".global vectors_fxrstor",
    "vectors_fxrstor:",
    "fxrstor64 [rdi]",
    "xor eax, eax",
    "ret",
    ".global vectors_refused",
    "vectors_refused:",
    "mov eax, 1",
    "ret",
    ".popsection",
);

unsafe extern "C" {
    fn vectors_xrstor();
    fn vectors_fxrstor();
    fn vectors_refused();
}

/// Enables the processor's components, and checks that they fit into a [`VectorState`].
pub(super) fn initialise() {
    if cpu::has(Features::XSAVE) {
        let mut enabled = XCr0Flags::X87 | XCr0Flags::SSE;
        if cpu::has(Features::AVX) {
            enabled |= XCr0Flags::AVX;
        }
        // SAFETY: CPUID has all of these, in combinations that the processor accepts.
        unsafe { XCr0::write(enabled) };
        ENABLED.store(enabled.bits(), Ordering::Relaxed);
        let exported = VectorComponent::ALL.map(VectorComponent::state_bits);
        let exported = exported.into_iter().fold(0, |all, bits| all | bits);
        assert_eq!(enabled.bits() & !exported, 0, "a component would be lost");
        let needed = leaf(0xd, 0).ebx as usize;
        assert!(needed <= VectorState::BYTES, "XSAVE needs {needed} bytes");
    }
    const XSAVE_ERROR_POINTERS: u32 = 1 << 2;
    let is_amd = leaf(0, 0).ecx == u32::from_le_bytes(*b"cAMD");
    let clears = leaf(0x8000_0008, 0).ebx & XSAVE_ERROR_POINTERS != 0;
    LEAKS_X87_POINTERS.call_once(|| is_amd && !clears);
    permit();
    find_mxcsr_mask();
    vectors_deny();
}

/// Reads the mask that FXSAVE stores. Zero stands for the mask of the oldest processors, which is the initial value.
fn find_mxcsr_mask() {
    let probe = VectorState::initial();
    // SAFETY: the area is 512 bytes and aligned; the registers do not hold a thread's state yet.
    unsafe { asm!("fninit", "fxsave64 [{}]", in(reg) &probe, options(nostack)) };
    let mut legacy = [0; VectorComponent::Legacy.byte_count()];
    let read = probe.read_component(VectorComponent::Legacy, &mut legacy);
    debug_assert!(read.is_ok());
    let mask = u32::from_le_bytes([legacy[28], legacy[29], legacy[30], legacy[31]]);
    if mask != 0 {
        MXCSR_MASK.store(mask, Ordering::Relaxed);
    }
}

/// The bits of MXCSR that this processor supports.
pub fn mxcsr_mask() -> u32 {
    MXCSR_MASK.load(Ordering::Relaxed)
}

/// The offset of a component in a [`VectorState`], in bytes; `None` if the processor lacks it.
pub fn vector_component_offset(component: VectorComponent) -> Option<usize> {
    let bits = component.state_bits();
    if component == VectorComponent::Legacy {
        return Some(0);
    }
    let enabled = ENABLED.load(Ordering::Relaxed);
    (enabled & bits != 0).then(|| leaf(0xd, bits.trailing_zeros()).ebx as usize)
}

/// Stores the vector registers of the thread that ran last, which was permitted to use them.
pub fn vectors_save(vectors: &VectorState) {
    let enabled = ENABLED.load(Ordering::Relaxed);
    if enabled == 0 {
        // SAFETY: the state is at least 512 bytes and aligned; its cells may be written through a shared reference.
        unsafe { asm!("fxsave64 [{}]", in(reg) vectors, options(nostack, preserves_flags)) };
    } else {
        // SAFETY: `initialise` checked that the enabled components fit the state; its cells may be written.
        unsafe {
            asm!("xsave64 [{}]", in(reg) vectors, in("eax") enabled as u32, in("edx") 0,
                options(nostack, preserves_flags));
        }
    }
}

/// Loads the vector registers of the thread that runs next, and permits it to use them.
pub fn vectors_load(vectors: &VectorState) {
    permit();
    overwrite_x87_pointers();
    if !load(vectors) {
        // A state that `write_component` accepted should never be refused, but an error there must not stop the machine.
        crate::log!("a vector state was refused by the processor: initialised instead");
        load(&INITIAL.0);
    }
}

/// Resets the vector registers to the initial state, and denies user mode their use. Denial alone would leak them: some
/// processors execute instructions on the registers speculatively before they raise exception 7 (LazyFP).
pub fn vectors_clear() {
    permit();
    overwrite_x87_pointers();
    load(&INITIAL.0);
    vectors_deny();
}

/// Denies user mode the use of the vector registers: a use then raises exception 7.
fn vectors_deny() {
    // SAFETY: the kernel itself uses no vector registers.
    unsafe { Cr0::update(|flags| flags.insert(Cr0Flags::TASK_SWITCHED)) };
}

/// The address to continue at after a fault at `rip`; `None` unless XRSTOR or FXRSTOR above is at `rip`.
pub(super) fn repair(rip: u64) -> Option<u64> {
    let faulting = [vectors_xrstor as *const (), vectors_fxrstor as *const ()];
    let repairable = faulting.iter().any(|&address| address as u64 == rip);
    repairable.then_some(vectors_refused as *const () as u64)
}

fn permit() {
    // SAFETY: every caller loads or has loaded the registers.
    unsafe { asm!("clts", options(nomem, nostack, preserves_flags)) };
}

fn load(vectors: &VectorState) -> bool {
    let enabled = ENABLED.load(Ordering::Relaxed);
    let routine = if enabled == 0 {
        vectors_fxrstor
    } else {
        vectors_xrstor
    };
    let refused: u64;
    // SAFETY: the routine reads the state and writes only the vector registers and RAX; its fault is repaired.
    unsafe {
        asm!("call {}", in(reg) routine, in("rdi") vectors, inlateout("rax") enabled => refused, in("rdx") 0);
    }
    refused == 0
}

/// Overwrites FIP, FDP and FOP, which loading a state leaves unchanged on AMD's older processors unless an exception is
/// pending. Loading any number overwrites them.
fn overwrite_x87_pointers() {
    if LEAKS_X87_POINTERS.get() == Some(&true) {
        let anything = 0_u64;
        // SAFETY: the registers are about to be loaded, so their content is not needed.
        unsafe {
            asm!("fnclex", "ffree st(7)", "fild qword ptr [{}]", in(reg) &anything, options(nostack, readonly));
        }
    }
}
