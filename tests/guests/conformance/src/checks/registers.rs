//! Registers that are filled, left alone over many slices of others, and looked at.
//!
//! Two threads of different domains run the same script with different numbers, so that each runs between the other's
//! instructions.

use guest_support::worker::{Page, Script, Worker};

use crate::bed::{Bed, Failure, expect};

/// The word with a worker's own number.
pub const SEED: usize = 0;
/// The word with what was wrong, zero if nothing.
pub const WRONG: usize = 1;
/// Turns of a loop that take several slices under emulation.
pub const TURNS: u64 = 8_000_000;

/// Whether CPUID has the leaf that lists what processors of our time have.
pub fn processor_has_leaf_7() -> bool {
    core::arch::x86_64::__cpuid(0).eax >= 7
}

/// Runs a script in two domains at once, with a number each, and expects that neither found anything wrong.
pub fn two(bed: &Bed, script: Script) -> Result<(), Failure> {
    for worker in run_two(bed, script)? {
        worker.end()?;
    }
    Ok(())
}

/// The same, for a check that looks at the domains afterwards, and ends them.
pub fn run_two(bed: &Bed, script: Script) -> Result<[Worker; 2], Failure> {
    let workers = [bed.worker()?, bed.worker()?];
    for (worker, seed) in workers
        .iter()
        .zip([0x0123_4567_89ab_cdef, 0x1357_9bdf_0246_8ace])
    {
        worker.set(SEED, seed);
        worker.set(WRONG, u64::MAX);
        worker.start(script)?;
    }
    while workers.iter().any(|worker| worker.word(WRONG) == u64::MAX) {
        bed.wait()?;
    }
    for worker in &workers {
        expect("what was wrong", worker.word(WRONG), 0)?;
    }
    Ok(workers)
}

/// Spins with every general register holding a number of its own; returns 0 if all still do.
#[unsafe(naked)]
extern "C" fn keep_general(seed: u64, turns: u64) -> u64 {
    core::arch::naked_asm!(
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "lea rbx, [rdi + 1]",
        "lea rcx, [rdi + 2]",
        "lea rdx, [rdi + 3]",
        "lea rbp, [rdi + 4]",
        "lea r8, [rdi + 8]",
        "lea r9, [rdi + 9]",
        "lea r10, [rdi + 10]",
        "lea r11, [rdi + 11]",
        "lea r12, [rdi + 12]",
        "lea r13, [rdi + 13]",
        "lea r14, [rdi + 14]",
        "lea r15, [rdi + 15]",
        // The carry is kept over the loop: neither DEC nor JNZ changes it.
        "stc",
        "2: dec rsi",
        "jnz 2b",
        "sbb rax, rax",
        "add rax, 1",
        "sub rbx, 1",
        "sub rcx, 2",
        "sub rdx, 3",
        "sub rbp, 4",
        "sub r8, 8",
        "sub r9, 9",
        "sub r10, 10",
        "sub r11, 11",
        "sub r12, 12",
        "sub r13, 13",
        "sub r14, 14",
        "sub r15, 15",
        "xor rbx, rdi",
        "xor rcx, rdi",
        "xor rdx, rdi",
        "xor rbp, rdi",
        "xor r8, rdi",
        "xor r9, rdi",
        "xor r10, rdi",
        "xor r11, rdi",
        "xor r12, rdi",
        "xor r13, rdi",
        "xor r14, rdi",
        "xor r15, rdi",
        "or rax, rbx",
        "or rax, rcx",
        "or rax, rdx",
        "or rax, rbp",
        "or rax, r8",
        "or rax, r9",
        "or rax, r10",
        "or rax, r11",
        "or rax, r12",
        "or rax, r13",
        "or rax, r14",
        "or rax, r15",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        "ret",
    )
}

extern "C" fn keeps_general(page: Page) -> ! {
    let wrong = keep_general(page.word(SEED), TURNS);
    page.set(WRONG, wrong);
    page.done()
}

pub fn general(bed: &Bed) -> Result<(), Failure> {
    two(bed, keeps_general)
}
