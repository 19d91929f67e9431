use core::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::vec::Vec;

use abi::calls::Destroy;
use abi::register::Slot;
use abi::{Error, Request};
use runtime::host::{CallResult, DONE, with_kernel};

use super::*;

const DOMAIN: Cap<Domain> = Cap::from_slot(Slot(1));
/// The slots of root's own capabilities, which are never free for others.
const POOLS: [Slot; 2] = [Slot(abi::SLOTS_MAX), Slot(abi::SLOTS_MAX + 1)];
const PAGES: u64 = 1_000;

thread_local! {
    /// The slots that hold capabilities, and which of the pools each of them is for.
    static HELD: RefCell<BTreeMap<Slot, usize>> = const { RefCell::new(BTreeMap::new()) };
}

/// A kernel with both pools, whose capabilities it follows. Its threads do not run.
fn kernel(request: &Request) -> CallResult {
    HELD.with_borrow_mut(|held| match request {
        Request::PoolReport(call) if held.contains_key(&call.pool) => {
            Ok([PAGES, 0, 0, 0, 0, 0, 0, 0])
        }
        Request::PoolReport(_) => Err(Error::EmptySlot),
        Request::CapabilityMint(call) => {
            let pool = *held.get(&call.from).ok_or(Error::EmptySlot)?;
            assert_eq!(held.insert(call.to, pool), None, "a slot in use");
            DONE
        }
        Request::CapabilityInspect(call) if held.contains_key(&call.slot) => {
            Ok([abi::ObjectKind::Pool as u64, 0, 0, 0, 0, 0, 0, 0])
        }
        Request::CapabilityDelete(call) => {
            held.remove(&call.slot).ok_or(Error::EmptySlot)?;
            DONE
        }
        Request::Destroy(Destroy { object }) => {
            let destroyed = *held.get(object).ok_or(Error::EmptySlot)?;
            held.retain(|_, pool| *pool != destroyed);
            DONE
        }
        _ => DONE,
    })
}

/// Has the thread destroy a pool, up to the step in which its own capability and the memory go.
fn almost_destroy(index: usize) {
    HELD.with_borrow_mut(|held| held.remove(&POOLS[index]));
}

/// Has the thread destroy a pool.
fn destroy(index: usize) {
    HELD.with_borrow_mut(|held| held.retain(|_, pool| *pool != index));
}

/// The pools that exist.
fn existing() -> BTreeSet<usize> {
    HELD.with_borrow(|held| held.values().copied().collect())
}

fn pools() -> [Handle<Pool>; 2] {
    HELD.set(POOLS.into_iter().zip(0..).collect());
    POOLS.map(|slot| Handle::new(Cap::from_slot(slot)))
}

fn with_thread() -> Destruction {
    Destruction::new(DOMAIN)
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
    with_kernel(kernel, || {
        let mut destruction = with_thread();
        for pool in pools() {
            destruction.add(pool);
        }
        assert!(destruction.finish_oldest());
        assert_eq!((destruction.pages(), existing()), (PAGES, [1].into()));
        assert!(destruction.finish_oldest());
        assert_eq!((destruction.pages(), existing()), (0, [].into()));
        assert!(!destruction.finish_oldest());
    });
}

#[test]
fn memory_that_the_thread_has_destroyed_is_not_counted() {
    let ((), calls) = with_kernel(kernel, || {
        let mut destruction = with_thread();
        for pool in pools() {
            destruction.add(pool);
        }
        destroy(0);
        assert_eq!(destruction.pages(), PAGES);
        assert!(destruction.finish_oldest());
        assert!(!destruction.finish_oldest());
    });
    assert_eq!(destroyed(&calls).len(), 1);
}

/// The thread was interrupted between the last two steps of its call.
#[test]
fn a_pool_to_which_root_has_no_capability_any_more_is_counted_and_finished() {
    with_kernel(kernel, || {
        let mut destruction = with_thread();
        for pool in pools() {
            destruction.add(pool);
        }
        almost_destroy(0);
        assert_eq!(destruction.pages(), 2 * PAGES);
        assert!(destruction.finish_oldest());
        assert_eq!((destruction.pages(), existing()), (PAGES, [1].into()));
    });
}

/// The thread stands in the middle of its call, which it repeats.
#[test]
fn the_slot_of_a_pool_that_root_has_finished_stays_the_threads() {
    with_kernel(kernel, || {
        let mut destruction = with_thread();
        let [first, second] = pools();
        destruction.add(first);
        let thread_slot = destruction.pools[0].capability.slot();
        assert!(destruction.finish_oldest());
        let next = runtime::slots::take().expect("a free slot");
        assert_ne!(next, thread_slot);
        destruction.add(second);
        let _stale = runtime::slots::take().expect("a free slot");
        assert_eq!(destruction.pages(), PAGES);
    });
}

#[test]
fn without_a_thread_pools_are_destroyed_at_once() {
    let no_thread = |request: &Request| match request {
        Request::ThreadCreate(_) => Err(Error::PoolEmpty),
        _ => kernel(request),
    };
    let ((), calls) = with_kernel(no_thread, || {
        let mut destruction = with_thread();
        for pool in pools() {
            destruction.add(pool);
        }
        assert_eq!(destruction.pages(), 0);
    });
    assert_eq!(destroyed(&calls), POOLS);
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
