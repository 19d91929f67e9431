//! Segment bases and selectors.

use core::arch::asm;

use guest_support::worker::Page;
use runtime::abi::calls::Yield;
use runtime::system_call::invoke;

use super::registers::{SEED, TURNS, WRONG, processor_has_leaf_7, run_two, wait_for};
use crate::fixture::{Failure, Fixture, expect};

/// The words at the bases of FS and GS.
const AT_FS: usize = 16;
const AT_GS: usize = 24;

/// Reads through FS and GS repeatedly; returns how many reads found another thread's numbers.
#[unsafe(naked)]
extern "C" fn count_mismatches(fs: u64, gs: u64, turns: u64) -> u64 {
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
    let mismatches = count_mismatches(page.word(AT_FS), page.word(AT_GS), TURNS / 4);
    page.set(WRONG, mismatches);
    page.done()
}

pub fn segment_bases(fixture: &Fixture) -> Result<(), Failure> {
    let workers = [fixture.worker()?, fixture.worker()?];
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
    wait_for(fixture, &workers)?;
    for (worker, seed) in workers.into_iter().zip([3, 5]) {
        expect("the number of mismatches", worker.word(WRONG), 0)?;
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

/// The number of times that the script below yields to its counterpart.
const YIELDS: u64 = 32;

/// Repeatedly writes new bases, yields, and counts those that were lost.
extern "C" fn writes_bases(page: Page) -> ! {
    const CANONICAL: u64 = (1 << 46) - 1;
    let mut lost = 0;
    for turn in 1..=YIELDS {
        let fs = page.word(SEED).wrapping_mul(turn) & CANONICAL;
        let gs = fs ^ CANONICAL;
        let (fs_is, gs_is): (u64, u64);
        // SAFETY: the processor has the instructions, and a worker uses neither FS nor GS.
        unsafe {
            asm!("wrfsbase {}", "wrgsbase {}", in(reg) fs, in(reg) gs, options(nomem, nostack));
        }
        // `Yield` cannot fail.
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

/// The bases that a thread writes without a call belong to its state.
pub fn written_bases(fixture: &Fixture) -> Result<(), Failure> {
    if !has_base_instructions() {
        return Ok(());
    }
    for worker in run_two(fixture, writes_bases)? {
        worker.thread.stop()?;
        let registers = worker.thread.read()?.registers;
        expect("FS in its state", registers.fs_base, worker.word(AT_FS))?;
        expect("GS in its state", registers.gs_base, worker.word(AT_GS))?;
        worker.end()?;
    }
    Ok(())
}

/// Loads the user data selector into every segment register, forever.
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

/// Returns the OR of the selectors that it finds.
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

pub fn selectors(fixture: &Fixture) -> Result<(), Failure> {
    let loader = fixture.worker()?;
    loader.start(loads_selectors)?;
    let worker = fixture.worker()?;
    worker.set(WRONG, u64::MAX);
    fixture.finish(&worker, looks_at_selectors)?;
    expect("the selectors found", worker.word(WRONG), 0)?;
    loader.end()?;
    Ok(worker.end()?)
}
