//! Address spaces: the kernel's half, and the active lower half.
//!
//! ```text
//!  0x0000_0000_0000_0000  the domain's: changes with the root table
//!  0xffff_8000_0000_0000  direct map: RAM at a constant offset, without the kernel's image
//!  0xffff_ff00_0000_0000  window: registers of the devices that the kernel itself uses, and the screen
//!  0xffff_ffff_8000_0000  the kernel's image
//! ```
//!
//! Invariant: the upper 256 entries of every root table equal those of the kernel's own table. They do not change after
//! boot.

use crate::arch::{PhysAddr, VirtAddr};
use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};
use x86_64::instructions::tlb;
use x86_64::registers::control::{Cr3, Cr3Flags};
use x86_64::structures::paging::PhysFrame;

/// The start of the direct map.
pub(super) const DIRECT_MAP: VirtAddr = VirtAddr::new(0xffff_8000_0000_0000);

/// The start of the window.
pub(super) const WINDOW: VirtAddr = VirtAddr::new(0xffff_ff00_0000_0000);

/// The kernel's own root table.
static KERNEL_ROOT: AtomicU64 = AtomicU64::new(0);

/// The kernel's pointer to a byte of RAM.
#[inline]
pub fn direct_map(address: PhysAddr) -> *mut u8 {
    (DIRECT_MAP + address.as_u64()).as_mut_ptr()
}

/// Copies the kernel's half into the root table of a domain, a frame that the caller owns.
pub fn install_kernel_half(root: PhysAddr) {
    const HALF: usize = 256;
    let kernel = PhysAddr::new(KERNEL_ROOT.load(Ordering::Relaxed));
    let from = direct_map(kernel).cast::<u64>().wrapping_add(HALF);
    let to = direct_map(root).cast::<u64>().wrapping_add(HALF);
    // SAFETY: both pointers are to halves of tables in RAM, and the tables differ. The caller owns `root`.
    unsafe { ptr::copy_nonoverlapping(from, to, HALF) }
}

/// Activates a root table with the kernel's half in it, unless it is already active.
pub fn activate(root: PhysAddr) {
    let (active, _) = Cr3::read();
    if active.start_address() != root {
        load(root);
    }
}

/// Activates the kernel's own tables, unless they are already active.
pub fn activate_kernel() {
    activate(PhysAddr::new(KERNEL_ROOT.load(Ordering::Relaxed)));
}

/// Flushes the translation of one page in the active address space.
pub fn flush_page(page: VirtAddr) {
    tlb::flush(page);
}

/// Flushes all translations of user pages, and of the tables above them.
pub fn flush_all() {
    let (active, _) = Cr3::read();
    load(active.start_address());
}

/// Reports that a frame is released. The fake machine checks that no TLB entry leads to it; a real TLB cannot be read.
#[inline]
pub fn frame_released(_frame: PhysAddr) {}

/// Sets the kernel's own root table and activates it.
pub(super) fn set_kernel_root(root: PhysAddr) {
    KERNEL_ROOT.store(root.as_u64(), Ordering::Relaxed);
    load(root);
}

fn load(root: PhysAddr) {
    // SAFETY: the upper half of every root is the kernel's: this is the kernel's own root, or `install_kernel_half` has
    // filled it. So code, stack and data stay where they are. Nothing in the kernel refers to the lower half.
    unsafe { Cr3::write(PhysFrame::containing_address(root), Cr3Flags::empty()) }
}
