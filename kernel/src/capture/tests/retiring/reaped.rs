//! A retired domain is destroyed later and step by step, as root's thread of the lowest priority does it: what a domain finds meanwhile that
//! holds a capability to an object of the retired one, and may move itself.

use abi::Error;
use abi::register::Slot;
use capabilities::Storage;

use super::{retire, scene};
use crate::capture::tests::scene::{HELPER, INNER, SUBJECT_POOL, Scene, call};
use crate::memory::SlotStorage;
use crate::objects::{Object, Phase, Step, destroy_step};
use crate::testing::{TestDomain, calls, slots};

/// The subject's endpoint, in the client's table.
const SERVICE: Slot = Slot(30);
/// The client's domain, in the manager's table.
const CLIENT: Slot = Slot(60);

/// A client of the subject, which the manager may freeze and retire.
fn client(scene: &Scene) -> TestDomain {
    let client = scene.world.domain_of(64);
    scene.world.give(scene.subject, INNER, client, SERVICE, 9);
    let grow = calls::grow(slots::DOMAIN, CLIENT.0 + 1);
    scene.does(scene.manager, grow);
    scene
        .world
        .give(client, slots::DOMAIN, scene.manager, CLIENT, 0);
    client
}

fn holds_service(client: TestDomain) -> bool {
    let place = client.place(SERVICE);
    SlotStorage.slot(place).capability().is_some()
}

/// Takes one step of destroying the subject's pool.
fn reap_step(scene: &Scene) -> Step {
    let pool = Object::Pool(scene.subject.pool);
    let keep = scene.manager.place(SUBJECT_POOL);
    destroy_step(&scene.world.kernel, pool, Some(keep))
}

#[test]
fn a_client_finds_its_service_gone_and_later_an_empty_slot_and_never_waits() {
    let scene = scene();
    let client = client(&scene);
    let waiting = scene.world.thread_in(client.domain, HELPER);
    scene.begin(waiting, call(SERVICE, 1));
    assert!(matches!(waiting.phase.get(), Phase::Sending { .. }));
    retire(&scene);
    let outcome = scene.world.outcome::<abi::calls::Call>(waiting);
    assert_eq!(outcome.map(|it| it.err()), Some(Some(Error::Gone)));
    let mut found = Vec::new();
    loop {
        let is_held = holds_service(client);
        let error = scene.call(client, call(SERVICE, 1)).err();
        found.push((is_held, error));
        if reap_step(&scene) == Step::Done {
            break;
        }
    }
    let gone = found
        .iter()
        .take_while(|it| **it == (true, Some(Error::Gone)));
    let gone_count = gone.count();
    let empty = (false, Some(Error::EmptySlot));
    assert!(gone_count > 1 && gone_count < found.len(), "{found:?}");
    assert!(
        found[gone_count..].iter().all(|it| *it == empty),
        "{found:?}"
    );
    // The slot is the client's again.
    scene.does(client, calls::endpoint(SERVICE));
}

/// The client is frozen for its own move while the service's memory is destroyed: the move must not take along what is there no more.
#[test]
fn a_frozen_client_that_loses_the_capability_is_retired_only_at_its_new_version() {
    let scene = scene();
    let client = client(&scene);
    retire(&scene);
    let (version, token) = scene.does(scene.manager, calls::freeze(CLIENT, u64::MAX));
    while holds_service(client) {
        assert_eq!(
            client.domain.version(),
            version,
            "nothing has changed in it"
        );
        assert_eq!(reap_step(&scene), Step::More);
    }
    let refused = scene.call(scene.manager, calls::retire(CLIENT, version, token));
    assert_eq!(refused.map(drop), Err(Error::VersionMoved));
    let later = client.domain.version();
    while reap_step(&scene) == Step::More {}
    assert_eq!(
        client.domain.version(),
        later,
        "the rest concerns only the service"
    );
    scene.does(scene.manager, calls::retire(CLIENT, later, token));
}
