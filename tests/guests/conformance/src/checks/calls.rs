//! The system call itself.

use guest_support::system_call::raw;
use guest_support::worker::Page;
use runtime::Error;
use runtime::abi::{Number, REGISTER_COUNT};

use super::registers::{SEED, WRONG, two};
use crate::fixture::{Failure, Fixture, expect, require};

/// Fills every register and makes a call without arguments. Returns 0 if the call succeeds and preserves the registers that it must.
#[unsafe(naked)]
extern "C" fn changed_by(seed: u64, number: u64) -> u64 {
    core::arch::naked_asm!(
        ".irp register, rbx, rbp, r12, r13, r14, r15, rdi",
        "push \\register",
        ".endr",
        "mov rax, rsi",
        "lea rbx, [rdi + 1]",
        "lea rdx, [rdi + 2]",
        "lea rsi, [rdi + 3]",
        "lea rbp, [rdi + 4]",
        "lea r8, [rdi + 5]",
        "lea r9, [rdi + 6]",
        "lea r10, [rdi + 7]",
        "lea r12, [rdi + 8]",
        "lea r13, [rdi + 9]",
        "lea r14, [rdi + 10]",
        "lea r15, [rdi + 11]",
        "syscall",
        "mov r11, [rsp]",
        "sub rbx, 1",
        "sub rdx, 2",
        "sub rsi, 3",
        "sub rbp, 4",
        "sub r8, 5",
        "sub r9, 6",
        "sub r10, 7",
        "sub r12, 8",
        "sub r13, 9",
        "sub r14, 10",
        "sub r15, 11",
        ".irp register, rbx, rdx, rsi, rdi, rbp, r8, r9, r10, r12, r13, r14, r15",
        "xor \\register, r11",
        "or rax, \\register",
        ".endr",
        ".irp register, rdi, r15, r14, r13, r12, rbp, rbx",
        "pop \\register",
        ".endr",
        "ret",
    )
}

/// The number of times that the script below makes each call.
const TIMES: u64 = 32;

extern "C" fn calls_without_arguments(page: Page) -> ! {
    let mut changed = 0;
    for _ in 0..TIMES {
        for number in [Number::Null, Number::Yield] {
            changed |= changed_by(page.word(SEED), number as u64);
        }
    }
    page.set(WRONG, changed);
    page.done()
}

/// Two domains yield to each other, so that each returns from its call after the other ran with different registers.
pub fn keep_registers(fixture: &Fixture) -> Result<(), Failure> {
    two(fixture, calls_without_arguments)
}

pub fn unknown_numbers(_: &Fixture) -> Result<(), Failure> {
    let known = |number: u64| Number::ALL.iter().any(|known| *known as u64 == number);
    for number in (0..300).chain([1 << 16, 1 << 32, u64::MAX]) {
        if !known(number) {
            let mut registers = [7; REGISTER_COUNT];
            let status = raw(number, &mut registers, 0);
            expect("the status", status, Error::UnknownCall as u64)?;
            expect("a register", u64::from(registers != [7; REGISTER_COUNT]), 0)?;
        }
    }
    Ok(())
}

/// Every call whose first argument is a slot refuses one outside the table.
pub fn wild_arguments(_: &Fixture) -> Result<(), Failure> {
    for number in Number::ALL {
        if matches!(number, Number::Null | Number::Yield) {
            continue;
        }
        for wild in [u64::from(u32::MAX) - 1, 1 << 40, u64::MAX] {
            let mut registers = [wild; REGISTER_COUNT];
            let status = raw(*number as u64, &mut registers, 0);
            let refused = matches!(
                Error::from_status(status),
                Some(Error::NoSuchSlot | Error::ArgumentRange | Error::MessageSize)
            );
            require("refusal of wild arguments", refused)?;
        }
    }
    Ok(())
}
