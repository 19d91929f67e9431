//! Exceptions in user code.

use guest_support::worker::{Page, Script};
use runtime::fault::Fault;

use super::registers::processor_has_leaf_7;
use crate::fixture::{Failure, Fixture, expect};

macro_rules! raises {
    ($($name:ident: $($line:literal),+;)*) => {$(
        #[unsafe(naked)]
        extern "C" fn $name(_: Page) -> ! {
            // A script that raises no exception finishes.
            core::arch::naked_asm!($($line),+, "jmp {}", sym Page::done)
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
    reads_msr: "mov ecx, 0xc0000080", "rdmsr";
    writes_msr: "mov ecx, 0xc0000080", "xor eax, eax", "xor edx, edx", "wrmsr";
    loads_tables: "mov rax, cr3", "mov cr3, rax";
    non_canonical: "mov rax, 0x800000000000", "mov rax, [rax]";
    stack_non_canonical: "mov rsp, 0x900000000000", "push rax";
    interrupts_itself: "int 0x20";
    jumps_non_canonical: "mov rax, 0x900000000000", "jmp rax";
    // An unmasked x87 division by zero, which the next x87 instruction reports.
    divides_x87_numbers: "fninit", "push 0x37b", "fldcw [rsp]", "fldz", "fld1", "fdiv st, st(1)", "fwait";
}

// Instructions that reveal the addresses of the kernel's tables, unless the processor has UMIP.
raises! {
    stores_gdt: "sub rsp, 16", "sgdt [rsp]";
    stores_idt: "sub rsp, 16", "sidt [rsp]";
    stores_ldt: "sldt eax";
    stores_task: "str eax";
    stores_status: "smsw eax";
}

/// Raises an unmasked SIMD floating-point exception.
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
        sym Page::done,
    )
}

/// The scripts, with the vector that each raises and its error code.
const EXCEPTIONS: &[(&str, Script, u64, u64)] = &[
    ("division by zero", divides, 0, 0),
    ("single step", single_steps, 1, 0),
    ("breakpoint", breaks, 3, 0),
    ("undefined instruction", undefined, 6, 0),
    ("CLI", clears_interrupts, 13, 0),
    ("HLT", halts, 13, 0),
    ("IN", reads_a_port, 13, 0),
    ("OUT", writes_a_port, 13, 0),
    ("RDMSR", reads_msr, 13, 0),
    ("WRMSR", writes_msr, 13, 0),
    ("CR3", loads_tables, 13, 0),
    ("an address that is not canonical", non_canonical, 13, 0),
    ("x87 division by zero", divides_x87_numbers, 16, 0),
    (
        "an interrupt's own vector",
        interrupts_itself,
        13,
        0x20 << 3 | 2,
    ),
];

/// Further scripts, for a processor with user-mode instruction prevention (UMIP).
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

pub fn messages(fixture: &Fixture) -> Result<(), Failure> {
    let prevented = if has_instruction_prevention() {
        PREVENTED
    } else {
        &[]
    };
    for (name, script, vector, code) in EXCEPTIONS.iter().chain(prevented).copied() {
        let worker = fixture.worker()?;
        worker.start(script)?;
        match fixture.fault()? {
            Fault::Exception {
                vector: is,
                code: with,
                ..
            } => {
                expect(name, is, vector)?;
                expect(name, with, code)?;
            }
            Fault::Page { .. } | Fault::AbsentPage { .. } => return Err(Failure::missing(name)),
        }
        worker.end()?;
    }
    // Processors differ: on some the jump itself faults, on others the next fetch. QEMU raises 13 instead of 12.
    differs(fixture, jumps_non_canonical, &[13, 14])?;
    differs(fixture, stack_non_canonical, &[12, 13])?;
    simd(fixture)
}

/// Expects a SIMD exception or the script's end, since QEMU raises no such exception.
fn simd(fixture: &Fixture) -> Result<(), Failure> {
    let worker = fixture.worker()?;
    worker.start(divides_numbers)?;
    let incoming = fixture.faults.receive(Some(fixture.reply))?;
    if let Some(Fault::Exception { vector, .. }) = Fault::decode(&incoming) {
        expect("the vector of a SIMD exception", vector, 19)?;
    } else if !incoming.info.is_notification() {
        return Err(Failure::missing("SIMD exception"));
    }
    Ok(worker.end()?)
}

/// Expects one of these vectors. Vector 14 is a page fault.
fn differs(fixture: &Fixture, script: Script, vectors: &[u64]) -> Result<(), Failure> {
    let worker = fixture.worker()?;
    worker.start(script)?;
    let vector = match fixture.fault()? {
        Fault::Exception { vector, .. } => vector,
        Fault::Page { .. } | Fault::AbsentPage { .. } => 14,
    };
    if !vectors.contains(&vector) {
        return expect("the vector", vector, vectors[0]);
    }
    Ok(worker.end()?)
}

pub fn without_handler(fixture: &Fixture) -> Result<(), Failure> {
    let worker = fixture.worker()?;
    worker.thread.set_fault_endpoint(None)?;
    worker.start(undefined)?;
    fixture.settle()?;
    let before = worker.thread.read()?;
    expect("whether it is stopped", before.stopped, 1)?;
    expect(
        "the instruction",
        before.registers.rip,
        undefined as *const () as u64,
    )?;
    Ok(worker.end()?)
}
