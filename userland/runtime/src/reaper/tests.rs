use core::cell::{Cell, RefCell};
use std::panic::catch_unwind;
use std::vec::Vec;

use abi::{ObjectKind, Request};

use super::*;
use crate::capability::Pool;
use crate::host::{CallResult, DONE, with_kernel};

std::thread_local! {
    /// The reaper's argument, and whether it runs.
    static REAPER: Cell<(u64, bool)> = const { Cell::new((0, false)) };
    static DESTROYED: RefCell<Vec<Slot>> = const { RefCell::new(Vec::new()) };
    /// Slots that the destruction of their objects has emptied.
    static EMPTY: RefCell<Vec<Slot>> = const { RefCell::new(Vec::new()) };
    /// Whether the reaper is stopped in the middle of its next call.
    static IS_INTERRUPTED: Cell<bool> = const { Cell::new(false) };
}

fn kernel(request: &Request) -> CallResult {
    match request {
        Request::ThreadStop(_) => REAPER.set((REAPER.get().0, false)),
        Request::ThreadPrepare(call) => REAPER.set((call.argument, false)),
        Request::ThreadStart(_) => REAPER.set((REAPER.get().0, true)),
        Request::Destroy(_) if IS_INTERRUPTED.take() => std::panic::panic_any("stopped"),
        Request::Destroy(call) => {
            DESTROYED.with_borrow_mut(|slots| slots.push(call.object));
            EMPTY.with_borrow_mut(|slots| slots.push(call.object));
        }
        Request::CapabilityInspect(call) if !is_emptied(call.slot) => {
            return Ok([ObjectKind::Pool as u64, 0, 0, 0, 0, 0, 0, 0]);
        }
        _ => {}
    }
    DONE
}

fn is_emptied(slot: Slot) -> bool {
    EMPTY.with_borrow(|slots| slots.contains(&slot))
}

/// Lets the reaper run until it stops itself, or is stopped; returns the objects that it has destroyed.
fn run_reaper() -> Vec<Slot> {
    let (argument, is_started) = REAPER.get();
    if is_started {
        // SAFETY: The argument is a leaked queue.
        let queue = unsafe { &*(argument as *const Queue) };
        let _ = catch_unwind(|| destroy_all(queue));
    }
    DESTROYED.take()
}

fn reaper() -> Reaper {
    Reaper::new(Cap::from_slot(Slot(1))).expect("a thread")
}

/// A capability in a slot that was free.
fn pool() -> Cap<Pool> {
    let slot = slots::take().expect("a free slot");
    EMPTY.with_borrow_mut(|slots| slots.retain(|emptied| *emptied != slot));
    Cap::from_slot(slot)
}

#[test]
fn objects_are_destroyed_by_the_thread_in_their_order() {
    with_kernel(kernel, || {
        let mut reaper = reaper();
        let pools = [pool(), pool()];
        for pool in pools {
            reaper.add(pool).expect("room");
        }
        assert!(DESTROYED.take().is_empty(), "the first thread did not wait");
        assert_eq!(run_reaper(), pools.map(Cap::slot));
        assert_eq!(run_reaper(), [], "it has nothing to do");
        let later = pool();
        reaper.add(later).expect("room");
        assert_eq!(run_reaper(), [later.slot()]);
    });
}

#[test]
fn the_thread_has_the_lowest_priority() {
    let (_, calls) = with_kernel(kernel, reaper);
    let mut priorities = calls.iter().filter_map(|call| match call {
        Request::ThreadSchedule(call) => Some(call.priority),
        _ => None,
    });
    assert_eq!(priorities.next(), Some(0));
}

#[test]
fn a_destruction_continues_when_the_thread_was_started_again_in_its_middle() {
    with_kernel(kernel, || {
        let mut reaper = reaper();
        let [first, second] = [pool(), pool()];
        reaper.add(first).expect("room");
        IS_INTERRUPTED.set(true);
        assert_eq!(run_reaper(), []);
        reaper.add(second).expect("room");
        assert_eq!(run_reaper(), [first.slot(), second.slot()]);
    });
}

#[test]
fn a_slot_is_free_again_only_when_its_object_is_destroyed() {
    with_kernel(kernel, || {
        let mut reaper = reaper();
        let object = pool();
        reaper.add(object).expect("room");
        assert_eq!(reaper.take_done(), None);
        IS_INTERRUPTED.set(true);
        run_reaper();
        assert_eq!(reaper.take_done(), None);
        run_reaper();
        assert_eq!(reaper.take_done(), Some(object.slot()));
        assert_eq!(reaper.take_done(), None);
    });
}

#[test]
fn a_full_queue_returns_the_capability() {
    with_kernel(kernel, || {
        let mut reaper = reaper();
        (0..QUEUE_MAX).for_each(|_| reaper.add(pool()).expect("room"));
        let excess = pool();
        assert_eq!(reaper.add(excess), Err(excess));
        assert_eq!(run_reaper().len(), QUEUE_MAX);
        assert_eq!(reaper.add(excess), Ok(()));
        assert_eq!(run_reaper(), [excess.slot()]);
    });
}

#[test]
fn objects_that_are_destroyed_otherwise_take_no_places_though_the_thread_does_not_run() {
    with_kernel(kernel, || {
        let mut reaper = reaper();
        let mut pools = Vec::from_iter(core::iter::repeat_with(pool).take(QUEUE_MAX));
        for pool in &pools {
            reaper.add(*pool).expect("room");
        }
        for gone in pools.drain(..2) {
            EMPTY.with_borrow_mut(|slots| slots.push(gone.slot()));
        }
        for _ in 0..2 {
            let later = pool();
            reaper.add(later).expect("room");
            pools.push(later);
        }
        let excess = pool();
        assert_eq!(reaper.add(excess), Err(excess));
        let expected: Vec<_> = pools.into_iter().map(Cap::slot).collect();
        assert_eq!(run_reaper(), expected);
    });
}

#[test]
fn a_thread_whose_priority_cannot_be_set_is_destroyed() {
    let refuses = |request: &Request| match request {
        Request::ThreadSchedule(_) => Err(Error::MissingRight),
        _ => kernel(request),
    };
    with_kernel(refuses, || {
        let refused = Reaper::new(Cap::from_slot(Slot(1)));
        assert_eq!(refused.map(drop), Err(Error::MissingRight));
        assert_eq!(DESTROYED.take().len(), 1);
    });
}
