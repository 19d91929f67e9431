//! Allocation of single frames and of runs, and the steps of a search.

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
    // The last step of the search uses up its budget before it takes the run, so that the run is taken in one more step.
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
