//! The allocator of free frames: [`FrameAllocator`].
//!
//! There is a bit for each frame, which is set while the frame is free ([`BitTree`]). So contiguous free frames are found,
//! whatever the order in which they were released. Single frames are taken from the highest address down, and runs from the
//! lowest up. So single frames use the memory below 4 GiB, which some devices need, only when no other is left.
//!
//! Frames have *numbers*, which skip the gaps between the machine's ranges of memory. Within a range, numbers ascend with
//! addresses, and a frame's number has the alignment of its address, up to [`ALIGNMENT_MAX`].

use core::cell::Cell;

use heapless::Vec;

use super::bit_tree::BitTree;
use super::{FRAME_BYTES, Frame, OwnedFrame, OwnedRun};
use crate::arch::{self, PhysAddr, PhysRange, RANGES_MAX};

/// The largest alignment of a run, in frames: 2 MiB.
pub const ALIGNMENT_MAX: u64 = 512;

/// The maximum number of positions that one step of a search examines.
const PLACES_PER_STEP: usize = 32;

/// The maximum number of positions that a step may have examined before it allocates a run. A step that has examined more
/// leaves the run to the next step, since a successful search is followed by long work in the caller.
const PLACES_BEFORE_FOUND: usize = 4;

/// The free frames of the machine.
#[derive(Debug)]
pub struct FrameAllocator {
    regions: Vec<Region, RANGES_MAX>,
    numbers: BitTree,
    free: Cell<u64>,
}

/// Contiguous frames, free or not. All positions here are in frames, counted from address 0.
#[derive(Clone, Copy, Debug)]
struct Region {
    start: u64,
    end: u64,
    /// Subtracted from a frame's position to get its number: a multiple of [`ALIGNMENT_MAX`].
    shift: u64,
}

/// A request for a run of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunRequest {
    /// The number of frames, at least one.
    pub count: u64,
    /// The alignment of its address, in frames: a power of two, at most [`ALIGNMENT_MAX`].
    pub alignment: u64,
    /// The lowest address.
    pub from: u64,
    /// The limit for its end address.
    pub below: u64,
}

/// The result of a step of a search for a run.
#[derive(Debug, PartialEq, Eq)]
pub enum RunSearch {
    /// The run, allocated.
    Found(OwnedRun),
    /// No such run exists.
    Absent,
    /// No such run begins below this address, where the search continues.
    Unfinished(u64),
}

impl FrameAllocator {
    /// An allocator of all frames in these ranges, except those that hold its own bits. The ranges ascend and are disjoint.
    ///
    /// # Panics
    /// If no range has room for the bits.
    pub fn new(ranges: &[PhysRange]) -> FrameAllocator {
        let mut regions = regions_of(ranges);
        let limit = number_limit(&regions);
        let frames = (BitTree::word_count(limit) * 8).div_ceil(FRAME_BYTES);
        let home = regions
            .iter_mut()
            .rfind(|region| region.end - region.start >= frames)
            .expect("a machine has memory");
        home.end -= frames;
        let words = words_at(home.end, frames);
        FrameAllocator::with_words(regions, words, limit)
    }

    fn with_words(
        regions: Vec<Region, RANGES_MAX>,
        words: &'static [Cell<u64>],
        limit: u64,
    ) -> FrameAllocator {
        let numbers = BitTree::new(words, limit);
        let mut free = 0;
        for region in &regions {
            numbers.insert_range(region.start - region.shift, region.end - region.shift);
            free += region.end - region.start;
        }
        FrameAllocator {
            regions,
            numbers,
            free: Cell::new(free),
        }
    }

    /// The number of free frames.
    pub fn free(&self) -> u64 {
        self.free.get()
    }

    /// Allocates a frame with arbitrary content; `None` when there is none.
    pub fn allocate(&self) -> Option<OwnedFrame> {
        let number = self.numbers.last()?;
        self.numbers.remove(number);
        self.free.set(self.free.get() - 1);
        let index = self
            .regions
            .partition_point(|region| region.start - region.shift <= number);
        Some(OwnedFrame::new(frame_at(
            number + self.regions[index - 1].shift,
        )))
    }

    /// Searches for contiguous frames from the lowest address up, and allocates them. A step examines a bounded number of positions.
    pub fn allocate_run(&self, request: RunRequest) -> RunSearch {
        let mut passed = 0;
        for region in &self.regions {
            let end = region.end.min(request.below / FRAME_BYTES);
            let mut from = region.start.max(request.from.div_ceil(FRAME_BYTES));
            while let Some(first) = self.next_free(region, from) {
                let first = first.next_multiple_of(request.alignment);
                if first + request.count > end {
                    break;
                }
                if passed == PLACES_PER_STEP {
                    return RunSearch::Unfinished(first * FRAME_BYTES);
                }
                let number = first - region.shift;
                match self.numbers.next_absent(number, number + request.count) {
                    Some(taken) => from = taken + region.shift + 1,
                    None if passed > PLACES_BEFORE_FOUND => {
                        return RunSearch::Unfinished(first * FRAME_BYTES);
                    }
                    None => return RunSearch::Found(self.take_run(first, number, request.count)),
                }
                passed += 1;
            }
        }
        RunSearch::Absent
    }

    /// Frees a frame.
    ///
    /// # Panics
    /// If it is free already.
    pub fn release(&self, frame: OwnedFrame) {
        arch::frame_released(frame.address());
        let at = frame.address().as_u64() / FRAME_BYTES;
        let index = self.regions.partition_point(|region| region.start <= at);
        let is_new = self.numbers.insert(at - self.regions[index - 1].shift);
        assert!(is_new, "{frame:?} is released twice");
        self.free.set(self.free.get() + 1);
    }

    fn next_free(&self, region: &Region, from: u64) -> Option<u64> {
        if from >= region.end {
            return None;
        }
        let number = self.numbers.next(from - region.shift)?;
        Some(number + region.shift).filter(|frame| *frame < region.end)
    }

    fn take_run(&self, first: u64, number: u64, count: u64) -> OwnedRun {
        self.numbers.remove_range(number, number + count);
        self.free.set(self.free.get() - count);
        OwnedRun::new(frame_at(first), count)
    }
}

/// The whole frames of the ranges, numbered.
fn regions_of(ranges: &[PhysRange]) -> Vec<Region, RANGES_MAX> {
    let mut regions = Vec::<Region, RANGES_MAX>::new();
    for range in ranges {
        let start = range.start.as_u64().div_ceil(FRAME_BYTES);
        let end = range.end.as_u64() / FRAME_BYTES;
        if start >= end {
            continue;
        }
        // The first number follows the previous region's last as closely as the alignment permits.
        let gap = start - number_limit(&regions);
        let shift = gap - gap % ALIGNMENT_MAX;
        regions
            .push(Region { start, end, shift })
            .expect("there are as many regions as ranges");
    }
    regions
}

/// One past the last number.
fn number_limit(regions: &[Region]) -> u64 {
    regions.last().map_or(0, |last| last.end - last.shift)
}

fn frame_at(frame: u64) -> Frame {
    Frame::containing(PhysAddr::new(frame * FRAME_BYTES))
}

/// The words in a run of frames that hold the allocator's bits.
fn words_at(first: u64, frames: u64) -> &'static [Cell<u64>] {
    let pointer = frame_at(first).pointer().cast::<Cell<u64>>();
    let count = frames * FRAME_BYTES / 8;
    // SAFETY: the frames are RAM in the direct map. They were cut off from their region, so no pool ever gets them, and only
    // this slice refers to them. Any bytes are valid words.
    unsafe { core::slice::from_raw_parts(pointer, count as usize) }
}

#[cfg(test)]
mod tests;
