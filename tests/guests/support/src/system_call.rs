//! System calls with arbitrary registers: [`raw`].

use runtime::abi::{REGISTER_COUNT, Registers};

/// The flags that user code always has: interrupts on, and the reserved bit.
const FLAGS: u64 = 0x202;

/// Makes a system call with these argument registers and with these flags besides the usual ones. Returns the status; the registers
/// then hold the values that the kernel left.
#[inline(never)]
pub fn raw(number: u64, registers: &mut Registers, flags: u64) -> u64 {
    let status;
    let [a, b, c, d, e, f, g, h]: &mut [u64; REGISTER_COUNT] = registers;
    // SAFETY: the caller makes only calls that its program survives. The flags that compiled code relies on are restored.
    unsafe {
        core::arch::asm!(
            "push r14",
            "popfq",
            "syscall",
            "push {flags}",
            "popfq",
            flags = const FLAGS,
            inlateout("rax") number => status,
            inlateout("rdi") *a,
            inlateout("rsi") *b,
            inlateout("rdx") *c,
            inlateout("r10") *d,
            inlateout("r8") *e,
            inlateout("r9") *f,
            inlateout("r12") *g,
            inlateout("r13") *h,
            in("r14") flags | FLAGS,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    status
}
