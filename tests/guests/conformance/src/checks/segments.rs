//! Segment bases and selectors.

use core::arch::asm;

use guest_support::worker::Page;
use runtime::abi::calls::Yield;
use runtime::system_call::invoke;

use super::registers::{SEED, TURNS, WRONG, processor_has_leaf_7, run_two};
use crate::bed::{Bed, Failure, expect};

/// Words that FS and GS lead to.
const AT_FS: usize = 16;
const AT_GS: usize = 24;

/// Reads through FS and GS again and again; counts reads that found another's numbers.
#[unsafe(naked)]
extern "C" fn count_strangers(fs: u64, gs: u64, turns: u64) -> u64 {
    core::arch::naked_asm!(
        "xor eax, eax",
        "2: cmp rdi, fs:[0]",
        "je 3f",
        "inc rax",
        "3: cmp rsi, gs:[0]",
        "je 4f",
        "inc rax",
        "4: dec rdx",
        "jnz 2b",
        "ret",
    )
}

extern "C" fn reads_through_segments(page: Page) -> ! {
    let strangers = count_strangers(page.word(AT_FS), page.word(AT_GS), TURNS / 4);
    page.set(WRONG, strangers);
    page.done()
}

pub fn segment_bases(bed: &Bed) -> Result<(), Failure> {
    let workers = [bed.worker()?, bed.worker()?];
    for (worker, seed) in workers.iter().zip([3, 5]) {
        worker.set(WRONG, u64::MAX);
        worker.set(AT_FS, seed * 7);
        worker.set(AT_GS, seed * 11);
        worker.start(reads_through_segments)?;
        worker.thread.stop()?;
        let mut state = worker.thread.read()?;
        state.registers.fs_base = state.registers.rdi + AT_FS as u64 * 8;
        state.registers.gs_base = state.registers.rdi + AT_GS as u64 * 8;
        worker.thread.write(&state)?;
        worker.thread.start()?;
    }
    while workers.iter().any(|worker| worker.word(WRONG) == u64::MAX) {
        bed.wait()?;
    }
    for (worker, seed) in workers.into_iter().zip([3, 5]) {
        expect("reads that found another's", worker.word(WRONG), 0)?;
        expect("its own number", worker.word(AT_FS), seed * 7)?;
        worker.end()?;
    }
    Ok(())
}

/// Whether user code may write its own bases.
fn has_base_instructions() -> bool {
    const FSGSBASE: u32 = 1;
    processor_has_leaf_7() && core::arch::x86_64::__cpuid_count(7, 0).ebx & FSGSBASE != 0
}

/// How often the script below gives way to its like.
const YIELDS: u64 = 32;

/// Gives itself other bases again and again, lets another thread run, and counts those that it does not find again.
extern "C" fn writes_bases(page: Page) -> ! {
    const CANONICAL: u64 = (1 << 46) - 1;
    let mut lost = 0;
    for turn in 1..=YIELDS {
        let fs = page.word(SEED).wrapping_mul(turn) & CANONICAL;
        let gs = fs ^ CANONICAL;
        let (fs_is, gs_is): (u64, u64);
        // SAFETY: the processor has the instructions, and nothing in a worker lies behind FS or GS.
        unsafe {
            asm!("wrfsbase {}", "wrgsbase {}", in(reg) fs, in(reg) gs, options(nomem, nostack));
        }
        // It has nothing to fail with.
        let _ = invoke(Yield {});
        // SAFETY: as above.
        unsafe {
            asm!("rdfsbase {}", "rdgsbase {}", out(reg) fs_is, out(reg) gs_is, options(nomem, nostack));
        }
        lost += u64::from(fs_is != fs) + u64::from(gs_is != gs);
        page.set(AT_FS, fs);
        page.set(AT_GS, gs);
    }
    page.set(WRONG, lost);
    page.done()
}

/// Bases that a thread gives itself, without a call, are its own and part of its state.
pub fn written_bases(bed: &Bed) -> Result<(), Failure> {
    if !has_base_instructions() {
        return Ok(());
    }
    for worker in run_two(bed, writes_bases)? {
        worker.thread.stop()?;
        let registers = worker.thread.read()?.registers;
        expect("FS in its state", registers.fs_base, worker.word(AT_FS))?;
        expect("GS in its state", registers.gs_base, worker.word(AT_GS))?;
        worker.end()?;
    }
    Ok(())
}

/// Loads the user's data selector into every segment register and yields for ever.
#[unsafe(naked)]
extern "C" fn loads_selectors(_: Page) -> ! {
    core::arch::naked_asm!(
        "mov eax, ss",
        "2: mov ds, eax",
        "mov es, eax",
        "mov fs, eax",
        "mov gs, eax",
        "jmp 2b",
    )
}

/// ORs the selectors that it finds, over and over.
#[unsafe(naked)]
extern "C" fn selectors_found(turns: u64) -> u64 {
    core::arch::naked_asm!(
        "xor eax, eax",
        "2: mov ecx, ds",
        "or eax, ecx",
        "mov ecx, es",
        "or eax, ecx",
        "mov ecx, fs",
        "or eax, ecx",
        "mov ecx, gs",
        "or eax, ecx",
        "dec rdi",
        "jnz 2b",
        "ret",
    )
}

extern "C" fn looks_at_selectors(page: Page) -> ! {
    page.set(WRONG, selectors_found(TURNS / 4));
    page.done()
}

pub fn selectors(bed: &Bed) -> Result<(), Failure> {
    let loader = bed.worker()?;
    loader.start(loads_selectors)?;
    let worker = bed.worker()?;
    worker.set(WRONG, u64::MAX);
    bed.finish(&worker, looks_at_selectors)?;
    expect("what selectors held", worker.word(WRONG), 0)?;
    loader.end()?;
    Ok(worker.end()?)
}
