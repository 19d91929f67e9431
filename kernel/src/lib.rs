//! The Caravan microkernel.
#![cfg_attr(target_os = "none", no_std)]

pub mod arch;

use arch::{BootInformation, Cause, Resume};

/// Starts the kernel: called once by the machine, with interrupts off. Says what runs first.
pub fn start(boot: &BootInformation) -> Resume {
    log!("{} ranges of memory", boot.memory.len());
    Resume::Idle
}

/// Enters the kernel: called by the machine for every system call, exception and interrupt. Says what runs next.
pub fn enter(_cause: Cause) -> Resume {
    Resume::Idle
}
