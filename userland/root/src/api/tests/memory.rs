//! The memory that domains have left, when others need it.

use alloc::format;
use core::cell::Cell;

use abi::register::PageCount;
use runtime::protocol::root::Binding;

use super::root::release;
use super::*;
use crate::api::root;
use crate::{clock, names};

/// The pages of the machine, and those of the pool that a domain has left.
const MACHINE_PAGES: u64 = 10_000;
const LEFT_PAGES: u64 = 1_000;

thread_local! {
    /// The free pages of the machine.
    static FREE_PAGES: Cell<u64> = const { Cell::new(0) };
}

/// A kernel that has retired all domains, and accounts for the machine's memory.
fn full(request: &Request) -> host::CallResult {
    let free = FREE_PAGES.get();
    match request {
        Request::Destroy(call) if call.object == POOL => FREE_PAGES.set(free + LEFT_PAGES),
        Request::PoolSplit(call) if call.pages.0 > free => return Err(abi::Error::PoolEmpty),
        Request::PoolSplit(call) => FREE_PAGES.set(free - call.pages.0),
        Request::MemoryPopulate(call) if call.page_count.0 > free => {
            return Err(abi::Error::PoolEmpty);
        }
        Request::MemoryPopulate(call) => FREE_PAGES.set(free - call.page_count.0),
        Request::PoolReport(call) if call.pool == POOL => {
            return Ok([LEFT_PAGES, 0, 0, 0, 0, 0, 0, 0]);
        }
        Request::PoolReport(_) => {
            return Ok([MACHINE_PAGES, MACHINE_PAGES - free, 0, 0, 0, 0, 0, 0]);
        }
        _ => {}
    }
    retired(request)
}

/// The other domain, which arrives.
const OTHER: DomainId = DomainId(99);

/// A domain leaves its memory on a machine with so many free pages. Then other domains, with these ids and sizes, are to arrive. Returns
/// which of them are admitted, and whether the memory that was left was destroyed.
fn admit_after_departure(free: u64, others: &[(DomainId, u64)]) -> (Vec<bool>, bool) {
    FREE_PAGES.set(free);
    let (admitted, calls) = with_kernel(full, || {
        let mut root = root(DomainState::Exported, 1);
        call(&mut root, release());
        let admit = |(index, (id, pages)): (usize, &(DomainId, u64))| {
            let name = Name::try_new(&format!("other-{index}")).expect("a name");
            let size = (PageCount(*pages), true);
            root::incoming::admit(&mut root, name, *id, size, None).is_ok()
        };
        others.iter().enumerate().map(admit).collect()
    });
    (admitted, is_destroyed(&calls, POOL))
}

#[test]
fn memory_that_was_left_is_destroyed_if_another_domain_needs_it() {
    let other = OTHER;
    assert_eq!(admit_after_departure(4, &[(other, 8)]), (vec![true], true));
    // The ring of the domain's port would not fit.
    assert_eq!(
        admit_after_departure(100, &[(other, 8)]),
        (vec![true], true)
    );
    assert_eq!(
        admit_after_departure(900, &[(other, 8)]),
        (vec![true], false)
    );
}

#[test]
fn memory_that_was_left_is_not_destroyed_for_a_domain_that_does_not_fit_even_so() {
    let huge = (OTHER, 4 + LEFT_PAGES + 1);
    assert_eq!(admit_after_departure(4, &[huge]), (vec![false], false));
}

/// A domain leaves its memory on a machine, and another one is arriving, for which the machine has this many free pages left. Returns whether
/// the object is bound, and whether the memory that was left was destroyed.
fn bind_after_departure(free: u64, object: &str, port: Option<PortAddress>) -> (bool, bool) {
    let (is_bound, calls) = with_kernel(full, || {
        let mut root = root(DomainState::Exported, 1);
        call(&mut root, release());
        let other = Name::try_new("other").expect("a name");
        root.domains.add(other, OTHER).state = DomainState::Incoming;
        FREE_PAGES.set(free);
        let binding = Binding {
            name: Name::try_new(object).expect("a name"),
            port: port.map(|address| address.state()),
        };
        root::bindings::bind(&mut root, other, binding).is_ok()
    });
    (is_bound, is_destroyed(&calls, POOL))
}

/// Several domains may have arrived since pages were kept free for this one.
#[test]
fn memory_that_was_left_is_destroyed_if_a_ring_or_a_clock_page_needs_it() {
    let port = Some(address(1, 1));
    assert_eq!(bind_after_departure(128, names::RING, port), (true, true));
    assert_eq!(bind_after_departure(129, names::RING, port), (true, false));
    assert_eq!(bind_after_departure(0, clock::NAME, None), (true, true));
    assert_eq!(bind_after_departure(1, clock::NAME, None), (true, false));
}
