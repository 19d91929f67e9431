//! Vector registers, filled, left alone over many slices of others, and looked at.

use guest_support::registers::has_avx;
use guest_support::worker::{PRIORITY, Page};

use super::registers::{SEED, TURNS, WRONG, two};
use crate::bed::{Bed, Failure, expect};

/// Words of a page where vectors are kept: filled, and stored.
const FILLED: usize = 64;
const STORED: usize = 128;
/// Words of all vector registers, 32 bytes each.
const VECTOR_WORDS: usize = 64;

macro_rules! keep_vectors {
    ($name:ident, $move:literal, $register:literal, $last:literal) => {
        /// Loads the vector registers from RDI, spins RDX times, and stores them at RSI.
        #[unsafe(naked)]
        extern "C" fn $name(from: u64, to: u64, turns: u64) {
            core::arch::naked_asm!(
                ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
                concat!($move, " ", $register, "\\n, [rdi + 32 * \\n]"),
                ".endr",
                "2: dec rdx",
                "jnz 2b",
                ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
                concat!($move, " [rsi + 32 * \\n], ", $register, "\\n"),
                ".endr",
                $last,
                "ret",
            )
        }
    };
}

keep_vectors!(keep_xmm, "movups", "xmm", "");
keep_vectors!(keep_ymm, "vmovups", "ymm", "vzeroupper");

extern "C" fn keeps_vectors(page: Page) -> ! {
    for index in 0..VECTOR_WORDS {
        page.set(
            FILLED + index,
            page.word(SEED).wrapping_mul(index as u64 + 3),
        );
    }
    let (from, to) = (word_at(page, FILLED), word_at(page, STORED));
    let wide = has_avx();
    if wide {
        keep_ymm(from, to, TURNS);
    } else {
        keep_xmm(from, to, TURNS);
    }
    let differs = |index: &usize| {
        let is_kept = wide || index % 4 < 2;
        is_kept && page.word(FILLED + index) != page.word(STORED + index)
    };
    page.set(WRONG, (0..VECTOR_WORDS).filter(differs).count() as u64);
    page.done()
}

fn word_at(page: Page, index: usize) -> u64 {
    page.address() + index as u64 * 8
}

pub fn vectors(bed: &Bed) -> Result<(), Failure> {
    two(bed, keeps_vectors)
}

/// Sets the x87 control word to RDI and pushes RSI; spins; returns 0 if both are still there.
#[unsafe(naked)]
extern "C" fn keep_x87(control: u64, number: u64, turns: u64) -> u64 {
    core::arch::naked_asm!(
        "fninit",
        "push rdi",
        "fldcw [rsp]",
        "push rsi",
        "fild qword ptr [rsp]",
        "2: dec rdx",
        "jnz 2b",
        "fistp qword ptr [rsp]",
        "pop rax",
        "sub rax, rsi",
        "mov qword ptr [rsp], 0",
        "fnstcw [rsp]",
        "pop rcx",
        "sub rcx, rdi",
        "or rax, rcx",
        "ret",
    )
}

extern "C" fn keeps_x87(page: Page) -> ! {
    let seed = page.word(SEED);
    // All exceptions masked; precision and rounding as the number has them, but for one precision that is reserved.
    let control = 0x37f | seed & 0xc00;
    page.set(WRONG, keep_x87(control, seed >> 8, TURNS));
    page.done()
}

pub fn x87(bed: &Bed) -> Result<(), Failure> {
    two(bed, keeps_x87)
}

/// Sets MXCSR to RDI, spins RSI times, and returns what changed.
#[unsafe(naked)]
extern "C" fn keep_mxcsr(value: u64, turns: u64) -> u64 {
    core::arch::naked_asm!(
        "push rdi",
        "ldmxcsr [rsp]",
        "2: dec rsi",
        "jnz 2b",
        "stmxcsr [rsp]",
        "pop rax",
        "sub eax, edi",
        "ret",
    )
}

extern "C" fn keeps_mxcsr(page: Page) -> ! {
    let value = 0x1f80 | page.word(SEED) & 0xe000;
    page.set(WRONG, keep_mxcsr(value, TURNS));
    page.done()
}

pub fn mxcsr(bed: &Bed) -> Result<(), Failure> {
    two(bed, keeps_mxcsr)
}

/// The word that counts how often the thread below has been round its loop.
const ROUNDS: usize = 8;
/// The first of the words with what the other one found.
const FOUND: usize = 16;

/// Leaves every vector register full and runs for ever.
#[unsafe(naked)]
extern "C" fn fills_vectors(_: Page) -> ! {
    core::arch::naked_asm!(
        "pcmpeqd xmm0, xmm0",
        ".irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        "movaps xmm\\n, xmm0",
        ".endr",
        "push 0xffff",
        "push 0x5f80",
        "ldmxcsr [rsp]",
        "fldpi",
        "2: inc qword ptr [rdi + 8 * {rounds}]",
        "jmp 2b",
        rounds = const ROUNDS,
    )
}

/// Looks at the vector registers before it has ever written one: ORs them all, and stores MXCSR and the x87 control word.
#[unsafe(naked)]
extern "C" fn looks_at_vectors(_: Page) -> ! {
    core::arch::naked_asm!(
        ".irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        "orps xmm0, xmm\\n",
        ".endr",
        "movups [rdi + 8 * {found}], xmm0",
        "stmxcsr [rdi + 8 * {found} + 16]",
        "fnstcw [rdi + 8 * {found} + 24]",
        "fnstsw [rdi + 8 * {found} + 32]",
        "jmp {done}",
        found = const FOUND,
        done = sym says_done,
    )
}

extern "C" fn says_done(page: Page) -> ! {
    page.done()
}

/// The thread that looks runs right after one that has filled the registers: that one was ready before it, and the check's own
/// thread only waits meanwhile.
pub fn fresh_vectors(bed: &Bed) -> Result<(), Failure> {
    let mut worker = bed.worker()?;
    let looker = worker.another_thread()?;
    worker.start(fills_vectors)?;
    bed.until(|| worker.word(ROUNDS) > 0)?;
    worker.start_thread(1, looker, looks_at_vectors, PRIORITY)?;
    bed.wait()?;
    expect("the low halves", worker.word(FOUND), 0)?;
    expect("the high halves", worker.word(FOUND + 1), 0)?;
    expect("MXCSR", worker.word(FOUND + 2) & 0xffff_ffff, 0x1f80)?;
    expect(
        "the x87 control word",
        worker.word(FOUND + 3) & 0xffff,
        0x37f,
    )?;
    expect("the x87 status word", worker.word(FOUND + 4) & 0xffff, 0)?;
    looker.delete()?;
    Ok(worker.end()?)
}
