//! A core's own data: [`Core`], found through the GS base in kernel mode.
//!
//! Only one core runs so far. Another one will need its own `Core`, which shares nothing with this one.
//!
//! Invariant: in kernel mode the GS base points to this core's `Core`. There are two exceptions: between an entry's first
//! instruction and its SWAPGS, and in the handlers that may begin with the user's GS base (NMI, machine check, double fault,
//! and a debug exception in kernel mode), which do not use `Core`.

use super::descriptors::Descriptors;
use crate::arch::UserContext;
use core::cell::{Cell, UnsafeCell};
use core::mem::offset_of;
use core::ptr;
use spin::Once;
use x86_64::VirtAddr;
use x86_64::registers::model_specific::{GsBase, KernelGsBase};

/// Bytes of the kernel's stack.
pub(super) const STACK_BYTES: usize = 64 << 10;

/// Bytes of the stack of an exception that has its own.
const EXCEPTION_STACK_BYTES: usize = 16 << 10;

/// The number of exceptions with their own stack.
pub(super) const EXCEPTION_STACKS: usize = 4;

/// A core's own data. The entry code uses the first fields by their offsets.
#[repr(C)]
pub(super) struct Core {
    current: Cell<*const UserContext>,
    user_stack_pointer: Cell<u64>,
    stack_top: Cell<u64>,
    /// The descriptor tables, once made.
    pub(super) descriptors: Once<Descriptors>,
}

/// The offset of the context of the thread that ran last.
pub(super) const CURRENT: usize = offset_of!(Core, current);
/// The offset of a word in which the entry code keeps the user's stack pointer temporarily.
pub(super) const USER_STACK_POINTER: usize = offset_of!(Core, user_stack_pointer);
/// The offset of the top of the kernel's stack.
pub(super) const STACK_TOP: usize = offset_of!(Core, stack_top);

/// A stack above an unmapped guard page.
#[repr(C, align(4096))]
pub(super) struct Stack<const BYTES: usize> {
    guard: [u8; 4096],
    bytes: UnsafeCell<[u8; BYTES]>,
}

// SAFETY: no Rust reference to a stack's bytes exists, and only the core that the stack belongs to runs on it.
unsafe impl<const BYTES: usize> Sync for Stack<BYTES> {}

// SAFETY: a core accesses only its own `Core`. After boot only the entry code accesses it, through GS.
unsafe impl Sync for Core {}

impl<const BYTES: usize> Stack<BYTES> {
    const fn new() -> Self {
        Self {
            guard: [0; 4096],
            bytes: UnsafeCell::new([0; BYTES]),
        }
    }

    /// The guard page.
    pub(super) fn guard(&'static self) -> VirtAddr {
        VirtAddr::from_ptr(&self.guard)
    }

    /// The stack's top, from which it grows down.
    pub(super) fn top(&'static self) -> VirtAddr {
        VirtAddr::from_ptr(&self.bytes) + BYTES as u64
    }
}

/// The stack that the kernel runs on.
pub(super) static STACK: Stack<STACK_BYTES> = Stack::new();

/// The stacks of the exceptions that must not rely on the current one.
pub(super) static STACKS_OF_EXCEPTIONS: [Stack<EXCEPTION_STACK_BYTES>; EXCEPTION_STACKS] =
    [const { Stack::new() }; EXCEPTION_STACKS];

static BOOT_CORE: Core = Core {
    current: Cell::new(ptr::null()),
    user_stack_pointer: Cell::new(0),
    stack_top: Cell::new(0),
    descriptors: Once::new(),
};

/// Makes the boot core's data reachable through GS.
pub(super) fn initialise() -> &'static Core {
    let core = &BOOT_CORE;
    core.stack_top.set(STACK.top().as_u64());
    GsBase::write(VirtAddr::from_ptr(core));
    KernelGsBase::write(VirtAddr::zero());
    core
}
