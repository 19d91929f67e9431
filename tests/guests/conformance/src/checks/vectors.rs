//! Vector registers, the x87 unit and MXCSR, which must survive many time slices of other threads.

use guest_support::registers::{Vectors, has_avx, keep_xmm, keep_ymm};
use guest_support::worker::{PRIORITY, Page};

use super::registers::{SEED, TURNS, WRONG, two};
use crate::fixture::{Failure, Fixture, expect};

/// The words of a page from which vectors are loaded, and to which they are stored.
const FILLED: usize = 64;
const STORED: usize = 128;
/// The number of words of all vector registers, 32 bytes each.
const VECTOR_WORDS: usize = 64;

extern "C" fn keeps_vectors(page: Page) -> ! {
    for index in 0..VECTOR_WORDS {
        page.set(
            FILLED + index,
            page.word(SEED).wrapping_mul(index as u64 + 3),
        );
    }
    let vectors_at = |index: u64| (page.address() + index * 8) as *mut Vectors;
    let (from, to) = (vectors_at(FILLED as u64), vectors_at(STORED as u64));
    let wide = has_avx();
    // SAFETY: both are within the page, and AVX is used only if it is enabled.
    unsafe {
        if wide {
            keep_ymm(from, to, TURNS);
        } else {
            keep_xmm(from, to, TURNS);
        }
    }
    let differs = |index: &usize| {
        let is_kept = wide || index % 4 < 2;
        is_kept && page.word(FILLED + index) != page.word(STORED + index)
    };
    page.set(WRONG, (0..VECTOR_WORDS).filter(differs).count() as u64);
    page.done()
}

pub fn vectors(fixture: &Fixture) -> Result<(), Failure> {
    two(fixture, keeps_vectors)
}

/// Sets the x87 control word to RDI and pushes RSI, spins, and returns 0 if both are unchanged.
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
    // All exceptions are masked. The rounding mode comes from the number.
    let control = 0x37f | seed & 0xc00;
    page.set(WRONG, keep_x87(control, seed >> 8, TURNS));
    page.done()
}

pub fn x87(fixture: &Fixture) -> Result<(), Failure> {
    two(fixture, keeps_x87)
}

/// Sets MXCSR to RDI, spins RSI times, and returns the difference.
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

pub fn mxcsr(fixture: &Fixture) -> Result<(), Failure> {
    two(fixture, keeps_mxcsr)
}

/// The word that counts the iterations of [`fills_vectors`].
const ROUNDS: usize = 8;
/// The first of the words with the registers that [`looks_at_vectors`] found.
const FOUND: usize = 16;

/// Fills every vector register and runs forever.
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

/// Reads the vector registers before it has written any: stores the OR of all, MXCSR, and the x87 control and status words.
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
        done = sym Page::done,
    )
}

/// The thread that fills the registers is ready first, so the thread that reads runs right after it. The check's own thread
/// only waits meanwhile.
pub fn fresh_vectors(fixture: &Fixture) -> Result<(), Failure> {
    let mut worker = fixture.worker()?;
    let looker = worker.another_thread()?;
    worker.start(fills_vectors)?;
    fixture.until(|| worker.word(ROUNDS) > 0)?;
    worker.start_thread(1, looker, looks_at_vectors, PRIORITY)?;
    fixture.wait()?;
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
