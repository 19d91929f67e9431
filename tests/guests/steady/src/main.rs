//! A machine in a steady state, for tests that inspect it from outside: two threads of equal priority make system calls without a
//! pause. One has filled its vector registers, the other never uses them.
#![no_std]
#![no_main]
#![allow(unsafe_code)]

use guest_support::console::Console;
use guest_support::worker::{Page, Worker};
use runtime::Start;
use runtime::abi::Number;

runtime::entry!(main);

fn main(start: Start) -> ! {
    let console = Console::open(&start, "steady").expect("I/O ports");
    let pool = start.require("pool");
    let ended = pool.create_notification().expect("a notification");
    let domain = start.require("domain");
    for script in [calls_with_vectors, calls] {
        let worker = Worker::new(pool, domain, ended, 0).expect("a domain");
        worker.start(script).expect("a thread that runs");
        core::mem::forget(worker);
    }
    console.line(format_args!("two threads make calls"));
    loop {
        // Neither thread ends.
        let _ = ended.wait();
    }
}

/// Fills XMM0 to 15, then makes calls forever.
#[unsafe(naked)]
extern "C" fn calls_with_vectors(_: Page) -> ! {
    core::arch::naked_asm!(
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        "pcmpeqd xmm\\n, xmm\\n",
        ".endr",
        "jmp {calls}",
        calls = sym calls,
    )
}

/// Makes calls forever.
#[unsafe(naked)]
extern "C" fn calls(_: Page) -> ! {
    core::arch::naked_asm!(
        "2: mov eax, {null}",
        "syscall",
        "jmp 2b",
        null = const Number::Null as u64,
    )
}
