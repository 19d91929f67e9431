//! The frames that no pool has: [`FrameAllocator`].
//!
//! No table is touched per frame at boot: frames that were never used are taken from the front of their region,
//! contiguous runs from its back; frames that came back are linked through their own first word.

use core::cell::Cell;

use super::{FRAME_BYTES, Frame, OwnedFrame, OwnedRun};
use crate::arch::{self, PhysAddr, PhysRange, RANGES_MAX};

/// End of the list of frames that came back.
const NONE: u64 = u64::MAX;

/// Frames without an owner.
#[derive(Debug)]
pub struct FrameAllocator {
    fresh: [Cell<PhysRange>; RANGES_MAX],
    current: Cell<usize>,
    returned: Cell<u64>,
    free: Cell<u64>,
}

impl FrameAllocator {
    /// All frames of these ranges.
    pub fn new(ranges: &[PhysRange]) -> FrameAllocator {
        let fresh = [const { Cell::new(PhysRange::EMPTY) }; RANGES_MAX];
        let mut free = 0;
        for (cell, range) in fresh.iter().zip(ranges) {
            let whole = PhysRange::new(
                range.start.align_up(FRAME_BYTES),
                range.end.align_down(FRAME_BYTES),
            );
            free += whole.byte_count() / FRAME_BYTES;
            cell.set(whole);
        }
        FrameAllocator {
            fresh,
            current: Cell::new(0),
            returned: Cell::new(NONE),
            free: Cell::new(free),
        }
    }

    /// How many frames there are to give.
    pub fn free(&self) -> u64 {
        self.free.get()
    }

    /// Takes a frame; its content is arbitrary. `None` when there is none.
    pub fn allocate(&self) -> Option<OwnedFrame> {
        let frame = self.take_returned().or_else(|| self.take_fresh())?;
        self.free.set(self.free.get() - 1);
        Some(OwnedFrame::new(frame))
    }

    /// Takes `count` frames in a row that were never used before; `None` when no region has so many left.
    pub fn allocate_contiguous(&self, count: u64) -> Option<OwnedRun> {
        let bytes = count.checked_mul(FRAME_BYTES).filter(|bytes| *bytes != 0)?;
        let region = self
            .fresh
            .iter()
            .find(|region| region.get().byte_count() >= bytes)?;
        let PhysRange { start, end } = region.get();
        let first = end - bytes;
        region.set(PhysRange::new(start, first));
        self.free.set(self.free.get() - count);
        Some(OwnedRun::new(Frame::containing(first), count))
    }

    /// Gives a frame back.
    pub fn release(&self, frame: OwnedFrame) {
        arch::frame_released(frame.address());
        frame.view().write_word(0, self.returned.get());
        self.returned.set(frame.address().as_u64());
        self.free.set(self.free.get() + 1);
    }

    fn take_returned(&self) -> Option<Frame> {
        let address = self.returned.get();
        if address == NONE {
            return None;
        }
        let frame = Frame::containing(PhysAddr::new(address));
        self.returned.set(frame.read_word(0));
        Some(frame)
    }

    fn take_fresh(&self) -> Option<Frame> {
        while let Some(region) = self.fresh.get(self.current.get()) {
            let PhysRange { start, end } = region.get();
            if start < end {
                region.set(PhysRange::new(start + FRAME_BYTES, end));
                return Some(Frame::containing(start));
            }
            self.current.set(self.current.get() + 1);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::fake;

    fn allocator() -> FrameAllocator {
        fake::Machine::new(2);
        FrameAllocator::new(&fake::boot_information().memory)
    }

    #[test]
    fn gives_every_frame_once_and_takes_them_back() {
        let allocator = allocator();
        let all = allocator.free();
        let mut taken: Vec<OwnedFrame> = std::iter::from_fn(|| allocator.allocate()).collect();
        assert_eq!((taken.len() as u64, allocator.free()), (all, 0));
        taken.sort_by_key(|frame| frame.address());
        taken.dedup();
        assert_eq!(taken.len() as u64, all);
        taken.into_iter().for_each(|frame| allocator.release(frame));
        assert_eq!(allocator.free(), all);
        assert_eq!(
            std::iter::from_fn(|| allocator.allocate()).count() as u64,
            all
        );
    }

    #[test]
    fn contiguous_runs_and_single_frames_do_not_overlap() {
        let allocator = allocator();
        let run = allocator.allocate_contiguous(16).expect("a fresh run");
        let singles: Vec<OwnedFrame> = std::iter::from_fn(|| allocator.allocate()).collect();
        assert_eq!(run.count(), 16);
        for frame in allocator.allocate_contiguous(16).into_iter().flatten() {
            assert!(!singles.contains(&frame));
        }
        assert_eq!(allocator.allocate_contiguous(1), None);
    }
}
