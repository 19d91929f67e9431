//! Registers that are filled, left alone over many slices of others, and looked at.
//!
//! Two threads of different domains run the same script with different numbers, so that each runs between the other's
//! instructions.

use guest_support::worker::{Page, Script};
use runtime::abi::calls::{MemoryDiscard, MemoryPopulate, MemorySupply};
use runtime::abi::register::{Access, PageCount};
use runtime::mapping::Mapping;
use runtime::system_call::invoke;

use super::given::MEMORY;
use crate::bed::{Bed, Failure, expect};

/// The word with a worker's own number.
const SEED: usize = 0;
/// The word with what was wrong, zero if nothing.
const WRONG: usize = 1;
/// Turns of a loop that take several slices under emulation.
const TURNS: u64 = 8_000_000;

/// Runs a script in two domains at once, with a number each, and expects that neither found anything wrong.
fn two(bed: &Bed, script: Script) -> Result<(), Failure> {
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
    for worker in workers {
        expect("what was wrong", worker.word(WRONG), 0)?;
        worker.end()?;
    }
    Ok(())
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

/// Whether AVX may be used: the processor has it and the kernel switched it on.
fn has_avx() -> bool {
    const OSXSAVE_AND_AVX: u32 = 1 << 27 | 1 << 28;
    const AVX_STATE: u64 = 0b110;
    let leaf = core::arch::x86_64::__cpuid(1);
    if leaf.ecx & OSXSAVE_AND_AVX != OSXSAVE_AND_AVX {
        return false;
    }
    let (low, high): (u32, u32);
    // SAFETY: OSXSAVE says that user code may execute XGETBV.
    unsafe {
        core::arch::asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") high, options(nomem, nostack));
    }
    (u64::from(high) << 32 | u64::from(low)) & AVX_STATE == AVX_STATE
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
        "2: jmp 2b",
    )
}

/// Looks at the vector registers before it has ever written one: ORs them all, and stores MXCSR and the x87 control word.
#[unsafe(naked)]
extern "C" fn looks_at_vectors(_: Page) -> ! {
    core::arch::naked_asm!(
        ".irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        "orps xmm0, xmm\\n",
        ".endr",
        "movups [rdi + 16], xmm0",
        "stmxcsr [rdi + 32]",
        "fnstcw [rdi + 40]",
        "fnstsw [rdi + 48]",
        "jmp {}",
        sym says_done,
    )
}

extern "C" fn says_done(page: Page) -> ! {
    page.done()
}

pub fn fresh_vectors(bed: &Bed) -> Result<(), Failure> {
    let full = bed.worker()?;
    full.start(fills_vectors)?;
    bed.pass_time(5_000_000)?;
    let worker = bed.worker()?;
    bed.finish(&worker, looks_at_vectors)?;
    expect("the low halves", worker.word(2), 0)?;
    expect("the high halves", worker.word(3), 0)?;
    expect("MXCSR", worker.word(4) & 0xffff_ffff, 0x1f80)?;
    expect("the x87 control word", worker.word(5) & 0xffff, 0x37f)?;
    expect("the x87 status word", worker.word(6) & 0xffff, 0)?;
    full.end()?;
    Ok(worker.end()?)
}

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

/// Spins with the direction flag set; returns whether it still is.
#[unsafe(naked)]
extern "C" fn keep_direction(turns: u64) -> u64 {
    core::arch::naked_asm!(
        "std",
        "2: dec rdi",
        "jnz 2b",
        "pushf",
        "pop rax",
        "cld",
        "and eax, 0x400",
        "ret",
    )
}

/// Pages that the kernel fills and copies while the direction flag is set.
const PAGES: u64 = 16;

extern "C" fn runs_backwards(page: Page) -> ! {
    let kept = keep_direction(TURNS) == 0x400;
    let (memory, giver) = (MEMORY, MEMORY);
    let (first_page, page_count) = (PageCount(1), PageCount(PAGES - 2));
    let mut refused = 0;
    for _ in 0..64 {
        // SAFETY: what follows are system calls alone, which touch no memory of the script's; the flag is cleared behind.
        unsafe { core::arch::asm!("std") };
        let supplied = invoke(MemorySupply {
            memory,
            first_page,
            page_count,
            giver,
            giver_page: PageCount(0),
        });
        let discarded = invoke(MemoryDiscard {
            memory,
            first_page,
            page_count,
        });
        let populated = invoke(MemoryPopulate {
            memory,
            first_page,
            page_count,
        });
        // SAFETY: as above.
        unsafe { core::arch::asm!("cld") };
        refused += [supplied, discarded, populated]
            .iter()
            .filter(|it| it.is_err())
            .count() as u64;
    }
    page.set(WRONG, u64::from(!kept) + 2 * refused);
    page.done()
}

/// The kernel's copies and fills run forwards whatever the flag is, in calls and in interrupts.
pub fn direction_flag(bed: &Bed) -> Result<(), Failure> {
    let workers = [bed.worker()?, bed.worker()?];
    let count = PageCount(PAGES);
    let mut memories = alloc::vec::Vec::new();
    for worker in &workers {
        let memory = worker.pool.create_populated_memory(count)?;
        {
            let mapping = Mapping::new(bed.domain, memory, count, Access::ReadWrite)?;
            for page in 0..PAGES as usize {
                let word = mapping.memory().word64(page * 4096 + 4088);
                word.store(page as u64 + 1, core::sync::atomic::Ordering::Relaxed);
            }
        }
        worker.give(memory, MEMORY)?;
        worker.set(WRONG, u64::MAX);
        worker.start(runs_backwards)?;
        memories.push(memory);
    }
    while workers.iter().any(|worker| worker.word(WRONG) == u64::MAX) {
        bed.wait()?;
    }
    for (worker, memory) in workers.into_iter().zip(memories) {
        expect("what was wrong", worker.word(WRONG), 0)?;
        {
            let mapping = Mapping::new(bed.domain, memory, count, Access::Read)?;
            for (page, must) in [(0, 1), (1, 0), (PAGES - 2, 0), (PAGES - 1, PAGES)] {
                let word = mapping.memory().word64(page as usize * 4096 + 4088);
                let is = word.load(core::sync::atomic::Ordering::Relaxed);
                expect("the last word of a page", is, must)?;
            }
        }
        memory.delete()?;
        worker.end()?;
    }
    Ok(())
}

/// Calls and runs over slices with AC and NT set, of which the kernel's own code must know nothing.
#[unsafe(naked)]
extern "C" fn keep_odd_flags(turns: u64) -> u64 {
    core::arch::naked_asm!(
        "pushf",
        "or dword ptr [rsp], 0x44000",
        "popf",
        "2: dec rdi",
        "jnz 2b",
        "xor eax, eax",
        "syscall",
        "pushf",
        "and dword ptr [rsp], 0xfffbbfff",
        "popf",
        "ret",
    )
}

extern "C" fn keeps_odd_flags(page: Page) -> ! {
    page.set(WRONG, keep_odd_flags(TURNS));
    page.done()
}

pub fn odd_flags(bed: &Bed) -> Result<(), Failure> {
    two(bed, keeps_odd_flags)
}
