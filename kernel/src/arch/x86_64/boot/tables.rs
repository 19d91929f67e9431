//! The kernel's own page tables: its image, the direct map, and the window of device registers and the screen.
//!
//! Invariant: nothing is both writable and executable, not even through two mappings. So the direct map omits the kernel's
//! image. It also omits page 0, and uses a 1 GiB page only where all of it is RAM.

use super::super::core_local::{STACK, STACKS_OF_EXCEPTIONS};
use super::super::cpu::{self, Features};
use super::super::memory::{DIRECT_MAP, WINDOW, direct_map, set_kernel_root};
use super::handover::{EARLY_LIMIT, Handover, KERNEL_BASE, image};
use crate::arch::ranges::{PAGE_BYTES, Ranges};
use crate::arch::{PhysAddr, PhysRange, VirtAddr};
use x86_64::structures::paging::mapper::{MapToError, Mapper, OffsetPageTable};
use x86_64::structures::paging::{
    FrameAllocator, Page, PageSize, PageTable, PageTableFlags as Flags, PhysFrame, Size1GiB,
    Size2MiB, Size4KiB,
};

/// The flags of every kernel mapping, which is the same in all address spaces.
const COMMON: Flags = Flags::PRESENT.union(Flags::GLOBAL);

/// Readable and writable data.
const DATA: Flags = COMMON.union(Flags::WRITABLE).union(Flags::NO_EXECUTE);

/// Registers of devices.
const DEVICE: Flags = DATA.union(Flags::NO_CACHE).union(Flags::WRITE_THROUGH);

/// A framebuffer. `cpu` gives this flag the meaning of write combining.
const COMBINING: Flags = DATA.union(Flags::WRITE_THROUGH);

/// The tables under construction. Their frames are taken from free memory.
pub(super) struct Tables<'a> {
    root: PhysAddr,
    mapper: OffsetPageTable<'static>,
    frames: Frames<'a>,
    window_end: VirtAddr,
}

/// Frames from the free memory that the early tables map.
struct Frames<'a>(&'a mut Ranges);

// SAFETY: memory removed from the list of free memory has no other user.
unsafe impl FrameAllocator<Size4KiB> for Frames<'_> {
    fn allocate_frame(&mut self) -> Option<PhysFrame<Size4KiB>> {
        let page = self.0.take_page_below(EARLY_LIMIT)?;
        Some(PhysFrame::containing_address(page))
    }
}

impl<'a> Tables<'a> {
    /// Builds the tables for the image and for the direct map.
    pub(super) fn new(handover: &'a mut Handover) -> Self {
        let mut frames = Frames(&mut handover.free);
        let root = frames.allocate_frame().expect("a free frame below 4 GiB");
        let root = root.start_address();
        let table: *mut PageTable = direct_map(root).cast();
        // SAFETY: the frame is ours, and zero is an empty table.
        let table = unsafe {
            table.write_bytes(0, 1);
            &mut *table
        };
        // SAFETY: all frames are below 4 GiB, which the early tables map at the direct map's address.
        let mapper = unsafe { OffsetPageTable::new(table, DIRECT_MAP) };
        let mut tables = Self {
            root,
            mapper,
            frames,
            window_end: WINDOW,
        };
        tables.map_image();
        let mut memory = handover.memory.clone();
        memory.remove_pages(image());
        memory.remove_pages(PhysRange::new(PhysAddr::zero(), PhysAddr::new(PAGE_BYTES)));
        for &range in &memory.0 {
            tables.map_directly(range);
        }
        tables
    }

    /// Maps a page of registers permanently.
    pub(super) fn map_device(&mut self, address: PhysAddr) -> VirtAddr {
        let page = self.window_end;
        self.window_end += PAGE_BYTES;
        self.map::<Size4KiB>(page, address.align_down(PAGE_BYTES), DEVICE);
        page + address.as_u64() % PAGE_BYTES
    }

    /// Maps a framebuffer permanently: writes to it are combined.
    pub(super) fn map_framebuffer(&mut self, range: PhysRange) -> VirtAddr {
        let start = self.window_end;
        let mut frame = range.start;
        while frame < range.end {
            frame += self.map::<Size4KiB>(self.window_end, frame, COMBINING);
            self.window_end += PAGE_BYTES;
        }
        start
    }

    /// Replaces the early tables with these.
    pub(super) fn activate(self) {
        set_kernel_root(self.root);
    }

    /// Maps each section of the image with its own rights, without the guard pages of stacks.
    fn map_image(&mut self) {
        unsafe extern "C" {
            static __text_start: u8;
            static __text_end: u8;
            static __rodata_start: u8;
            static __rodata_end: u8;
            static __data_start: u8;
            static __kernel_end: u8;
        }
        let sections = [
            (&raw const __text_start, &raw const __text_end, COMMON),
            (
                &raw const __rodata_start,
                &raw const __rodata_end,
                COMMON | Flags::NO_EXECUTE,
            ),
            (&raw const __data_start, &raw const __kernel_end, DATA),
        ];
        for (start, end, flags) in sections {
            let mut page = VirtAddr::from_ptr(start);
            while page < VirtAddr::from_ptr(end) {
                if !is_guard(page) {
                    let frame = PhysAddr::new(page.as_u64() - KERNEL_BASE);
                    self.map::<Size4KiB>(page, frame, flags);
                }
                page += PAGE_BYTES;
            }
        }
    }

    /// Maps RAM in the direct map, with the largest pages that fit.
    fn map_directly(&mut self, range: PhysRange) {
        let mut frame = range.start;
        while frame < range.end {
            let page = DIRECT_MAP + frame.as_u64();
            let fits = |size: u64| frame.is_aligned(size) && range.end - frame >= size;
            frame += if fits(Size1GiB::SIZE) && cpu::has(Features::PAGES_1G) {
                self.map::<Size1GiB>(page, frame, DATA)
            } else if fits(Size2MiB::SIZE) {
                self.map::<Size2MiB>(page, frame, DATA)
            } else {
                self.map::<Size4KiB>(page, frame, DATA)
            };
        }
    }

    /// Maps one page and returns its size.
    fn map<S>(&mut self, page: VirtAddr, frame: PhysAddr, flags: Flags) -> u64
    where
        S: PageSize,
        OffsetPageTable<'static>: Mapper<S>,
    {
        let (page, frame) = (
            Page::<S>::containing_address(page),
            PhysFrame::containing_address(frame),
        );
        // SAFETY: the tables are not active yet, and each page of the kernel's half is mapped once, to its own frame.
        let mapped = unsafe { self.mapper.map_to(page, frame, flags, &mut self.frames) };
        match mapped {
            Ok(flush) => flush.ignore(),
            Err(MapToError::FrameAllocationFailed) => {
                panic!("no memory for the kernel's page tables")
            }
            Err(_) => panic!("{page:?} is mapped already"),
        }
        S::SIZE
    }
}

fn is_guard(page: VirtAddr) -> bool {
    page == STACK.guard()
        || STACKS_OF_EXCEPTIONS
            .iter()
            .any(|stack| page == stack.guard())
}
