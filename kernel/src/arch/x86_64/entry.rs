//! The entry into the kernel from user mode, the return, and faults in the kernel itself.
//!
//! ```text
//!  SYSCALL --> syscall_entry ----\                        /--> resume: SYSRET if the context allows it, else IRET
//!  interrupt, exception           > save to the context  > kernel::enter
//!          --> stubs --> common -/                        \--> idle: STI; HLT
//!                         \--> from kernel mode: an interrupt ends idling, an exception goes to `kernel_fault`
//! ```
//!
//! The assembly saves and restores by the field offsets of [`UserContext`] and [`Core`](super::core_local::Core), and calls
//! the `extern "C"` functions below.

use super::core_local::{CURRENT, STACK_TOP, USER_STACK_POINTER};
use super::cpu::{self, Features};
use super::descriptors::{USER_CODE, USER_DATA};
use super::panic::{TrapFrame, trap_panic};
use super::{apic, interrupts, memory, nmi, vector_registers};
use crate::arch::{Cause, DEVICE_VECTORS, Resume, UserContext, refusal};
use core::arch::{asm, global_asm};
use core::mem::offset_of;
use core::ptr;
use x86_64::VirtAddr;
use x86_64::registers::control::Cr2;

/// The exceptions that this file treats specially.
const DEBUG: u8 = 1;
const NMI: u8 = 2;
const GENERAL_PROTECTION: u8 = 13;
const PAGE_FAULT: u8 = 14;

/// The bytes of one stub.
const STUB_BYTES: u64 = 16;

/// Below this address SYSRET is safe. On Intel's processors SYSRET to an address that is not canonical faults in kernel
/// mode. The return address of a SYSCALL at the very end of the lower half is not canonical.
const SYSRET_LIMIT: u64 = (1 << 47) - 4096;

global_asm!(include_str!("entry.S"),
    rax = const offset_of!(UserContext, rax),
    rbx = const offset_of!(UserContext, rbx),
    rcx = const offset_of!(UserContext, rcx),
    rdx = const offset_of!(UserContext, rdx),
    rsi = const offset_of!(UserContext, rsi),
    rdi = const offset_of!(UserContext, rdi),
    rbp = const offset_of!(UserContext, rbp),
    r8 = const offset_of!(UserContext, r8),
    r9 = const offset_of!(UserContext, r9),
    r10 = const offset_of!(UserContext, r10),
    r11 = const offset_of!(UserContext, r11),
    r12 = const offset_of!(UserContext, r12),
    r13 = const offset_of!(UserContext, r13),
    r14 = const offset_of!(UserContext, r14),
    r15 = const offset_of!(UserContext, r15),
    rip = const offset_of!(UserContext, rip),
    rflags = const offset_of!(UserContext, rflags),
    rsp = const offset_of!(UserContext, rsp),
    current = const CURRENT,
    user_stack_pointer = const USER_STACK_POINTER,
    stack_top = const STACK_TOP,
    user_code = const USER_CODE,
    user_data = const USER_DATA,
    sysret_limit = const SYSRET_LIMIT,
    stub_bytes = const STUB_BYTES,
    general_protection = const GENERAL_PROTECTION,
    syscall_entered = sym syscall_entered,
    interrupt_entered = sym interrupt_entered,
    kernel_fault = sym kernel_fault,
);

unsafe extern "C" {
    /// The entry point of SYSCALL. Not to be called.
    fn syscall_entry();
    /// The first of the 256 stubs. Not to be called.
    fn interrupt_stubs();
    /// Resumes the context in RAX, or idles if it is null. Not to be called.
    fn resume();
    /// The last instruction of `resume`. Not to be called.
    fn resume_iret();
    /// The address to continue at if `resume_iret` faults. Not to be called.
    fn resume_refused();
}

/// The address of SYSCALL's entry point.
pub(super) fn syscall_address() -> VirtAddr {
    VirtAddr::from_ptr(syscall_entry as *const ())
}

/// The address of a vector's stub.
pub(super) fn stub(vector: u8) -> VirtAddr {
    VirtAddr::from_ptr(interrupt_stubs as *const ()) + u64::from(vector) * STUB_BYTES
}

/// Leaves the boot code for good.
pub(super) fn leave(next: Resume) -> ! {
    let context = destination(next);
    // SAFETY: `resume` takes the context in RAX and uses nothing else; GS points to the core's data since boot.
    unsafe { asm!("jmp {}", sym resume, in("rax") context, options(noreturn)) }
}

/// The context for the assembly to load; null means idle, which runs on the kernel's own tables.
fn destination(next: Resume) -> *const UserContext {
    match next {
        Resume::Thread(context) => context,
        Resume::Idle => {
            memory::activate_kernel();
            ptr::null()
        }
    }
}

extern "C" fn syscall_entered() -> *const UserContext {
    destination(crate::enter(Cause::SystemCall))
}

extern "C" fn interrupt_entered(vector: u64, error: u64) -> *const UserContext {
    if cpu::has(Features::SMAP) {
        // SAFETY: it only clears AC. A gate leaves AC as user mode set it, and a set AC would suspend SMAP.
        unsafe { asm!("clac", options(nomem, nostack)) };
    }
    destination(crate::enter(cause(vector as u8, error)))
}

/// The cause for a vector; acknowledges interrupts.
fn cause(vector: u8, error: u64) -> Cause {
    match vector {
        0..=31 => Cause::Exception {
            vector,
            error,
            address: if vector == PAGE_FAULT {
                Cr2::read_raw()
            } else {
                0
            },
        },
        apic::TIMER_VECTOR => {
            apic::end_of_interrupt();
            Cause::Timer
        }
        vector if DEVICE_VECTORS.contains(&vector) => {
            interrupts::mask_level_line(vector);
            apic::end_of_interrupt();
            Cause::Interrupt { vector }
        }
        apic::NMI_NOTICE_VECTOR => {
            apic::end_of_interrupt();
            nmi::log_count();
            Cause::Spurious
        }
        apic::SPURIOUS_VECTOR => Cause::Spurious,
        _ => {
            apic::end_of_interrupt();
            Cause::Spurious
        }
    }
}

/// Handles exceptions in kernel mode, and NMIs, machine checks and double faults in any mode. Most are errors of the kernel
/// or the machine, and panic.
///
/// Three kinds do not panic. An NMI comes from outside at any time. Some processors deliver a debug exception after the
/// SYSCALL that follows MOV SS. An instruction that loads values for user mode faults if it refuses them; a machine check at
/// such an instruction is not a refusal.
extern "C" fn kernel_fault(frame: &mut TrapFrame) {
    const TRAP_FLAG: u64 = 1 << 8;
    match frame.vector {
        vector if vector == u64::from(NMI) => return nmi::count(),
        vector if vector == u64::from(DEBUG) => {
            frame.rflags &= !TRAP_FLAG;
            return;
        }
        _ => {}
    }
    match repair(frame.rip).filter(|_| refusal::is_refusal(frame.vector, frame.error)) {
        Some(repair) => frame.rip = repair,
        None => trap_panic(frame),
    }
}

/// The address to continue at after a fault of one of the few instructions that load values from user mode.
///
/// No domain is known to cause such a fault. An imported state has canonical addresses ([`UserContext::sanitise`]) and no
/// reserved bits (`VectorState::write_component`). Any state that a thread reached by itself was already accepted by the
/// processor. But processors differ in the values that they accept, and without the repair a refusal would stop the machine.
fn repair(rip: u64) -> Option<u64> {
    if rip == resume_iret as *const () as u64 {
        return Some(resume_refused as *const () as u64);
    }
    vector_registers::repair(rip)
}
