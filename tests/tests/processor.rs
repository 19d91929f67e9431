//! The processor state set up by the kernel, inspected from outside while domains run: control registers, descriptor tables,
//! page tables, vector registers. Interrupts are sent at any time.

use std::time::Duration;

use harness::machine::{Boot, MappedPage, Options};
use harness::{Artefacts, Machine, Verdict};
use serde_json::json;

/// The time limit of a wait. Only a test that hangs reaches it.
const LIMIT: Duration = Duration::from_secs(240);

/// The verdict of a machine whose kernel panics.
const PANICKED: Verdict = Verdict::Exit(0x11);

/// The upper half of the address space is the kernel's.
const UPPER_HALF: u64 = 1 << 63;

const PAGE_BYTES: u64 = 4096;

/// A machine with two threads that make calls without end. One has filled all vector registers, and the other does not use
/// them.
fn steady(name: &str) -> Machine {
    let boot = Boot::Kernel {
        kernel: Artefacts::kernel(),
        archive: Some(Artefacts::archive_named("guest-steady")),
    };
    // A panic ends the machine, so that the test does not wait for the limit.
    let options = Options::new(name, boot).argument("-append");
    let mut machine = options.argument("debug-exit").start();
    machine.expect("two threads make calls", LIMIT);
    machine
}

#[test]
fn the_features_of_a_new_processor_are_enabled() {
    const MONITOR_COPROCESSOR: u64 = 1 << 1;
    const NUMERIC_ERROR: u64 = 1 << 5;
    const WRITE_PROTECT: u64 = 1 << 16;
    const NO_EXECUTE: u64 = 1 << 11;
    const MACHINE_CHECK: u64 = 1 << 6;
    const GLOBAL_PAGES: u64 = 1 << 7;
    const UMIP: u64 = 1 << 11;
    const FSGSBASE: u64 = 1 << 16;
    const OSXSAVE: u64 = 1 << 18;
    const SMEP: u64 = 1 << 20;
    const SMAP: u64 = 1 << 21;
    let registers = steady("control").registers();
    for (name, bits) in [
        ("CR0", MONITOR_COPROCESSOR | NUMERIC_ERROR | WRITE_PROTECT),
        (
            "CR4",
            MACHINE_CHECK | GLOBAL_PAGES | UMIP | FSGSBASE | OSXSAVE | SMEP | SMAP,
        ),
        ("EFER", NO_EXECUTE),
    ] {
        let value = registers.value(name);
        assert_eq!(value & bits, bits, "{name} is {value:#x}");
    }
}

/// The kernel's half of the page tables.
fn kernel_pages(machine: &mut Machine) -> Vec<MappedPage> {
    let pages = machine.mapped_pages();
    let is_kernels = |page: &MappedPage| page.address >= UPPER_HALF;
    pages.into_iter().filter(is_kernels).collect()
}

#[test]
fn no_kernel_memory_is_both_writable_and_executable_by_any_mapping() {
    let pages = kernel_pages(&mut steady("tables"));
    let executable: Vec<_> = pages.iter().filter(|page| page.is_executable).collect();
    let writable: Vec<_> = pages.iter().filter(|page| page.is_writable).collect();
    assert!(!executable.is_empty() && !writable.is_empty(), "{pages:x?}");
    for code in executable {
        for data in &writable {
            assert!(!code.shares_memory(data), "{code:x?} is {data:x?}");
        }
    }
    let user: Vec<_> = pages.iter().filter(|page| page.is_user).collect();
    assert!(user.is_empty(), "user mode reaches {user:x?}");
}

/// The tops of the stacks in the task state: the one for entries from user mode, and those of exceptions.
fn stack_tops(machine: &mut Machine) -> [u64; 5] {
    /// The words of the task state after its first four bytes: 3 stacks for privilege levels, a reserved word, 7 stacks for
    /// exceptions.
    const WORDS: usize = 11;
    let task = machine.registers().base("TR");
    let words = machine.words(task + 4, WORDS);
    assert_eq!(words[8..], [0; 3], "there are four exceptions' stacks");
    [words[0], words[4], words[5], words[6], words[7]]
}

#[test]
fn the_page_below_every_stack_is_unmapped() {
    const KERNEL: u64 = 64 << 10;
    const EXCEPTION: u64 = 16 << 10;
    let mut machine = steady("stacks");
    let pages = kernel_pages(&mut machine);
    let is_mapped = |address: u64| pages.iter().any(|page| page.address == address);
    let sizes = stack_tops(&mut machine).map(|top| {
        let mut bottom = top;
        while is_mapped(bottom - PAGE_BYTES) {
            bottom -= PAGE_BYTES;
        }
        top - bottom
    });
    assert_eq!(sizes, [KERNEL, EXCEPTION, EXCEPTION, EXCEPTION, EXCEPTION]);
}

#[test]
fn asynchronous_exceptions_have_stacks_of_their_own() {
    /// Debug, NMI, double fault, machine check: their gates refer to the stacks in this order.
    const WITH_OWN_STACK: [u64; 4] = [1, 2, 8, 18];
    /// Vectors that user mode may raise by an instruction.
    const BREAKPOINT: u64 = 3;
    const INTERRUPT_GATE: u64 = 0x8e;
    const FROM_USER: u64 = 0x60;
    let mut machine = steady("gates");
    let table = machine.registers().base("IDT");
    let words = machine.words(table, 2 * 256);
    for (vector, gate) in (0..).zip(words.chunks_exact(2)) {
        let own = WITH_OWN_STACK.iter().position(|&other| other == vector);
        let stack = own.map_or(0, |index| index as u64 + 1);
        let from_user = if vector == BREAKPOINT { FROM_USER } else { 0 };
        let attributes = gate[0] >> 32 & 0xffff;
        let must = (INTERRUPT_GATE | from_user) << 8 | stack;
        assert_eq!(attributes, must, "the gate of vector {vector}");
    }
    let mut tops = stack_tops(&mut machine);
    tops.sort_unstable();
    let differ = tops.windows(2).all(|pair| pair[0] != pair[1]);
    assert!(differ, "two stacks begin at the same address: {tops:x?}");
}

#[test]
fn a_thread_that_uses_no_vector_registers_runs_with_cleared_ones() {
    const TASK_SWITCHED: u64 = 1 << 3;
    /// The required samples of each thread, and the limit of attempts.
    const ENOUGH: u32 = 16;
    const TRIED: u32 = 4000;
    let mut machine = steady("vectors");
    let (mut denied, mut full) = (0, 0);
    for _ in 0..TRIED {
        let registers = machine.registers();
        let vectors = registers.vectors();
        assert_eq!(vectors.len(), 16, "{registers:?}");
        let is_empty = vectors.iter().flatten().all(|&word| word == 0);
        full += u32::from(!is_empty);
        if registers.value("CR0") & TASK_SWITCHED != 0 {
            denied += 1;
            assert!(is_empty, "another thread's numbers: {registers:?}");
        }
        if denied >= ENOUGH && full >= ENOUGH {
            return;
        }
    }
    panic!("{denied} samples without vector registers, {full} with full ones");
}

#[test]
fn non_maskable_interrupts_are_harmless_at_any_time() {
    // Some of them arrive between SYSCALL and the instruction that leaves the user's stack.
    const COUNT: u32 = 400;
    let mut machine = steady("nmi");
    for _ in 0..COUNT {
        machine.control("inject-nmi", json!({}));
        machine.expect("non-maskable interrupt(s)", LIMIT);
    }
    let log = machine.log();
    assert!(!log.contains("panic"), "{log}");
}

#[test]
fn a_machine_check_ends_the_machine_and_is_reported() {
    // An uncorrected error in the first processor's first bank.
    const UNCORRECTED: &str = "mce 0 1 0xbd00000000000000 0x4 0x1000 0x8c";
    let mut machine = steady("check");
    machine.monitor(UNCORRECTED);
    machine.expect("panic: exception 18 (machine check) in the kernel", LIMIT);
    assert_eq!(machine.wait_exit(LIMIT), PANICKED);
}
