//! The first and the last instruction of a domain.
//!
//! The creator starts thread 0 at `_start` with the address of the start page in RDI. [`entry!`](crate::entry)
//! names the program's `main`, [`main!`](crate::main) its first task. A panic logs its location and message, then executes
//! an undefined instruction: the thread stops for ever and its supervisor receives a fault.

use abi::register::Slot;
use abi::start_page::StartPage;
use log::LevelFilter;

use crate::executor::Tasks;
use crate::{Start, buffer, clock, heap, logging, random, slots};

/// Names the program's main function: `fn main(start: Start) -> !`.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        #[cfg(target_os = "caravan")]
        #[unsafe(no_mangle)]
        fn caravan_main(start: $crate::Start) -> ! {
            let main: fn($crate::Start) -> ! = $main;
            main(start)
        }
    };
}

/// Names the program's first task: `async fn(start: Start, tasks: Tasks)`. The program consists of that task and those that it
/// spawns, and continues when the first one ends. Built for the host, as by editors and `cargo check`, the program gets a `main`
/// that does nothing.
///
/// ```
/// use runtime::embassy_time::Timer;
/// use runtime::executor::Tasks;
/// use runtime::{Start, log};
///
/// runtime::main!(run);
///
/// async fn run(start: Start, tasks: Tasks) {
///     log::info!("hello, {}", start.argument("name").unwrap_or("nobody"));
///     tasks.spawn(async {
///         loop {
///             Timer::after_secs(1).await;
///             log::info!("still here");
///         }
///     });
/// }
/// ```
#[macro_export]
macro_rules! main {
    ($main:path) => {
        #[cfg(not(target_os = "caravan"))]
        fn main() {
            // This use of the task prevents a warning that it is unused.
            let _ = |start, tasks| $crate::entry::first_task($main, start, tasks);
        }

        #[cfg(target_os = "caravan")]
        #[unsafe(no_mangle)]
        fn caravan_main(start: $crate::Start) -> ! {
            $crate::executor::run(start, move |tasks| {
                $crate::entry::first_task($main, start, tasks)
            })
        }
    };
}

/// The first task of [`main!`](crate::main), whose type it checks.
#[doc(hidden)]
pub fn first_task<F: Future<Output = ()> + 'static>(
    main: fn(Start, Tasks) -> F,
    start: Start,
    tasks: Tasks,
) -> F {
    main(start, tasks)
}

/// Stops this thread for ever; the supervisor receives a fault.
#[cfg(target_os = "caravan")]
pub fn stop() -> ! {
    loop {
        // SAFETY: The only effect of the exception is the kernel's fault message.
        unsafe {
            core::arch::asm!("ud2", options(nomem, nostack, preserves_flags));
        }
    }
}

/// Initialises the runtime's state: message buffer, heap, random numbers, slots, log, clock. Returns `None` for a start page
/// of another version.
///
/// # Safety
/// `page` is the argument of thread 0 from the domain's creator: a start page that stays mapped, and whose
/// ranges are mapped for their purpose. This runs once, before any other function of the runtime.
pub unsafe fn set_up(page: *const StartPage) -> Option<Start> {
    // SAFETY: The caller guarantees the page.
    let start = unsafe { page.as_ref() }.and_then(Start::try_new)?;
    let page = start.page();
    // SAFETY: The caller guarantees the ranges, and that nothing uses them yet.
    unsafe {
        if page.message_buffer.bytes > 0 {
            buffer::install(page.message_buffer.start);
        }
        heap::install(start);
    }
    random::install(page);
    slots::open(Slot(page.first_free_slot as u32), start.own_domain());
    logging::install(
        start.find("log"),
        start.argument_or("log", LevelFilter::Info),
    );
    clock::install(start);
    Some(start)
}

#[cfg(target_os = "caravan")]
mod first {
    use core::panic::PanicInfo;
    use core::sync::atomic::{AtomicBool, Ordering};

    use abi::start_page::StartPage;

    use super::{set_up, stop};
    use crate::{Start, logging};

    unsafe extern "Rust" {
        /// Defined by [`crate::entry!`] or [`crate::main!`].
        safe fn caravan_main(start: Start) -> !;
    }

    /// RDI: the start page. Aligns the stack; a zero RBP ends backtraces.
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
        // SAFETY: This is thread 0's first function, and `page` is the creator's argument.
        match unsafe { set_up(page) } {
            Some(start) => caravan_main(start),
            None => stop(),
        }
    }

    #[panic_handler]
    fn panic(information: &PanicInfo<'_>) -> ! {
        static PANICKED: AtomicBool = AtomicBool::new(false);
        // A panic during the report of a panic is not reported.
        if !PANICKED.swap(true, Ordering::Relaxed) {
            logging::panicked(format_args!("{information}"));
        }
        stop()
    }
}
