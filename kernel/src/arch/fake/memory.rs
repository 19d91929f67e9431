//! Physical memory and the active address space: an arena, and a record of the active root.

use super::machine::{Event, record, with};
use crate::arch::{PhysAddr, VirtAddr};
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};

/// The entry that [`install_kernel_half`] writes. It is present and refers to an address outside of every arena, so that a
/// walk of the kernel's half is detected.
pub const KERNEL_HALF_ENTRY: u64 = 0x000f_ffff_0000_0003;

/// The alignment of an arena's allocation. With a larger one the allocator would clear the memory itself, instead of getting
/// cleared pages from the operating system.
const ALIGNMENT: usize = 8;

/// Bytes in a page, and the alignment of physical memory.
pub(super) const PAGE: usize = 4096;

/// An allocation that represents physical memory, from address 0, aligned to a page.
pub(super) struct Arena {
    allocation: *mut u8,
    layout: Layout,
}

impl Arena {
    pub(super) fn new(byte_count: usize) -> Self {
        let layout =
            Layout::from_size_align(byte_count + PAGE, ALIGNMENT).expect("a size of whole pages");
        // SAFETY: callers request at least one MiB, so the size is not zero.
        let allocation = unsafe { alloc_zeroed(layout) };
        if allocation.is_null() {
            handle_alloc_error(layout);
        }
        Self { allocation, layout }
    }

    pub(super) fn byte_count(&self) -> usize {
        self.layout.size() - PAGE
    }

    pub(super) fn at(&self, address: PhysAddr) -> *mut u8 {
        let offset = address.as_u64() as usize;
        assert!(
            offset < self.byte_count(),
            "{address:?} is beyond the machine's memory"
        );
        let start = self.allocation.addr().next_multiple_of(PAGE) - self.allocation.addr();
        self.allocation.wrapping_add(start + offset)
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: `new` allocated it with this layout, and only the drop frees it.
        unsafe { dealloc(self.allocation, self.layout) }
    }
}

/// The kernel's pointer to a byte of RAM.
pub fn direct_map(address: PhysAddr) -> *mut u8 {
    with(|state| state.arena.at(address))
}

/// Marks the upper half of a root table as the kernel's.
pub fn install_kernel_half(root: PhysAddr) {
    let table = direct_map(root).cast::<u64>();
    for index in 256..512 {
        // SAFETY: the caller owns the frame at `root`, a table of 512 entries inside the arena.
        unsafe { table.add(index).write(KERNEL_HALF_ENTRY) }
    }
}

/// Activates a root table, unless it is already active.
pub fn activate(root: PhysAddr) {
    if with(|state| state.active) != Some(root) {
        record(Event::Activate(root), |state| {
            state.active = Some(root);
            state.forget_translations();
        });
    }
}

/// Activates the kernel's own tables, unless they are already active.
pub fn activate_kernel() {
    if with(|state| state.active).is_some() {
        record(Event::ActivateKernel, |state| {
            state.active = None;
            state.forget_translations();
        });
    }
}

/// Flushes the translation of one page in the active address space.
pub fn flush_page(page: VirtAddr) {
    record(Event::FlushPage(page), |state| {
        state.flush_translations(Some(page.align_down(4096_u64).as_u64()));
    });
}

/// Flushes all translations of user pages.
pub fn flush_all() {
    record(Event::FlushAll, |state| {
        for (address, value) in std::mem::take(&mut state.late_stores) {
            // SAFETY: tests name aligned words of the arena, which only this thread uses.
            unsafe { state.arena.at(address).cast::<u64>().write(value) };
        }
        state.flush_translations(None);
    });
}
