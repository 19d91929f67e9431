use core::cell::Cell;
use std::vec::Vec;

use abi::Request;
use abi::calls::Destroy;
use abi::register::Slot;
use runtime::host::{CallResult, DONE, with_kernel};

use super::*;

const DOMAIN: Cap<Domain> = Cap::from_slot(Slot(1));
const POOLS: [Slot; 2] = [Slot(20), Slot(21)];
const PAGES: u64 = 1_000;

thread_local! {
    /// Whether the pools are destroyed.
    static IS_GONE: Cell<[bool; 2]> = const { Cell::new([false; 2]) };
}

/// A kernel with both pools. Its threads do not run.
fn kernel(request: &Request) -> CallResult {
    let pool = |slot: Slot| POOLS.iter().position(|pool| *pool == slot);
    let is_gone = |slot| pool(slot).is_some_and(|index| IS_GONE.get()[index]);
    match request {
        Request::PoolReport(call) if is_gone(call.pool) => Err(Error::EmptySlot),
        Request::PoolReport(_) => Ok([PAGES, 0, 0, 0, 0, 0, 0, 0]),
        Request::CapabilityInspect(call) if is_gone(call.slot) => DONE,
        Request::CapabilityInspect(_) => Ok([abi::ObjectKind::Pool as u64, 0, 0, 0, 0, 0, 0, 0]),
        _ => DONE,
    }
}

fn pools() -> [Handle<Pool>; 2] {
    POOLS.map(|slot| Handle::new(Cap::from_slot(slot)))
}

fn with_thread() -> Destruction {
    Destruction::with_thread(DOMAIN).expect("a thread")
}

/// The objects that root itself destroys.
fn destroyed(calls: &[Request]) -> Vec<Slot> {
    let objects = calls.iter().filter_map(|call| match call {
        Request::Destroy(Destroy { object }) => Some(*object),
        _ => None,
    });
    objects.collect()
}

#[test]
fn root_does_not_wait_for_the_thread() {
    let ((), calls) = with_kernel(kernel, || {
        let mut destruction = with_thread();
        for pool in pools() {
            destruction.add(pool);
        }
        assert_eq!(destruction.pages(), 2 * PAGES);
        core::mem::forget(destruction);
    });
    assert_eq!(destroyed(&calls), []);
    let starts = calls.iter();
    let starts = starts.filter(|call| matches!(call, Request::ThreadStart(_)));
    assert_eq!(starts.count(), 2);
}

#[test]
fn the_thread_gets_a_capability_of_its_own_that_permits_only_to_destroy_the_pool() {
    let ((), calls) = with_kernel(kernel, || {
        let mut destruction = with_thread();
        for pool in pools() {
            destruction.add(pool);
        }
        core::mem::forget(destruction);
    });
    let mints = calls.iter().filter_map(|call| match call {
        Request::CapabilityMint(call) => Some((call.from, call.rights)),
        _ => None,
    });
    assert!(mints.eq(POOLS.map(|pool| (pool, PoolRights::DESTROY.into()))));
}

#[test]
fn root_finishes_the_oldest_itself_if_the_memory_is_needed() {
    let ((), calls) = with_kernel(kernel, || {
        let mut destruction = with_thread();
        for pool in pools() {
            destruction.add(pool);
        }
        assert!(destruction.finish_oldest());
        assert_eq!(destruction.pages(), PAGES);
        assert!(destruction.finish_oldest());
        assert!(!destruction.finish_oldest());
    });
    assert_eq!(destroyed(&calls), POOLS);
}

#[test]
fn memory_that_the_thread_has_destroyed_is_not_counted() {
    let ((), calls) = with_kernel(kernel, || {
        let mut destruction = with_thread();
        for pool in pools() {
            destruction.add(pool);
        }
        IS_GONE.set([true, false]);
        assert_eq!(destruction.pages(), PAGES);
        assert!(destruction.finish_oldest());
        assert!(!destruction.finish_oldest());
    });
    assert_eq!(destroyed(&calls), [POOLS[1]]);
}

#[test]
fn pools_are_destroyed_at_once_if_the_thread_cannot_have_them() {
    let no_capability = |request: &Request| match request {
        Request::CapabilityMint(_) => Err(Error::TableFull),
        _ => kernel(request),
    };
    let ((), calls) = with_kernel(no_capability, || {
        let mut destruction = with_thread();
        for pool in pools() {
            destruction.add(pool);
        }
        assert_eq!(destruction.pages(), 0);
    });
    assert_eq!(destroyed(&calls), POOLS);
}
