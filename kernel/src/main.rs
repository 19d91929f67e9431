//! The kernel's executable: the library, and the panic handler.
//!
//! Everything, from the first instruction on, is in the library (see `arch/x86_64/boot`); this file only links
//! it. On the host it is an empty program, so that the whole workspace builds.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

#[cfg(target_os = "none")]
#[panic_handler]
fn panic(information: &core::panic::PanicInfo) -> ! {
    kernel::arch::panic(information)
}

#[cfg(not(target_os = "none"))]
fn main() {}
