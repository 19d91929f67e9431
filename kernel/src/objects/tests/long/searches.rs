//! Searches among many objects of a pool.

use abi::calls::{DomainDescribe, DomainPages, PageSet};
use abi::message::DATA_OFFSET;
use abi::record::{CURSOR_END, List, RECORD_WORDS};
use abi::register::{ObjectId, PageCount, PageIndex};

use super::{MEMORY, SPARE, domain_with_large_pool};
use crate::memory::{Ref, SlotStorage};
use crate::objects::tests::checker::{check, objects};
use crate::objects::{Object, Pool, Search, create_notification};
use crate::testing::{TestDomain, World, calls, slots};

/// Creates many objects in a domain's pool, without capabilities; returns their identities.
fn make_many(world: &World, actor: TestDomain) -> Vec<ObjectId> {
    let place = actor.place(SPARE);
    let make = || {
        let made = create_notification(&world.kernel, actor.pool, place);
        world.kernel.empty_slot(place).expect("a capability");
        made.expect("room").header.id()
    };
    (0..MANY).map(|_| make()).collect()
}

fn seek(pool: Ref<Pool>, id: ObjectId) -> (Search, usize) {
    for steps in 1.. {
        match pool.seek(id) {
            Search::Unfinished => {}
            found => return (found, steps),
        }
    }
    unreachable!("a search ends");
}

#[test]
fn a_search_among_many_objects_continues_from_its_bookmark() {
    let (world, actor) = domain_with_large_pool();
    let ids = make_many(&world, actor);
    let last = ids[MANY - 1];
    let (found, steps) = seek(actor.pool, last);
    assert!(matches!(found, Search::Found(object) if object.id() == last));
    assert!(steps > 2, "{steps} steps");
    assert_eq!(seek(actor.pool, last).1, 1);
    assert_eq!(seek(actor.pool, ObjectId(last.0 + 1)), (Search::Absent, 1));
    // A search for an older object starts at the beginning.
    let (found, steps) = seek(actor.pool, ids[600]);
    assert!(matches!(found, Search::Found(object) if object.id() == ids[600]) && steps > 1);
}

#[test]
fn a_destroyed_object_leaves_no_dangling_bookmark() {
    let (world, actor) = domain_with_large_pool();
    let ids = make_many(&world, actor);
    let (found, _) = seek(actor.pool, ids[600]);
    let Search::Found(found @ Object::Notification(notification)) = found else {
        panic!("{found:?} is not the notification");
    };
    let place = actor.place(SPARE);
    let origin = notification.header.origin();
    capabilities::copy(&SlotStorage, origin, place).expect("an empty slot");
    // The bookmark (the position of the last search) is before the found object.
    seek(actor.pool, ids[601]);
    assert_eq!(actor.pool.bookmark(), Some(found));
    world.does(actor, calls::destroy(SPARE));
    let (found, steps) = seek(actor.pool, ids[600]);
    assert!(matches!(found, Search::Found(object) if object.id() == ids[601]));
    assert_eq!(steps, 1);
    check(&world.kernel);
}

#[test]
fn a_search_that_passes_many_leaves_its_result_to_the_next_step() {
    let (world, actor) = domain_with_large_pool();
    let ids = make_many(&world, actor);
    assert_eq!(seek(actor.pool, ids[4]).1, 1);
    // The object to find exists, was destroyed, or would come after the last one.
    let far = ids[100];
    assert_eq!(seek(actor.pool, far).1, 2);
    let (Search::Found(object), 1) = seek(actor.pool, far) else {
        panic!("it is at the bookmark");
    };
    let place = actor.place(SPARE);
    let origin = object.header().origin();
    capabilities::copy(&SlotStorage, origin, place).expect("an empty slot");
    world.does(actor, calls::destroy(SPARE));
    for (looked_for, found) in [(far, Some(ids[101])), (ObjectId(u64::MAX), None)] {
        // Another search moves the bookmark back.
        assert!(matches!(actor.pool.seek(ids[0]), Search::Found(_)));
        let (search, steps) = seek(actor.pool, looked_for);
        match search {
            Search::Found(object) => assert_eq!(Some(object.id()), found),
            other => assert_eq!((other, found), (Search::Absent, None)),
        }
        assert!(steps > 1, "{steps} steps for {looked_for:?}");
    }
}

/// Reads the identities of a domain's objects; runs `before` before each call.
fn describe(world: &World, actor: TestDomain, before: impl Fn()) -> Vec<u64> {
    let mut all = Vec::new();
    let mut cursor = 0;
    while cursor != CURSOR_END {
        let call = calls::describe(slots::DOMAIN, List::Objects, cursor);
        before();
        world.steps_of(actor, call);
        let outcome = world.outcome::<DomainDescribe>(actor);
        let (count, next, _) = outcome.expect("complete").expect("described");
        let word = |index| world.buffer(actor).read_word(DATA_OFFSET + index * 8);
        all.extend((0..count).map(|record| word(record * RECORD_WORDS as u64)));
        cursor = next;
    }
    all
}

#[test]
fn many_objects_are_described_despite_other_searches_in_between() {
    let (world, actor) = domain_with_large_pool();
    let ids = make_many(&world, actor);
    let first = actor.pool.first().expect("the domain").id();
    let whole = describe(&world, actor, || {});
    assert_eq!(whole.len(), 1 + objects(actor.pool).count());
    assert!(ids.iter().all(|id| whole.contains(&id.0)));
    // Another search moves the bookmark ahead, or back to the beginning.
    for disturbing in [ids[700], first] {
        let again = describe(&world, actor, || {
            actor.pool.seek(disturbing);
        });
        assert_eq!(again, whole);
    }
}

#[test]
fn a_memory_among_many_objects_is_found_in_steps() {
    let (world, actor) = domain_with_large_pool();
    make_many(&world, actor);
    world.does(actor, calls::memory(8, MEMORY));
    let memory = actor.pool.last().expect("the Memory").id();
    let (domain, first_page, which) = (slots::DOMAIN, PageIndex(0), PageSet::Present);
    let pages = DomainPages {
        domain,
        memory,
        log: 0,
        first_page,
        page_count: PageCount(8),
        which,
    };
    assert!(world.steps_of(actor, pages) > 2);
    assert_eq!(world.outcome::<DomainPages>(actor), Some(Ok(8)));
    assert_eq!(world.steps_of(actor, pages), 1);
}

/// More objects than one step of a search passes.
const MANY: usize = 1000;
