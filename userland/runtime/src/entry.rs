//! A domain's first instruction, and its last.
//!
//! The creator starts thread 0 at `_start` with the address of the start page in RDI. [`entry!`](crate::entry)
//! names the program's `main`. A panic logs where and why, then executes an instruction that no processor has:
//! so the thread stops for ever and its supervisor hears of it.

/// Names the program's main function: `fn main(start: Start) -> !`.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        #[cfg(target_os = "none")]
        #[unsafe(no_mangle)]
        fn caravan_main(start: $crate::Start) -> ! {
            let main: fn($crate::Start) -> ! = $main;
            main(start)
        }
    };
}

/// Stops this thread for ever; the supervisor hears of it as a fault.
pub fn stop() -> ! {
    loop {
        #[cfg(target_os = "none")]
        // SAFETY: The exception has no effect but the kernel's message about it.
        unsafe {
            core::arch::asm!("ud2", options(nomem, nostack, preserves_flags));
        }
        #[cfg(not(target_os = "none"))]
        panic!("stopped");
    }
}

#[cfg(target_os = "none")]
mod first {
    use core::panic::PanicInfo;
    use core::sync::atomic::{AtomicBool, Ordering};

    use abi::start_page::StartPage;
    use log::LevelFilter;

    use super::stop;
    use crate::{Start, buffer, heap, logging, slots};

    unsafe extern "Rust" {
        /// What [`crate::entry!`] defines.
        safe fn caravan_main(start: Start) -> !;
    }

    /// RDI: the start page. The stack is aligned here, whatever the creator left; a zero RBP ends backtraces.
    #[unsafe(naked)]
    #[unsafe(no_mangle)]
    #[unsafe(link_section = ".text.entry")]
    extern "C" fn _start() -> ! {
        core::arch::naked_asm!(
            "xor ebp, ebp",
            "and rsp, -16",
            "call {begin}",
            "ud2",
            begin = sym begin,
        )
    }

    extern "C" fn begin(page: *const StartPage) -> ! {
        // SAFETY: The creator of the domain passes the address of a start page that stays mapped read-only.
        let page = unsafe { page.as_ref() };
        let Some(start) = page.and_then(Start::try_new) else {
            stop();
        };
        let page = start.page();
        // SAFETY: The creator made both ranges for this purpose, as the start page says, and this runs once.
        unsafe {
            if page.message_buffer.bytes > 0 {
                buffer::install(page.message_buffer.start);
            }
            heap::install(page.heap);
        }
        slots::open(
            abi::register::Slot(page.first_free_slot as u32),
            start.own_domain(),
        );
        logging::install(
            start.find("log"),
            start.argument_or("log", LevelFilter::Info),
        );
        caravan_main(start)
    }

    #[panic_handler]
    fn panic(information: &PanicInfo<'_>) -> ! {
        static PANICKED: AtomicBool = AtomicBool::new(false);
        // A panic while a panic is told tells nothing more.
        if !PANICKED.swap(true, Ordering::Relaxed) {
            logging::line(format_args!("{information}"));
        }
        stop()
    }
}
