//! The FS and GS base of user mode.
//!
//! In kernel mode the user's GS base waits in the register that SWAPGS exchanges.

use super::cpu::{self, Features};
use crate::arch::UserContext;
use core::arch::asm;
use x86_64::VirtAddr;
use x86_64::instructions::segmentation::{DS, ES, FS, Segment, Segment64};
use x86_64::registers::model_specific::{FsBase, KernelGsBase};
use x86_64::structures::gdt::SegmentSelector;

/// Stores the bases of the thread that ran last.
pub fn save_segment_bases(context: &UserContext) {
    let (fs, gs) = if cpu::has(Features::FSGSBASE) {
        (FS::read_base().as_u64(), read_waiting_gs_base())
    } else {
        (FsBase::read().as_u64(), KernelGsBase::read().as_u64())
    };
    context.fs_base.set(fs);
    context.gs_base.set(gs);
}

/// Loads the bases of the thread that runs next, and clears what the one before may have left in the selectors.
///
/// The bases are canonical: they were saved from the registers or have passed [`UserContext::sanitise`].
pub fn load_segment_bases(context: &UserContext) {
    // SAFETY: these registers have no meaning in kernel mode. GS is left alone: its base in use is the kernel's.
    unsafe {
        DS::set_reg(SegmentSelector::NULL);
        ES::set_reg(SegmentSelector::NULL);
        FS::set_reg(SegmentSelector::NULL);
    }
    let fs = VirtAddr::new_truncate(context.fs_base.get());
    let gs = VirtAddr::new_truncate(context.gs_base.get());
    if cpu::has(Features::FSGSBASE) {
        // SAFETY: the base is canonical, and the kernel does not use FS.
        unsafe { FS::write_base(fs) };
        write_waiting_gs_base(gs);
    } else {
        FsBase::write(fs);
        KernelGsBase::write(gs);
    }
}

/// The user's GS base, by way of two SWAPGS: processors take many times longer for RDMSR. Needs FSGSBASE.
fn read_waiting_gs_base() -> u64 {
    let base;
    // SAFETY: GS is the kernel's again at the end. In between nothing uses it: interrupts are off, and the handlers of
    // what cannot be turned off do not use GS.
    unsafe {
        asm!("swapgs", "rdgsbase {}", "swapgs", out(reg) base, options(nomem, nostack, preserves_flags));
    }
    base
}

/// Sets the user's GS base, in place of WRMSR. Needs FSGSBASE.
fn write_waiting_gs_base(base: VirtAddr) {
    // SAFETY: as in `read_waiting_gs_base`; the base is canonical.
    unsafe {
        asm!("swapgs", "wrgsbase {}", "swapgs", in(reg) base.as_u64(), options(nomem, nostack, preserves_flags));
    }
}
