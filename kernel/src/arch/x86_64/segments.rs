//! The FS and GS base of user mode.
//!
//! In kernel mode the user's GS base is in the register that SWAPGS exchanges.

use super::cpu::{self, Features};
use crate::arch::UserContext;
use x86_64::VirtAddr;
use x86_64::instructions::segmentation::{DS, ES, FS, GS, Segment, Segment64};
use x86_64::registers::model_specific::{FsBase, KernelGsBase};
use x86_64::structures::gdt::SegmentSelector;

/// Stores the bases of the thread that ran last.
pub fn save_segment_bases(context: &UserContext) {
    let fs = if cpu::has(Features::FSGSBASE) {
        FS::read_base()
    } else {
        FsBase::read()
    };
    context.fs_base.set(fs.as_u64());
    context.gs_base.set(KernelGsBase::read().as_u64());
}

/// Loads the bases of the thread that runs next, and clears the selectors that the previous one may have set.
///
/// The bases are canonical: they were saved from the registers or have passed [`UserContext::sanitise`].
pub fn load_segment_bases(context: &UserContext) {
    // SAFETY: these registers have no meaning in kernel mode.
    unsafe {
        DS::set_reg(SegmentSelector::NULL);
        ES::set_reg(SegmentSelector::NULL);
        FS::set_reg(SegmentSelector::NULL);
    }
    clear_gs_selector();
    let fs = VirtAddr::new_truncate(context.fs_base.get());
    if cpu::has(Features::FSGSBASE) {
        // SAFETY: the base is canonical, and the kernel does not use FS.
        unsafe { FS::write_base(fs) };
    } else {
        FsBase::write(fs);
    }
    KernelGsBase::write(VirtAddr::new_truncate(context.gs_base.get()));
}

/// Clears the selector in GS, which hardly any thread sets. On some processors this also clears the active base. So SWAPGS
/// first makes the user's base active, and the caller writes that base afterwards.
fn clear_gs_selector() {
    if GS::get_reg() == SegmentSelector::NULL {
        return;
    }
    // SAFETY: interrupts are off, and the exception handlers that may still run do not use GS. After the second SWAPGS the
    // kernel's base is active again.
    unsafe {
        GS::swap();
        GS::set_reg(SegmentSelector::NULL);
        GS::swap();
    }
}
