//! Why the kernel was entered, and how it is left: [`Cause`] and [`Resume`].

use super::UserContext;

/// Why [`crate::enter`] is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The running thread executed SYSCALL. Its context holds the return address in `rip` and in `rcx`, its flags in
    /// `rflags` and in `r11`.
    SystemCall,
    /// The running thread raised a processor exception.
    Exception {
        /// The exception's number, 0 to 31.
        vector: u8,
        /// The error code, 0 where the exception has none.
        error: u64,
        /// The address that was accessed (CR2), for a page fault; else 0.
        address: u64,
    },
    /// The timer armed by [`super::arm_timer`] fired.
    Timer,
    /// A device interrupt; its line, if it was a level-triggered one, is masked until it is unmasked again.
    Interrupt {
        /// The vector that the line or message was routed to.
        vector: u8,
    },
    /// An interrupt that nobody asked for: nothing is to be done.
    Spurious,
}

/// What runs when the kernel is left.
#[derive(Clone, Copy, Debug)]
pub enum Resume {
    /// A thread, with the registers in this context, in the address space that is active.
    Thread(&'static UserContext),
    /// Nothing: wait for an interrupt, on the kernel's own page tables.
    Idle,
}
