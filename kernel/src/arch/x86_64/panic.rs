//! Panics: printing the state, and stopping.
//!
//! Nothing here uses the core's data or waits for a lock, so it may run in any state of the kernel.

use crate::arch::options;
use crate::arch::symbols::SymbolTable;
use crate::arch::{EXIT_PORT, Log, with_log};
use crate::log;
use core::arch::asm;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use super::core_local::{STACK, STACKS_OF_EXCEPTIONS};
use super::port::io_write;
use super::screen;
use crate::arch::IoWidth;

/// The value written to QEMU's exit device on a panic. QEMU's exit status is twice this value, plus one.
const EXIT_PANIC: u32 = 0x11;

/// The maximum number of callers printed.
const FRAMES_MAX: usize = 32;

static PANICKING: AtomicBool = AtomicBool::new(false);

/// The registers pushed by `interrupt_fatal`, and above them the processor's frame.
#[repr(C)]
pub(super) struct TrapFrame {
    r15: u64,
    r14: u64,
    r13: u64,
    r12: u64,
    r11: u64,
    r10: u64,
    r9: u64,
    r8: u64,
    rbp: u64,
    rdi: u64,
    rsi: u64,
    rdx: u64,
    rcx: u64,
    rbx: u64,
    rax: u64,
    pub(super) vector: u64,
    pub(super) error: u64,
    pub(super) rip: u64,
    cs: u64,
    pub(super) rflags: u64,
    rsp: u64,
    ss: u64,
}

/// Prints a panic of the kernel's own code, and stops.
pub fn panic(information: &PanicInfo) -> ! {
    if !PANICKING.swap(true, Ordering::Relaxed) {
        begin();
        match information.location() {
            Some(location) => log!("panic at {location}: {}", information.message()),
            None => log!("panic: {}", information.message()),
        }
        let frame_pointer: u64;
        // SAFETY: it only copies a register.
        unsafe { asm!("mov {}, rbp", out(reg) frame_pointer, options(nomem, nostack)) };
        print_callers(frame_pointer);
    }
    stop()
}

/// Prints an exception that the kernel cannot resume from, and stops.
pub(super) fn trap_panic(frame: &TrapFrame) -> ! {
    if !PANICKING.swap(true, Ordering::Relaxed) {
        begin();
        print_registers(frame);
        let symbols = SymbolTable::embedded();
        log!("  at {:#x} {}", frame.rip, symbols.place(frame.rip));
        print_callers(frame.rbp);
    }
    stop()
}

/// Stops the start on a machine that cannot run the kernel, and prints the reason.
pub(super) fn refuse(reason: &str) -> ! {
    begin();
    log!("{reason}");
    stop()
}

/// Prepares the log for its last lines.
fn begin() {
    with_log(Log::become_immediate);
    screen::fail();
}

fn print_registers(frame: &TrapFrame) {
    let (vector, error) = (frame.vector, frame.error);
    let address = x86_64::registers::control::Cr2::read_raw();
    let name = exception_name(vector);
    log!("panic: exception {vector} ({name}) in the kernel, error {error:#x}, cr2 {address:#x}");
    log!(
        "  rip {:016x} cs {:x} rflags {:x}",
        frame.rip,
        frame.cs,
        frame.rflags
    );
    log!(
        "  rsp {:016x} ss {:x} rbp {:016x}",
        frame.rsp,
        frame.ss,
        frame.rbp
    );
    for [(a, x), (b, y), (c, z)] in [
        [("rax", frame.rax), ("rbx", frame.rbx), ("rcx", frame.rcx)],
        [("rdx", frame.rdx), ("rsi", frame.rsi), ("rdi", frame.rdi)],
        [("r8 ", frame.r8), ("r9 ", frame.r9), ("r10", frame.r10)],
        [("r11", frame.r11), ("r12", frame.r12), ("r13", frame.r13)],
        [("r14", frame.r14), ("r15", frame.r15), ("err", frame.error)],
    ] {
        log!("  {a} {x:016x} {b} {y:016x} {c} {z:016x}");
    }
}

/// The names, as in the manuals, of the exceptions that are most likely to stop the kernel.
fn exception_name(vector: u64) -> &'static str {
    match vector {
        6 => "invalid opcode",
        8 => "double fault",
        12 => "stack fault",
        13 => "general protection",
        14 => "page fault",
        18 => "machine check",
        _ => "unexpected",
    }
}

/// Follows the chain of frame pointers, as long as it stays on the kernel's stacks and ascends.
fn print_callers(mut frame_pointer: u64) {
    let symbols = SymbolTable::embedded();
    for _ in 0..FRAMES_MAX {
        if !frame_pointer.is_multiple_of(8) || !is_on_a_stack(frame_pointer) {
            return;
        }
        let frame = frame_pointer as *const [u64; 2];
        // SAFETY: it is on a kernel stack, which is mapped, and both words were written by its function.
        let [caller_frame, return_address] = unsafe { frame.read() };
        if return_address == 0 {
            return;
        }
        log!(
            "  at {return_address:#x} {}",
            symbols.place(return_address - 1)
        );
        if caller_frame <= frame_pointer {
            return;
        }
        frame_pointer = caller_frame;
    }
}

/// Whether two words at this address are on one of the kernel's stacks.
fn is_on_a_stack(address: u64) -> bool {
    let within = |guard: u64, top: u64| (guard + 4096..=top - 16).contains(&address);
    within(STACK.guard().as_u64(), STACK.top().as_u64())
        || STACKS_OF_EXCEPTIONS
            .iter()
            .any(|stack| within(stack.guard().as_u64(), stack.top().as_u64()))
}

fn stop() -> ! {
    if options::get().debug_exit {
        io_write(EXIT_PORT, IoWidth::Long, EXIT_PANIC);
    }
    loop {
        // SAFETY: it only waits, for ever, since interrupts are off.
        unsafe { asm!("cli", "hlt", options(nomem, nostack)) };
    }
}
