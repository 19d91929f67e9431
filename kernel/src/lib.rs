//! The Caravan microkernel.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`arch`] | the machine, real and fake: entry, page-table registers, timer, ports |
//! | [`memory`] | frames and what lies in them; with `arch` the only room for `unsafe` |
//! | [`objects`] | the kernel's objects, making and ending them |
//! | [`scheduler`] | who runs next |
//! | [`timer`] | what an entry for the timer does |
//! | [`ipc`] | calls, replies, signals, waits, fault messages |
//! | [`paging`] | Memories: mapping, populating, absent pages |
//! | [`capture`] | a domain as data: freeze, describe, thread state, copies of pages, dirty log |
//! | [`syscalls`] | decoding, checking and performing system calls |
//! | [`kernel`] | [`kernel::Kernel`]: all of it together, and the ways in |
//! | [`boot`] | root's birth |
//!
//! Control flows one way: the machine calls [`enter`], which handles the cause and returns what runs next. A call
//! is atomic: it happens whole, or not at all, or as one bounded step of a longer one whose progress is in the
//! caller's argument registers.
//!
//! Locks: one, the kernel lock, taken here and nowhere else.

#![cfg_attr(target_os = "none", no_std)]
#![deny(unsafe_code)]

#[allow(unsafe_code)]
pub mod arch;
pub mod boot;
pub mod capture;
pub mod ipc;
pub mod kernel;
#[allow(unsafe_code)]
pub mod memory;
pub mod objects;
pub mod paging;
pub mod scheduler;
pub mod syscalls;
#[cfg(test)]
mod testing;
pub mod timer;

use arch::{BootInformation, Cause, Resume};
use memory::KernelLock;

static KERNEL: KernelLock = KernelLock::new();

/// Starts the kernel on the machine that `boot` describes: makes root and says that it runs. Called once.
pub fn start(boot: &BootInformation) -> Resume {
    KERNEL.start(kernel::Kernel::new(boot), |kernel| {
        boot::make_root(kernel, boot);
        kernel.scheduler.resume()
    })
}

/// Handles one entry into the kernel and says what runs next.
pub fn enter(cause: Cause) -> Resume {
    KERNEL.with(|kernel| kernel.enter(cause))
}
