//! Identities of objects: reading them needs a right, and they reveal nothing else.

use abi::register::Slot;
use abi::{DomainRights, Error};

use super::{OBJECT, world_and_domain};
use crate::testing::{World, calls, slots};

#[test]
fn reading_the_identity_of_an_object_needs_the_right_to_capture() {
    let (world, actor) = world_and_domain();
    let id = world.does(actor, calls::identify(slots::DOMAIN, slots::BUFFER));
    assert_eq!(
        world.call(actor, calls::identify(slots::DOMAIN, OBJECT)),
        Err(Error::EmptySlot)
    );
    let all_but = calls::mint(
        slots::DOMAIN,
        OBJECT,
        DomainRights::all() - DomainRights::CAPTURE,
        0,
    );
    world.does(actor, all_but);
    assert_eq!(
        world.call(actor, calls::identify(OBJECT, slots::BUFFER)),
        Err(Error::MissingRight)
    );
    // The lists show the same identity.
    let describe = calls::describe(slots::DOMAIN, abi::record::List::Capabilities, 0);
    world.does(actor, describe);
    let record = (0..4).map(|index| {
        let first = abi::message::DATA_OFFSET + index * 64;
        [0, 2].map(|word| world.buffer(actor).read_word(first + word * 8))
    });
    let shown = record
        .into_iter()
        .find(|[slot, _]| *slot == u64::from(slots::BUFFER.0));
    assert_eq!(shown.map(|[_, object]| object), Some(id));
}

/// The identities of notifications that a domain creates one after another.
fn identities(world: &World) -> Vec<u64> {
    let actor = world.domain();
    (20..36)
        .map(|slot| {
            let into = Slot(slot);
            world.does(actor, calls::notification(into));
            world.does(actor, calls::identify(slots::DOMAIN, into))
        })
        .collect()
}

#[test]
fn identities_do_not_reveal_how_many_objects_others_created() {
    let made = identities(&World::new());
    let distances = made.windows(2).map(|pair| pair[1].abs_diff(pair[0]));
    assert!(
        distances.min().is_some_and(|least| least > 1 << 32),
        "{made:x?}"
    );
}

#[test]
fn identities_differ_between_machines_and_boots() {
    let made = identities(&World::with_seed(1));
    let again = identities(&World::with_seed(1));
    assert_eq!(made, again, "the fake machine's random numbers repeat");
    let elsewhere = identities(&World::with_seed(2));
    assert!(!elsewhere.iter().any(|id| made.contains(id)), "{made:x?}");
}
