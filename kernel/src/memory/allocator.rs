//! The allocator of free frames: [`FrameAllocator`].
//!
//! One bit per frame is set while the frame is free ([`BitTree`]), so contiguous free frames are found again in whatever order
//! they were released. Single frames are taken from the highest address down and runs from the lowest up: memory below 4 GiB,
//! which some devices need, is used last for anything else.
//!
//! Frames are *numbered* without the gaps between the machine's ranges of memory. Within a range numbers ascend with addresses,
//! and a frame's number has the alignment of its address, up to [`ALIGNMENT_MAX`].

use core::cell::Cell;

use heapless::Vec;

use super::bit_tree::BitTree;
use super::{FRAME_BYTES, Frame, OwnedFrame, OwnedRun};
use crate::arch::{self, PhysAddr, PhysRange, RANGES_MAX};

/// The largest alignment of a run, in frames: 2 MiB.
pub const ALIGNMENT_MAX: u64 = 512;

/// The maximum number of places that one step of a search examines.
const PLACES_PER_STEP: usize = 32;

/// The maximum number of places that a step passes when it finds a run: a step that passes more leaves the run to the next one,
/// since callers follow a successful search with long work of their own.
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
    /// There is none below this address; the search continues there.
    Unfinished(u64),
}

impl FrameAllocator {
    /// An allocator of all frames of these ranges, which ascend and are disjoint, except those for its own bits.
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

    /// Searches for contiguous frames, from the lowest address up, and allocates them. A step examines a bounded number of places.
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
        // As close to the numbers before as the alignment permits.
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
    // SAFETY: the frames are RAM in the direct map, no pool gets them, and they were cut off from their region, so this slice
    // is the only way to them, for good. Any bytes are valid words.
    unsafe { core::slice::from_raw_parts(pointer, count as usize) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::fake;

    const ANYWHERE: RunRequest = RunRequest {
        count: 1,
        alignment: 1,
        from: 0,
        below: u64::MAX,
    };
    const FOUR_GIB: u64 = 4 << 30;

    fn allocator() -> FrameAllocator {
        fake::Machine::new(2);
        FrameAllocator::new(&fake::boot_information().memory)
    }

    /// An allocator for ranges that need not exist: only numbers are used.
    fn imagined(ranges: &[(u64, u64)]) -> FrameAllocator {
        let range =
            |(start, end): &(u64, u64)| PhysRange::new(PhysAddr::new(*start), PhysAddr::new(*end));
        let ranges: std::vec::Vec<PhysRange> = ranges.iter().map(range).collect();
        let regions = regions_of(&ranges);
        let limit = number_limit(&regions);
        let count = BitTree::word_count(limit) as usize;
        let words = Box::leak(std::vec![Cell::new(7); count].into_boxed_slice());
        FrameAllocator::with_words(regions, words, limit)
    }

    /// Completes a search; returns its result and the number of steps.
    fn search(allocator: &FrameAllocator, request: RunRequest) -> (Option<OwnedRun>, usize) {
        let mut request = request;
        for steps in 1.. {
            match allocator.allocate_run(request) {
                RunSearch::Found(run) => return (Some(run), steps),
                RunSearch::Absent => return (None, steps),
                RunSearch::Unfinished(from) => {
                    assert!(from > request.from, "a step makes progress");
                    request.from = from;
                }
            }
        }
        unreachable!("the loop has no end")
    }

    fn all(allocator: &FrameAllocator) -> std::vec::Vec<OwnedFrame> {
        std::iter::from_fn(|| allocator.allocate()).collect()
    }

    #[test]
    fn allocates_every_frame_once_and_again_after_release() {
        let allocator = allocator();
        let count = allocator.free();
        // The machine's second MiB, except the allocator's own frame.
        assert_eq!(count, 255);
        let mut taken = all(&allocator);
        assert_eq!((taken.len() as u64, allocator.free()), (count, 0));
        taken.sort_by_key(OwnedFrame::address);
        assert!(taken.windows(2).all(|pair| pair[0] != pair[1]));
        taken.into_iter().for_each(|frame| allocator.release(frame));
        assert_eq!(allocator.free(), count);
        assert_eq!(all(&allocator).len() as u64, count);
    }

    #[test]
    #[should_panic(expected = "released twice")]
    fn a_frame_is_not_released_twice() {
        let allocator = allocator();
        let frame = allocator.allocate().expect("a frame");
        let again = OwnedFrame::new(frame.view());
        allocator.release(frame);
        allocator.release(again);
    }

    #[test]
    fn single_frames_use_memory_below_4_gib_last() {
        let ranges = [(1 << 20, 16 << 20), (FOUR_GIB, FOUR_GIB + (4 << 20))];
        let allocator = imagined(&ranges);
        let taken = all(&allocator);
        let is_high = |frame: &OwnedFrame| frame.address().as_u64() >= FOUR_GIB;
        assert_eq!(taken.iter().filter(|frame| is_high(frame)).count(), 1024);
        assert!(taken[..1024].iter().all(is_high));
    }

    #[test]
    fn runs_lie_where_requested() {
        let ranges = [
            (0x5000, 0x9f000),
            (1 << 20, 8 << 20),
            (FOUR_GIB, FOUR_GIB + (8 << 20)),
        ];
        for alignment in [1, 2, 64, 512] {
            for (from, below) in [
                (0, FOUR_GIB),
                (0, 6 << 20),
                (3 << 20, u64::MAX),
                (FOUR_GIB, u64::MAX),
            ] {
                let allocator = imagined(&ranges);
                let count = 300;
                let request = RunRequest {
                    count,
                    alignment,
                    from,
                    below,
                };
                while let (Some(run), _) = search(&allocator, request) {
                    let address = run.address().as_u64();
                    let end = address + count * FRAME_BYTES;
                    assert!(address >= from && end <= below, "{request:?}: {address:#x}");
                    assert!(address.is_multiple_of(alignment * FRAME_BYTES));
                    assert!(
                        ranges
                            .iter()
                            .any(|(start, stop)| *start <= address && end <= *stop)
                    );
                    assert_eq!(run.count() as u64, count);
                }
                assert!(allocator.free() > 0);
            }
        }
        let allocator = imagined(&ranges);
        for (count, from, below) in [
            (1, 0, 0x5fff),
            (1, 0x9f000, 1 << 20),
            (1, FOUR_GIB + (8 << 20), u64::MAX),
            (0x9b, 0, 1 << 20),
        ] {
            let request = RunRequest {
                count,
                from,
                below,
                ..ANYWHERE
            };
            assert_eq!(search(&allocator, request).0, None, "{request:?}");
        }
    }

    #[test]
    fn a_run_is_found_again_after_every_frame_was_allocated() {
        let allocator = imagined(&[(1 << 20, 64 << 20)]);
        let count = allocator.free();
        let request = RunRequest {
            count: 512,
            ..ANYWHERE
        };
        let (run, _) = search(&allocator, request);
        let run: std::vec::Vec<OwnedFrame> = run.expect("all is free").collect();
        let singles = all(&allocator);
        assert_eq!(search(&allocator, ANYWHERE).0, None);
        // Released out of order.
        let (odd, even): (std::vec::Vec<_>, std::vec::Vec<_>) = run
            .into_iter()
            .partition(|frame| frame.address().as_u64() / FRAME_BYTES % 2 == 1);
        odd.into_iter().for_each(|frame| allocator.release(frame));
        assert_eq!(search(&allocator, request).0, None);
        even.into_iter().for_each(|frame| allocator.release(frame));
        assert!(search(&allocator, request).0.is_some());
        singles
            .into_iter()
            .for_each(|frame| allocator.release(frame));
        assert_eq!(allocator.free(), count - 512);
    }

    #[test]
    fn a_long_search_takes_bounded_steps() {
        // Every second frame of 64 MiB is taken, except the last two.
        let allocator = imagined(&[(0, 64 << 20)]);
        let taken = all(&allocator);
        let count = taken.len() as u64;
        for frame in taken {
            let at = frame.address().as_u64() / FRAME_BYTES;
            if at.is_multiple_of(2) || at == count - 1 {
                allocator.release(frame);
            }
        }
        let request = RunRequest {
            count: 2,
            ..ANYWHERE
        };
        let (run, steps) = search(&allocator, request);
        assert_eq!(
            run.map(|run| run.address().as_u64()),
            Some((count - 2) * FRAME_BYTES)
        );
        // The last step passes so many places that it leaves the run it finds to another step.
        assert_eq!(steps, (count as usize / 2 - 1) / PLACES_PER_STEP + 2);
    }

    #[test]
    fn a_machine_of_64_gib_has_room_for_the_bits_of_its_frames() {
        let ranges = [(1 << 20, 3 << 30), (FOUR_GIB, 65 << 30)];
        let regions = regions_of(
            &ranges.map(|(start, end)| PhysRange::new(PhysAddr::new(start), PhysAddr::new(end))),
        );
        let limit = number_limit(&regions);
        let frames: u64 = regions.iter().map(|region| region.end - region.start).sum();
        // The gap between the ranges costs no bits.
        assert!(limit - frames < 2 * ALIGNMENT_MAX);
        assert!(BitTree::word_count(limit) * 8 < (2 << 20) + (1 << 16));
    }
}
