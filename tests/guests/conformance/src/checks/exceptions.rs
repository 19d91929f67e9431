//! Exceptions of user code.

use guest_support::worker::{Page, Script};
use runtime::fault::Fault;

use super::registers::processor_has_leaf_7;
use crate::bed::{Bed, Failure, expect};

macro_rules! raises {
    ($($name:ident: $($line:literal),+;)*) => {$(
        #[unsafe(naked)]
        extern "C" fn $name(_: Page) -> ! {
            // One that raises nothing is done.
            core::arch::naked_asm!($($line),+, "jmp {}", sym says_done)
        }
    )*};
}

raises! {
    divides: "xor edx, edx", "xor ecx, ecx", "div ecx";
    single_steps: "pushf", "or dword ptr [rsp], 0x100", "popf", "nop", "nop";
    breaks: "int3";
    undefined: "ud2";
    clears_interrupts: "cli";
    halts: "hlt";
    reads_a_port: "mov dx, 0x3f8", "in al, dx";
    writes_a_port: "mov dx, 0xf4", "out dx, al";
    reads_a_register_of_the_machine: "mov ecx, 0xc0000080", "rdmsr";
    writes_a_register_of_the_machine: "mov ecx, 0xc0000080", "xor eax, eax", "xor edx, edx", "wrmsr";
    loads_tables: "mov rax, cr3", "mov cr3, rax";
    far_away: "mov rax, 0x800000000000", "mov rax, [rax]";
    stack_far_away: "mov rsp, 0x900000000000", "push rax";
    interrupts_itself: "int 0x20";
    leaves_for_nowhere: "mov rax, 0x900000000000", "jmp rax";
    // An x87 division by zero, unmasked, which the next such instruction reports.
    divides_x87_numbers: "fninit", "push 0x37b", "fldcw [rsp]", "fldz", "fld1", "fdiv st, st(1)", "fwait";
}

// Instructions that reveal the addresses of the kernel's tables, unless the processor prevents it.
raises! {
    stores_gdt: "sub rsp, 16", "sgdt [rsp]";
    stores_idt: "sub rsp, 16", "sidt [rsp]";
    stores_ldt: "sldt eax";
    stores_task: "str eax";
    stores_status: "smsw eax";
}

/// Raises a SIMD floating-point exception, unmasked.
#[unsafe(naked)]
extern "C" fn divides_numbers(_: Page) -> ! {
    core::arch::naked_asm!(
        "push 0x1d80", // all masked but division by zero
        "ldmxcsr [rsp]",
        "xorps xmm0, xmm0",
        "mov eax, 0x3f800000",
        "movd xmm1, eax",
        "divss xmm1, xmm0",
        "jmp {}",
        sym says_done,
    )
}

extern "C" fn says_done(page: Page) -> ! {
    page.done()
}

/// Scripts, the vector that each raises, and the error code.
const EXCEPTIONS: &[(&str, Script, u64, u64)] = &[
    ("division by zero", divides, 0, 0),
    ("single step", single_steps, 1, 0),
    ("breakpoint", breaks, 3, 0),
    ("undefined instruction", undefined, 6, 0),
    ("CLI", clears_interrupts, 13, 0),
    ("HLT", halts, 13, 0),
    ("IN", reads_a_port, 13, 0),
    ("OUT", writes_a_port, 13, 0),
    ("RDMSR", reads_a_register_of_the_machine, 13, 0),
    ("WRMSR", writes_a_register_of_the_machine, 13, 0),
    ("CR3", loads_tables, 13, 0),
    ("an address that is not canonical", far_away, 13, 0),
    ("x87 division by zero", divides_x87_numbers, 16, 0),
    (
        "an interrupt's own vector",
        interrupts_itself,
        13,
        0x20 << 3 | 2,
    ),
];

/// The same for a processor that has user-mode instruction prevention.
const PREVENTED: &[(&str, Script, u64, u64)] = &[
    ("SGDT", stores_gdt, 13, 0),
    ("SIDT", stores_idt, 13, 0),
    ("SLDT", stores_ldt, 13, 0),
    ("STR", stores_task, 13, 0),
    ("SMSW", stores_status, 13, 0),
];

fn has_instruction_prevention() -> bool {
    const UMIP: u32 = 1 << 2;
    processor_has_leaf_7() && core::arch::x86_64::__cpuid_count(7, 0).ecx & UMIP != 0
}

pub fn messages(bed: &Bed) -> Result<(), Failure> {
    let prevented = if has_instruction_prevention() {
        PREVENTED
    } else {
        &[]
    };
    for (name, script, vector, code) in EXCEPTIONS.iter().chain(prevented).copied() {
        let worker = bed.worker()?;
        worker.start(script)?;
        match bed.fault()? {
            Fault::Exception {
                vector: is,
                code: with,
                ..
            } => {
                expect(name, is, vector)?;
                expect(name, with, code)?;
            }
            Fault::Page { .. } | Fault::AbsentPage { .. } => return Err(Failure::Missing(name)),
        }
        worker.end()?;
    }
    // Where processors differ: on some the jump itself faults, on others the next fetch; and QEMU raises 13 for a stack.
    differs(bed, leaves_for_nowhere, &[13, 14])?;
    differs(bed, stack_far_away, &[12, 13])?;
    simd(bed)
}

/// QEMU raises no such exception: the script comes to its end there.
fn simd(bed: &Bed) -> Result<(), Failure> {
    let worker = bed.worker()?;
    worker.start(divides_numbers)?;
    let incoming = bed.faults.receive(Some(bed.reply))?;
    if let Some(Fault::Exception { vector, .. }) = Fault::decode(&incoming) {
        expect("the vector of a SIMD exception", vector, 19)?;
    } else if !incoming.info.is_notification() {
        return Err(Failure::Missing("SIMD exception"));
    }
    Ok(worker.end()?)
}

/// Expects one of these vectors, 14 being a page fault.
fn differs(bed: &Bed, script: Script, vectors: &[u64]) -> Result<(), Failure> {
    let worker = bed.worker()?;
    worker.start(script)?;
    let vector = match bed.fault()? {
        Fault::Exception { vector, .. } => vector,
        Fault::Page { .. } | Fault::AbsentPage { .. } => 14,
    };
    if !vectors.contains(&vector) {
        return Err(Failure::Differs("the vector", vector, vectors[0]));
    }
    Ok(worker.end()?)
}

pub fn without_handler(bed: &Bed) -> Result<(), Failure> {
    let worker = bed.worker()?;
    worker.thread.set_fault_endpoint(None)?;
    worker.start(undefined)?;
    bed.settle()?;
    let before = worker.thread.read()?;
    expect("whether it is stopped", before.stopped, 1)?;
    expect("where", before.registers.rip, undefined as *const () as u64)?;
    Ok(worker.end()?)
}
