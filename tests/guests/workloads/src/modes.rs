//! Workloads that keep processor state besides the general and vector registers: segment bases, the x87 unit, MXCSR, the direction flag,
//! and flags that only POPF sets.
//!
//! Each leaves the state unchanged over many yields, so that most freezes happen during that time.

use runtime::abi::Number;

use crate::board::{Board, FREE};
use crate::scrambled;

/// The number of yields in a round.
const YIELDS: u64 = 16;

/// Yields RBX times.
macro_rules! yield_often {
    () => {
        "2: mov eax, {number}\nsyscall\ndec rbx\njnz 2b"
    };
}

/// Sets the bases of FS and GS, and counts the reads through them that find other numbers.
#[unsafe(naked)]
extern "C" fn keep_bases(
    fs_number: u64,
    gs_number: u64,
    yields: u64,
    fs_base: u64,
    gs_base: u64,
) -> u64 {
    core::arch::naked_asm!(
        "push rbx",
        "push rbp",
        "mov rbx, rdx",
        "xor ebp, ebp",
        "wrfsbase rcx",
        "wrgsbase r8",
        "2: mov eax, {number}",
        "syscall",
        "cmp rdi, fs:[0]",
        "je 3f",
        "inc rbp",
        "3: cmp rsi, gs:[0]",
        "je 4f",
        "inc rbp",
        "4: dec rbx",
        "jnz 2b",
        "mov rax, rbp",
        "pop rbp",
        "pop rbx",
        "ret",
        number = const Number::Yield as u32,
    )
}

pub extern "C" fn keeps_segment_bases(board: Board) -> ! {
    loop {
        let round = board.rounds();
        let numbers = [scrambled(round), !scrambled(round)];
        // These are not the words of the previous round.
        let words = [0, 1].map(|number| FREE + (round % 8) as usize * 2 + number);
        for (word, number) in words.into_iter().zip(numbers) {
            board.set(word, number);
        }
        let [fs, gs] = words.map(|word| board.address_of(word));
        board.check(keep_bases(numbers[0], numbers[1], YIELDS, fs, gs) == 0, 60);
        board.round();
    }
}

/// Sets the x87 control word, fills the register stack with eight numbers, yields, and stores them. Returns the change of the control
/// word.
///
/// # Safety
/// Both pointers are valid.
#[unsafe(naked)]
unsafe extern "C" fn keep_x87(
    control: u64,
    numbers: *const [u64; 8],
    found: *mut [u64; 8],
    yields: u64,
) -> u64 {
    core::arch::naked_asm!(
        "push rbx",
        "push rdi",
        "mov rbx, rcx",
        "fninit",
        "fldcw [rsp]",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7",
        "fild qword ptr [rsi + 8 * \\n]",
        ".endr",
        yield_often!(),
        ".irp n, 7, 6, 5, 4, 3, 2, 1, 0",
        "fistp qword ptr [rdx + 8 * \\n]",
        ".endr",
        "mov rax, [rsp]",
        "fnstcw [rsp]",
        "sub rax, [rsp]",
        "pop rdi",
        "pop rbx",
        "ret",
        number = const Number::Yield as u32,
    )
}

pub extern "C" fn keeps_x87(board: Board) -> ! {
    loop {
        let round = board.rounds();
        let numbers: [u64; 8] = core::array::from_fn(|index| scrambled(round + index as u64));
        let mut found = [0; 8];
        // All exceptions are masked; the rounding mode changes every round.
        let control = 0x37f | (round % 4) << 10;
        // SAFETY: both are on the stack.
        let changed = unsafe { keep_x87(control, &numbers, &mut found, YIELDS) };
        board.check(changed == 0, 61);
        board.check(found == numbers, 62);
        board.round();
    }
}

/// Sets MXCSR while all vector registers are zero, yields, and returns its change.
#[unsafe(naked)]
extern "C" fn keep_mxcsr(value: u64, yields: u64) -> u64 {
    core::arch::naked_asm!(
        "push rbx",
        "push rdi",
        "mov rbx, rsi",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        "xorps xmm\\n, xmm\\n",
        ".endr",
        "ldmxcsr [rsp]",
        yield_often!(),
        "stmxcsr [rsp]",
        "pop rax",
        "sub eax, edi",
        "pop rbx",
        "ret",
        number = const Number::Yield as u32,
    )
}

pub extern "C" fn keeps_mxcsr(board: Board) -> ! {
    loop {
        // All exceptions are masked; rounding and flush-to-zero change every round.
        let value = 0x1f80 | (board.rounds() % 8) << 13;
        board.check(keep_mxcsr(value, YIELDS) == 0, 63);
        board.round();
    }
}

/// Sets the direction flag, yields, and returns whether it is still set.
#[unsafe(naked)]
extern "C" fn keep_direction(yields: u64) -> u64 {
    core::arch::naked_asm!(
        "push rbx",
        "mov rbx, rdi",
        "std",
        yield_often!(),
        "pushf",
        "pop rax",
        "cld",
        "and eax, 0x400",
        "pop rbx",
        "ret",
        number = const Number::Yield as u32,
    )
}

/// NT, AC and ID.
const FLAGS: u64 = 1 << 14 | 1 << 18 | 1 << 21;

/// Sets flags, yields, and returns those that are still set.
#[unsafe(naked)]
extern "C" fn keep_flags(flags: u64, yields: u64) -> u64 {
    core::arch::naked_asm!(
        "push rbx",
        "mov rbx, rsi",
        "pushf",
        "or [rsp], rdi",
        "popf",
        yield_often!(),
        "pushf",
        "mov rax, [rsp]",
        "and rax, rdi",
        "not rdi",
        "and [rsp], rdi",
        "popf",
        "pop rbx",
        "ret",
        number = const Number::Yield as u32,
    )
}

pub extern "C" fn keeps_flags(board: Board) -> ! {
    loop {
        board.check(keep_flags(FLAGS, YIELDS) == FLAGS, 90);
        board.round();
    }
}

pub extern "C" fn keeps_direction(board: Board) -> ! {
    loop {
        board.check(keep_direction(YIELDS) != 0, 64);
        board.round();
    }
}
