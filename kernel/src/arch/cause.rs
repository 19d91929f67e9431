//! The reason the kernel was entered, and how it is left: [`Cause`] and [`Resume`].

use super::UserContext;

/// The reason [`crate::enter`] is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The running thread executed SYSCALL. Its context holds the return address in `rip` and in `rcx`, its flags in
    /// `rflags` and in `r11`.
    SystemCall,
    /// The running thread raised a processor exception.
    Exception {
        /// The exception's number, 0 to 31.
        vector: u8,
        /// The error code, 0 if the exception has none.
        error: u64,
        /// The accessed address (CR2) of a page fault; else 0.
        address: u64,
    },
    /// The timer armed by [`super::arm_timer`] fired.
    Timer,
    /// A device interrupt. A level-triggered line is masked until the kernel unmasks it.
    Interrupt {
        /// The vector that the line or message was routed to.
        vector: u8,
    },
    /// A spurious interrupt, which needs no handling.
    Spurious,
}

/// The code that runs when the kernel is left.
#[derive(Clone, Copy, Debug)]
pub enum Resume {
    /// A thread, with the registers in this context, in the active address space.
    Thread(&'static UserContext),
    /// Idle: wait for an interrupt, on the kernel's own page tables.
    Idle,
}
