//! The one assembly stub behind every system call.
//!
//! [`invoke`] takes a call's argument struct from [`abi::calls`] and returns its results; the typed capabilities
//! in [`crate::capability`] are its usual callers. A call may be interrupted halfway and resumed elsewhere, even on
//! another machine: no code here may assume that two instructions run on the same one.

use abi::{Arguments, Error};

/// Makes a system call.
///
/// It is not `unsafe`, although a call may unmap the caller's own memory: a program may do to itself whatever
/// its capabilities allow.
///
/// # Errors
/// The status that the kernel returns.
#[inline(always)]
pub fn invoke<A: Arguments>(arguments: A) -> Result<A::Output, Error> {
    use abi::calls::Output;
    let mut registers = arguments.encode();
    match system_call(A::NUMBER as u64, &mut registers) {
        0 => Ok(A::Output::from_registers(&registers)),
        status => Err(Error::from_status(status).unwrap_or(Error::UnknownCall)),
    }
}

/// RAX: number in, status out. RDI RSI RDX R10 R8 R9 R12 R13: arguments in, results out. RCX and R11 are clobbered,
/// the rest is preserved, the stack is not touched.
#[cfg(target_os = "caravan")]
#[inline(always)]
fn system_call(number: u64, registers: &mut abi::Registers) -> u64 {
    let status;
    let [a, b, c, d, e, f, g, h] = registers;
    // SAFETY: The kernel changes only the registers named here and the memory that the call is defined to change. That is the
    // message buffer, to which no reference exists during the call, and mappings that the caller requested.
    unsafe {
        core::arch::asm!(
            "syscall",
            inlateout("rax") number => status,
            inlateout("rdi") *a,
            inlateout("rsi") *b,
            inlateout("rdx") *c,
            inlateout("r10") *d,
            inlateout("r8") *e,
            inlateout("r9") *f,
            inlateout("r12") *g,
            inlateout("r13") *h,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    status
}

#[cfg(not(target_os = "caravan"))]
use crate::host::system_call;
