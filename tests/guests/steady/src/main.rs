//! A machine that goes on in the same way for ever, in root's place, for tests that look at it from outside: two threads of equal
//! priority call the kernel without a pause. One has filled its vector registers, the other never uses them.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![allow(unsafe_code)]

#[cfg(target_os = "none")]
runtime::entry!(steady::main);

#[cfg(target_os = "none")]
mod steady {
    use guest_support::console::Console;
    use guest_support::worker::{Page, Worker};
    use runtime::Start;
    use runtime::abi::Number;

    /// Fills XMM0 to 15, then makes calls for ever.
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

    /// Makes calls for ever.
    #[unsafe(naked)]
    extern "C" fn calls(_: Page) -> ! {
        core::arch::naked_asm!(
            "2: mov eax, {null}",
            "syscall",
            "jmp 2b",
            null = const Number::Null as u64,
        )
    }

    pub fn main(start: Start) -> ! {
        let console = Console::open(&start, "steady").expect("root makes ports");
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
}

/// A host has no domains.
#[cfg(not(target_os = "none"))]
fn main() {}
