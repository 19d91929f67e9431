//! Random calls in random order by any runnable thread: after each the checker passes and the outcome is one that the caller's
//! capabilities permit, and in the end all memory is returned.

use std::cell::RefCell;
use std::collections::BTreeMap;

use abi::calls::{Call, Receive};
use abi::message::{DATA_OFFSET, RECEIVE_OFFSET, SEND_OFFSET};
use abi::register::Slot;
use abi::thread_state::{Awaits, ThreadState};
use abi::{Error, MessageInfo, Number, PoolRights, Request};
use authority::{Outcome, View};
use capabilities::Storage;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::checker::{check, objects, threads};
use crate::arch::fake::Machine;
use crate::arch::{self, Cause};
use crate::memory::{Ref, SlotDirectory, SlotStorage};
use crate::objects::{DomainState, Object, Phase, Thread};
use crate::testing::{BUFFER_ADDRESS, CALL_SITE, TestDomain, World, calls, slots};
use crate::{capture, ipc};
use aim::aim;
use event::{Event, event};

mod aim;
mod event;
mod subjects;

/// The number of slots used.
const SLOTS: u32 = 24;

/// The slot of the Hardware.
const HARDWARE: Slot = Slot(13);

/// A manager that does nothing, and three domains with capabilities to each other. The first is about to answer the last.
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
    for (index, actor) in actors.iter().enumerate() {
        world.thread_in(actor.domain, Slot(11));
        let other = actors[(index + 1) % 3];
        for (from, to) in [
            (slots::POOL, 5),
            (slots::DOMAIN, 6),
            (slots::THREAD, 7),
            (slots::BUFFER, 8),
        ] {
            world.give(other, from, *actor, Slot(to), 0);
        }
        let third = actors[(index + 2) % 3];
        world.give(third, slots::DOMAIN, *actor, Slot(14), 0);
        world.give(third, slots::THREAD, *actor, Slot(15), 0);
        let mint = calls::mint(
            slots::POOL,
            Slot(12),
            PoolRights::all() - PoolRights::DMA,
            0,
        );
        world.does(*actor, mint);
        if index > 0 {
            world.give(first, HARDWARE, *actor, HARDWARE, 0);
        }
    }
    let receive = Receive::new(endpoint, Some(Slot(16)));
    world.begin(first, receive);
    let call = Call::new(endpoint, MessageInfo::EMPTY, [0; 4]);
    world.begin(actors[2], call);
    (world, manager)
}

/// Makes the call that a thread stands at, and checks the outcome against the oracle of authority.
fn make_call(world: &World, successes: &Successes, thread: Ref<Thread>) {
    let registers = thread.arguments();
    let number = thread.context.rax.get();
    let request = Request::decode(number, &registers);
    let table = shadow(thread);
    world.step(thread);
    let is_over = thread.phase.get() == Phase::Ready && thread.context.rip.get() != CALL_SITE;
    let status = thread.context.rax.get();
    let outcome = match Error::from_status(status).filter(|_| is_over) {
        Some(error) => Outcome::Refused(error),
        None => Outcome::Allowed,
    };
    let Ok(request) = request else {
        assert!(matches!(outcome, Outcome::Refused(_)), "{registers:x?}");
        return;
    };
    let waits = thread.phase.get() != Phase::Ready;
    if outcome == Outcome::Allowed && (is_over || waits) {
        *successes.borrow_mut().entry(number).or_default() += 1;
    }
    let view = |slot| view_of(&table, slot);
    let mut verdict = authority::judge(&request, outcome, view);
    if is_over && outcome == Outcome::Allowed {
        let table = shadow(thread);
        verdict = verdict
            .and_then(|()| authority::check_gain(&request, view, |slot| view_of(&table, slot)));
    }
    if let Err(violation) = verdict {
        panic!("{request:?} came to {outcome:?}: {violation:?}");
    }
}

fn view_of(table: &[View], slot: Slot) -> View {
    let view = table.get(slot.0 as usize).copied();
    view.unwrap_or(View::Beyond)
}

/// The content of a thread's table.
fn shadow(thread: Ref<Thread>) -> Vec<View> {
    let slots = thread.domain.table.slot_count::<SlotDirectory>();
    let view = |slot| {
        let place = thread
            .domain
            .place(Slot(slot))
            .expect("a slot of the table");
        match SlotStorage.slot(place).capability() {
            Some(held) => View::Holds {
                kind: held.object.kind(),
                rights: held.rights,
                badge: held.badge.get(),
            },
            None => View::Empty,
        }
    };
    (0..slots).map(view).collect()
}

fn happen(world: &World, manager: TestDomain, successes: &Successes, event: Event) {
    let threads: Vec<_> = threads(&world.kernel)
        .into_iter()
        .filter(|thread| *thread != manager.thread)
        .collect();
    let chosen = |index: usize| threads.get(index % threads.len().max(1)).copied();
    let able = |index: usize| {
        let runnable = threads.iter().filter(|thread| thread.is_runnable());
        let runnable: Vec<_> = runnable.collect();
        runnable.get(index % runnable.len().max(1)).map(|it| **it)
    };
    match event {
        Event::Call {
            thread,
            number,
            aimed,
            mut registers,
        } => {
            let Some(thread) = able(thread) else { return };
            if aimed {
                registers = aim(thread, number, registers);
            }
            thread.context.rip.set(CALL_SITE);
            thread.context.rax.set(number as u64);
            for (index, register) in registers.into_iter().enumerate() {
                thread.set_argument(index, register);
            }
            make_call(world, successes, thread);
        }
        Event::GoOn { thread } => {
            if let Some(thread) = able(thread).filter(|it| it.context.rip.get() == CALL_SITE) {
                make_call(world, successes, thread);
            }
        }
        Event::Fault {
            thread,
            vector,
            address,
        } => {
            let Some(thread) = able(thread) else { return };
            world.raise(thread, vector, 6, address);
        }
        Event::Access {
            thread,
            address,
            access,
        } => {
            let Some(thread) = able(thread) else { return };
            world.access(thread, address, access);
        }
        Event::Scribble {
            thread,
            slots,
            stopped,
            awaits,
        } => {
            let Some(thread) = chosen(thread) else { return };
            let there = thread.domain.space.translate(BUFFER_ADDRESS);
            let Some(there) = there.filter(|there| there.write) else {
                return;
            };
            let [a, b, c, d] = slots.map(u64::from);
            there.frame.write_word(SEND_OFFSET, a | b << 32);
            there.frame.write_word(RECEIVE_OFFSET, c | d << 32);
            let state = ThreadState {
                stopped,
                awaits,
                priority: a.min(10),
                message_buffer: BUFFER_ADDRESS,
                ..ThreadState::EMPTY
            };
            assert_eq!(Awaits::from_number(awaits).is_none(), awaits > 3);
            there.frame.write_bytes(DATA_OFFSET, &state.to_bytes());
        }
        Event::Revive { thread } => {
            let Some(thread) = chosen(thread) else { return };
            if thread.phase.get() != Phase::Ready {
                ipc::end_wait(&world.kernel, thread, Error::Gone);
            }
            thread.stopped.set(false);
            world.kernel.scheduler.wake(thread);
        }
        Event::Thaw { thread } => {
            let Some(thread) = chosen(thread) else { return };
            if thread.domain.state() == DomainState::Frozen {
                let token = thread.domain.token();
                capture::thaw(&world.kernel, thread.domain, token).expect("frozen");
            }
        }
        Event::Timer => {
            let now = arch::ticks();
            let soon = world.kernel.scheduler.timers.earliest();
            world.machine.set_ticks(soon.unwrap_or(now).max(now));
            world.kernel.enter(Cause::Timer);
        }
        Event::Interrupt { which } => interrupt(world, which),
    }
}

/// Raises one of the interrupts that can be raised: message-signalled, or with an unmasked line.
fn interrupt(world: &World, which: usize) {
    let open = Machine::open_lines();
    let may_interrupt = |vector: &u8| {
        let mut sharers = world.kernel.interrupts_at(*vector);
        let first = sharers.next();
        first.is_some_and(|first| first.line.is_none_or(|line| open.contains(&line.gsi)))
    };
    let vectors: Vec<u8> = arch::DEVICE_VECTORS.filter(may_interrupt).collect();
    if let Some(vector) = vectors.get(which % vectors.len().max(1)) {
        world.interrupt(*vector);
    }
}

/// The manager, which holds the root pool, destroys every pool but its own.
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

/// The number of times each call was accepted, by call number.
type Successes = RefCell<BTreeMap<u64, usize>>;

/// The maximum number of rounds until every call was accepted. A single round sometimes misses a rare one.
const ROUNDS_MAX: usize = 8;

#[test]
fn random_calls_keep_the_invariants_and_return_all_memory() {
    let successes = Successes::default();
    let is_missing = |number: &&Number| !successes.borrow().contains_key(&(**number as u64));
    for _ in 0..ROUNDS_MAX {
        play(&successes);
        if !Number::ALL.iter().any(|number| is_missing(&number)) {
            return;
        }
    }
    let missing: Vec<_> = Number::ALL.iter().filter(is_missing).collect();
    panic!("of these calls none was ever accepted: {missing:?}");
}

/// Runs a round of societies.
///
/// # Panics
/// With the shortest sequence of events that breaks something.
fn play(successes: &Successes) {
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
        for event in events {
            happen(&world, manager, successes, event);
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
