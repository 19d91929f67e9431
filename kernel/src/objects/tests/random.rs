//! Random calls in random order by any runnable thread. After each call the checker passes, and the outcome is one that the
//! caller's capabilities permit. In the end all memory is returned.

use abi::calls::{Call, Receive};
use abi::register::Slot;
use abi::{MessageInfo, Number, PoolRights};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::checker::{check, objects};
use crate::memory::SlotStorage;
use crate::objects::Object;
use crate::testing::{TestDomain, World, calls, slots};
use event::event;
use play::{Player, Successes};

mod aim;
mod event;
mod play;
mod subjects;

/// The number of slots used.
const SLOTS: u32 = 24;

/// The slot of the Hardware.
const HARDWARE: Slot = Slot(13);

/// A manager that does nothing, and three domains with capabilities to each other. The first holds the reply right to a call of
/// the last.
fn society() -> (World, TestDomain) {
    let world = World::new();
    let manager = world.domain();
    let actors = [(); 3].map(|()| world.domain());
    let endpoint = Slot(9);
    let notification = Slot(10);
    let first = actors[0];
    world.does(first, calls::endpoint(endpoint));
    world.does(first, calls::notification(notification));
    world.give_hardware(first, HARDWARE);
    for actor in &actors[1..] {
        world.give(first, endpoint, *actor, endpoint, 0);
        world.give(first, notification, *actor, notification, 0);
    }
    for index in 0..actors.len() {
        let [other, third] = [1, 2].map(|step| actors[(index + step) % 3]);
        introduce(&world, actors[index], other, third);
        if index > 0 {
            world.give(first, HARDWARE, actors[index], HARDWARE, 0);
        }
    }
    let receive = Receive::new(endpoint, Some(Slot(16)));
    world.begin(first, receive);
    let call = Call::new(endpoint, MessageInfo::EMPTY, [0; 4]);
    world.begin(actors[2], call);
    (world, manager)
}

/// Gives a domain another thread, capabilities to the objects of two other domains, and a capability to its own pool without
/// DMA.
fn introduce(world: &World, actor: TestDomain, other: TestDomain, third: TestDomain) {
    world.thread_in(actor.domain, Slot(11));
    for (from, to) in [
        (slots::POOL, 5),
        (slots::DOMAIN, 6),
        (slots::THREAD, 7),
        (slots::BUFFER, 8),
    ] {
        world.give(other, from, actor, Slot(to), 0);
    }
    world.give(third, slots::DOMAIN, actor, Slot(14), 0);
    world.give(third, slots::THREAD, actor, Slot(15), 0);
    let rights = PoolRights::all() - PoolRights::DMA;
    world.does(actor, calls::mint(slots::POOL, Slot(12), rights, 0));
}

/// Destroys, as the manager, every object of the root pool except the manager's own pool.
fn end_all(world: &World, manager: TestDomain) {
    loop {
        let other =
            objects(world.kernel.root_pool).find(|object| *object != Object::Pool(manager.pool));
        let Some(other) = other else { return };
        let object = Slot(40);
        let place = manager.place(object);
        let origin = other.header().origin();
        capabilities::copy(&SlotStorage, origin, place).expect("an empty slot");
        world.does(manager, calls::destroy(object));
    }
}

/// The maximum number of rounds until every call was accepted. A round misses each of the rarest calls with a probability of up
/// to a half, so this number is never reached unless a call cannot be accepted.
const ROUNDS_MAX: usize = 64;

#[test]
fn random_calls_keep_the_invariants_and_return_all_memory() {
    let successes = Successes::default();
    let is_missing = |number: &&Number| !successes.borrow().contains_key(&(**number as u64));
    for _ in 0..ROUNDS_MAX {
        run_round(&successes);
        if !Number::ALL.iter().any(|number| is_missing(&number)) {
            return;
        }
    }
    let missing: Vec<_> = Number::ALL.iter().filter(is_missing).collect();
    panic!("these calls were never accepted: {missing:?}");
}

/// Plays random events in many societies.
///
/// # Panics
/// With the shortest sequence of events that breaks an invariant.
fn run_round(successes: &Successes) {
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 96,
        max_shrink_iters: 400,
        source_file: Some(file!()),
        ..ProptestConfig::default()
    });
    let some_events = proptest::collection::vec(event(), 1..500);
    let run = runner.run(&some_events, |events| {
        let (world, manager) = society();
        let spent = manager.pool.used();
        let player = Player {
            world: &world,
            manager,
            successes,
        };
        for event in events {
            player.play(event);
            check(&world.kernel);
        }
        end_all(&world, manager);
        check(&world.kernel);
        prop_assert_eq!(manager.pool.used(), spent);
        let free = world.kernel.frames.free();
        prop_assert_eq!(free + spent + 1, world.kernel.root_pool.limit);
        Ok(())
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
}
