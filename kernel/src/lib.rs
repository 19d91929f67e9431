//! The Caravan microkernel.
//!
//! | module | contents |
//! | --- | --- |
//! | [`arch`] | the machine, real and fake: entry, page-table registers, timer, ports |
//! | [`memory`] | frames and their content; besides `arch` the only module with `unsafe` |
//! | `collections` | intrusive collections of objects |
//! | `objects` | the kernel's objects, their creation and destruction |
//! | `scheduler` | priorities, ready queues, deadlines |
//! | `timer` | the timer interrupt |
//! | `ipc` | calls, replies, signals, waits, fault messages |
//! | `paging` | Memories: mapping, populating, page faults |
//! | `capture` | a domain as data: freeze, describe, thread state, copies of pages, dirty log |
//! | `syscalls` | decoding, checking and performing system calls |
//! | `kernel` | the state of the kernel |
//! | `entry` | the entry for every cause |
//! | `boot` | spawning the root domain |
//!
//! Control flows one way: the machine calls [`enter`], which handles the cause and returns what runs next. A short call is
//! atomic: it takes effect completely or not at all. A long call is a series of bounded steps. Each step is atomic, and any
//! progress that the next step needs is in the caller's argument registers.
//!
//! The kernel lock is taken here and nowhere else. Below it `arch` has two locks: one around the registers of the I/O APICs,
//! and one around the screen.

#![cfg_attr(target_os = "none", no_std)]

pub mod arch;
mod boot;
mod capture;
mod collections;
mod entry;
mod ipc;
mod kernel;
pub mod memory;
mod objects;
mod paging;
mod scheduler;
mod syscalls;
#[cfg(test)]
mod testing;
mod timer;

use arch::{BootInformation, Cause, Resume};
use kernel::Kernel;
use memory::KernelLock;

static KERNEL: KernelLock<Kernel> = KernelLock::new();

/// Starts the kernel on the machine that `boot` describes: creates root and returns it to run. Called once.
pub fn start(boot: &BootInformation) -> Resume {
    KERNEL.start(Kernel::new(boot), |kernel| {
        boot::spawn_root(kernel, boot);
        kernel.scheduler.resume()
    })
}

/// Handles one entry into the kernel and returns what runs next.
pub fn enter(cause: Cause) -> Resume {
    KERNEL.with(|kernel| kernel.enter(cause))
}
