//! The arrival of a domain of which a copy was kept, and the logs for its return, with a kernel that performs every call.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};

use abi::Request;
use abi::calls::PageSet;
use abi::register::{ObjectId, Slot};
use identity::{DomainId, Incarnation};
use nomad_image::{Announcement, Chunk, Event, MemoryKey, PageChange, PageMap};
use runtime::host::{CallResult, with_kernel};
use runtime::{Cap, Error};

use super::*;
use crate::kept::{KeptMemories, KeptMemory};
use crate::owned::Owned;
use crate::restore::incoming::tests::{ENDED, KEPT, admitted, count, described, left_over};
use crate::samples::kernel;

#[test]
fn the_writes_to_its_memories_are_logged_from_the_end_of_the_round_in_which_it_is_built() {
    let (logs, calls) = with_kernel(kernel, || {
        let mut incoming = described();
        incoming.end_round().expect("builds");
        incoming.end_round().expect("is built already");
        [incoming.take_logs(), incoming.take_logs()].map(|logs| logs.map_or(0, |logs| logs.len()))
    });
    assert_eq!(logs, [1, 0], "one Memory has ended");
    let count = |is_it: fn(&Request) -> bool| calls.iter().filter(|call| is_it(call)).count();
    assert_eq!(count(|call| matches!(call, Request::DomainBeginLog(_))), 1);
    let takes_dirty =
        |call: &Request| matches!(call, Request::DomainPages(call) if call.which == PageSet::Dirty);
    assert!(count(takes_dirty) >= 2);
}

#[test]
fn a_domain_that_is_not_built_on_trial_has_no_logs() {
    let (logs, _) = with_kernel(kernel, || {
        let mut incoming = admitted();
        incoming.end_round().expect("nothing to build");
        incoming.take_logs()
    });
    assert!(logs.is_none());
}

/// A copy with Memories of eight pages at positions 3 and 4.
fn copy() -> Kept {
    let memory = |position: u32| {
        let id = ObjectId(position.into());
        (position, KeptMemory { id, page_count: 8 })
    };
    let domain = Owned::new(Cap::from_slot(Slot(10)));
    let memories = KeptMemories::from([3, 4].map(memory));
    let pool = Owned::new(Cap::from_slot(Slot(11)));
    Kept::new((DomainId(1), Incarnation(1)), domain, pool, memories)
}

/// The announcement of a Memory that continues another one.
fn continuing(position: u32, continued: u32, pages: u64) -> Announcement {
    Announcement {
        continues: Some(continued),
        ..Announcement::empty(MemoryKey::Inside(position), pages)
    }
}

/// The kernel's calls until the domain has the pages of the copy, and those of this step.
fn calls_after_return(step: impl FnOnce(&mut Incoming)) -> (Vec<Request>, Vec<Request>) {
    let ((), mut calls) = with_kernel(kernel, || {
        let (mut incoming, copy) = (admitted(), copy());
        assert_eq!(incoming.give_kept(&copy), Ok(()));
        step(&mut incoming);
        core::mem::forget((incoming, copy));
    });
    let last = calls.iter().rposition(is_grant).expect("pages move");
    let later = calls.split_off(last + 1);
    (calls, later)
}

fn is_grant(call: &Request) -> bool {
    matches!(call, Request::DomainGrantPages(_))
}

fn is_destroy(call: &Request) -> bool {
    matches!(call, Request::Destroy(_))
}

#[test]
fn the_pages_of_a_kept_copy_move_at_the_admission() {
    let (admission, announcements) = calls_after_return(|incoming| {
        for (position, continued) in [(KEPT, 3), (ENDED, 4)] {
            let made = incoming.make_memory(&continuing(position, continued, 8));
            assert_eq!(made, Ok(()));
        }
        assert!(incoming.kept.is_empty());
    });
    assert_eq!(count(&admission, is_grant), 2);
    assert_eq!(announcements, [], "the first round is not longer for that");
}

#[test]
fn a_memory_continues_once_and_only_one_of_its_size() {
    with_kernel(kernel, || {
        let mut incoming = admitted();
        assert_eq!(incoming.give_kept(&copy()), Ok(()));
        assert_eq!(incoming.make_memory(&continuing(KEPT, 3, 8)), Ok(()));
        for announcement in [continuing(ENDED, 3, 8), continuing(ENDED, 4, 9)] {
            let made = incoming.make_memory(&announcement);
            assert!(matches!(made, Err(RestoreError::Unexpected(_))));
        }
    });
}

#[test]
fn memories_that_do_not_continue_are_destroyed_before_there_are_others() {
    let new = Announcement::empty(MemoryKey::Inside(ENDED), 8);
    let steps: [&dyn Fn(&mut Incoming); 2] = [
        &|incoming| assert_eq!(incoming.make_memory(&new), Ok(())),
        &|incoming| assert_eq!(incoming.end_round(), Ok(())),
    ];
    for step in steps {
        let (_, calls) = calls_after_return(|incoming| {
            assert_eq!(incoming.make_memory(&continuing(KEPT, 3, 8)), Ok(()));
            step(incoming);
        });
        let made = calls
            .iter()
            .position(|call| matches!(call, Request::MemoryCreate(_)));
        let destroyed = calls.iter().position(is_destroy);
        assert!(destroyed.is_some() && made.is_none_or(|made| destroyed < Some(made)));
        assert_eq!(count(&calls, is_destroy), 1);
    }
}

#[test]
fn a_copy_whose_pages_do_not_move_leaves_nothing() {
    let refuses = |request: &Request| match request {
        Request::DomainGrantPages(call) if call.memory == ObjectId(4) => Err(Error::WrongState),
        other => kernel(other),
    };
    let (is_empty, calls) = with_kernel(refuses, || {
        let mut incoming = admitted();
        assert!(incoming.give_kept(&copy()).is_err());
        incoming.kept.is_empty()
    });
    assert!(is_empty);
    assert_eq!(left_over(&calls), []);
    assert_eq!(count(&calls, is_destroy), 2);
}

/// A kernel whose pool has room only after something was destroyed.
fn full(request: &Request) -> CallResult {
    static HAS_ROOM: AtomicBool = AtomicBool::new(false);
    match request {
        Request::Destroy(_) => HAS_ROOM.store(true, Ordering::Relaxed),
        Request::MemoryPopulate(_) if !HAS_ROOM.load(Ordering::Relaxed) => {
            return Err(Error::PoolEmpty);
        }
        _ => {}
    }
    kernel(request)
}

#[test]
fn new_pages_of_a_memory_find_the_room_of_one_that_has_ended() {
    with_kernel(full, || {
        let mut incoming = admitted();
        assert_eq!(incoming.give_kept(&copy()), Ok(()));
        // The Memory at position 4 was destroyed on the other machine, so the image does not name it.
        let announced = Event::Memory(0, continuing(KEPT, 3, 8));
        assert_eq!(incoming.handle_event(announced), Ok(()));
        let mut map = PageMap::try_new(8).expect("a chunk");
        map.set(5, PageChange::Data);
        let chunk = Chunk {
            memory: MemoryKey::Inside(KEPT),
            first_page: 0,
            page_count: 8,
        };
        assert_eq!(incoming.handle_event(Event::Chunk(0, chunk, map)), Ok(()));
        assert!(incoming.kept.is_empty());
    });
}

#[test]
fn a_copy_that_is_larger_than_the_offer_is_not_used() {
    let ((given, most), calls) = with_kernel(kernel, || {
        let mut incoming = admitted();
        let most = incoming.extent.limits().pages_max;
        let sizes = [most, most + 1];
        let given = sizes.map(|pages| incoming.give_kept(&copy_of_one(pages)).is_ok());
        (given, most)
    });
    assert_eq!(given, [true, false], "{most} pages");
    assert_eq!(count(&calls, is_grant), 1);
}

/// A copy with one Memory of this size.
fn copy_of_one(page_count: u64) -> Kept {
    let memory = KeptMemory {
        id: ObjectId(3),
        page_count,
    };
    let domain = Owned::new(Cap::from_slot(Slot(10)));
    let pool = Owned::new(Cap::from_slot(Slot(11)));
    Kept::new(
        (DomainId(1), Incarnation(1)),
        domain,
        pool,
        [(3, memory)].into(),
    )
}
