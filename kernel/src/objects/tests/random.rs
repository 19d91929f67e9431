//! Any calls, in any order, by any thread that can run: the checker holds after each, every outcome is one that the caller's
//! capabilities allow, and what was spent comes back.

use abi::calls::{CapabilityMint, Destroy, EndpointCreate, NotificationCreate};
use abi::message::{DATA_OFFSET, RECEIVE_OFFSET, SEND_OFFSET};
use abi::register::Slot;
use abi::thread_state::{Awaits, ThreadState};
use abi::{Error, Number, ObjectKind, PoolRights, Registers, Request};
use authority::{Outcome, View};
use capabilities::Storage;
use proptest::prelude::*;

use super::checker::{check, objects, threads};
use crate::arch::Cause;
use crate::arch::fake::UserAccess;
use crate::memory::{Ref, SlotDirectory, SlotStorage};
use crate::objects::{DomainState, Object, Phase, Thread};
use crate::testing::{BUFFER_ADDRESS, CALL_SITE, Citizen, World, slots};
use crate::{capture, ipc};

/// What happens next.
#[derive(Clone, Debug)]
enum Event {
    /// A thread makes a call.
    Call {
        thread: usize,
        number: Number,
        aimed: bool,
        registers: Registers,
    },
    /// A thread goes on with the call it stands at.
    GoOn { thread: usize },
    /// A thread faults.
    Fault {
        thread: usize,
        vector: u8,
        address: u64,
    },
    /// User code of a thread reads, writes or executes.
    Access {
        thread: usize,
        address: u64,
        access: UserAccess,
    },
    /// A thread names slots to send and to receive into, and a thread state.
    Scribble {
        thread: usize,
        slots: [u8; 4],
        stopped: u64,
        awaits: u64,
    },
    /// A thread that is blocked, stopped or frozen runs again, as if whoever can do that had.
    Revive { thread: usize },
    /// The timer fires.
    Timer,
}

/// The kind that a call's first argument is of; none where any will do.
fn kind_of_first_argument(number: Number) -> Option<ObjectKind> {
    match number as u16 {
        1..=4 => Some(ObjectKind::Endpoint),
        5 => Some(ObjectKind::Reply),
        6 | 7 => Some(ObjectKind::Notification),
        35 | 48..=71 => Some(ObjectKind::Domain),
        32..=39 => Some(ObjectKind::Pool),
        80..=87 => Some(ObjectKind::Thread),
        96..=99 => Some(ObjectKind::Memory),
        _ => None,
    }
}

/// A slot of the thread's table that holds a capability of this kind: one of them, or none.
fn slot_with(thread: Ref<Thread>, kind: Option<ObjectKind>, choice: u64) -> Option<u64> {
    let holds = |slot: &u32| {
        let place = thread.domain.place(Slot(*slot)).expect("a slot");
        let held = SlotStorage.slot(place).capability();
        held.is_some_and(|held| kind.is_none_or(|kind| held.object.kind() == kind))
    };
    let all: Vec<u32> = (0..SLOTS).filter(holds).collect();
    let index = usize::try_from(choice).unwrap_or(0) % all.len().max(1);
    all.get(index).map(|slot| u64::from(*slot))
}

/// The slots that are played with.
const SLOTS: u32 = 24;

fn value() -> impl Strategy<Value = u64> {
    prop_oneof![
        20 => 0_u64..24,
        2 => Just(512),
        2 => Just(600),
        2 => Just(BUFFER_ADDRESS),
        2 => Just(0x8000_0000),
        2 => Just(0xffff),
        1 => Just(0x101),
        1 => Just(0x8001),
        1 => Just(u64::from(u32::MAX)),
        1 => Just(u64::MAX),
    ]
}

fn number() -> impl Strategy<Value = Number> {
    let messages = Number::ALL
        .iter()
        .copied()
        .filter(|number| (*number as u64) < 16);
    let messages: Vec<Number> = messages.collect();
    prop_oneof![
        2 => proptest::sample::select(Number::ALL),
        1 => proptest::sample::select(messages),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let thread = 0_usize..16;
    let addresses = prop_oneof![
        Just(BUFFER_ADDRESS),
        Just(0x8000_0000),
        Just(0x8000_1000),
        Just(0)
    ]
    .boxed();
    prop_oneof![
        30 => (thread.clone(), number(), proptest::bool::weighted(0.9), proptest::array::uniform8(value()))
            .prop_map(|(thread, number, aimed, registers)| Event::Call { thread, number, aimed, registers }),
        8 => thread.clone().prop_map(|thread| Event::GoOn { thread }),
        8 => (thread.clone(), addresses.clone(), proptest::sample::select(vec![
            UserAccess::Load, UserAccess::Store, UserAccess::Fetch,
        ]))
            .prop_map(|(thread, address, access)| Event::Access { thread, address, access }),
        2 => (thread.clone(), prop_oneof![Just(6), Just(7), Just(14)], addresses)
            .prop_map(|(thread, vector, address)| Event::Fault { thread, vector, address }),
        3 => (thread, proptest::array::uniform4(0_u8..24), 0_u64..3, 0_u64..4)
            .prop_map(|(thread, slots, stopped, awaits)| Event::Scribble { thread, slots, stopped, awaits }),
        6 => (0_usize..16).prop_map(|thread| Event::Revive { thread }),
        1 => Just(Event::Timer),
    ]
}

/// A keeper who does nothing, and three citizens who hold capabilities for each other.
fn society() -> (World, Citizen) {
    let world = World::new();
    let keeper = world.citizen();
    let citizens = [(); 3].map(|()| world.citizen());
    let endpoint = Slot(9);
    let notification = Slot(10);
    let first = citizens[0];
    let pool = slots::POOL;
    let into = endpoint;
    world.does(first.thread, EndpointCreate { pool, into });
    let into = notification;
    world.does(first.thread, NotificationCreate { pool, into });
    for citizen in &citizens[1..] {
        world.give(first, endpoint, *citizen, endpoint, 0);
        world.give(first, notification, *citizen, notification, 0);
    }
    for (index, citizen) in citizens.iter().enumerate() {
        world.thread_in(citizen.domain, Slot(11));
        let other = citizens[(index + 1) % 3];
        for (from, to) in [
            (slots::POOL, 5),
            (slots::DOMAIN, 6),
            (slots::THREAD, 7),
            (slots::BUFFER, 8),
        ] {
            world.give(other, from, *citizen, Slot(to), 0);
        }
        let mint = CapabilityMint {
            from: slots::POOL,
            to: Slot(12),
            rights: (PoolRights::all() - PoolRights::DMA).into(),
            badge: 0,
        };
        world.does(citizen.thread, mint);
    }
    (world, keeper)
}

/// A thread makes the call that it stands at, and the oracle of authority judges what became of it.
fn make_call(world: &World, thread: Ref<Thread>) {
    let registers = thread.arguments();
    let request = Request::decode(thread.context.rax.get(), &registers);
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

/// What a thread's table holds.
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
            },
            None => View::Empty,
        }
    };
    (0..slots).map(view).collect()
}

fn happen(world: &World, keeper: Citizen, event: Event) {
    let threads: Vec<_> = threads(&world.kernel)
        .into_iter()
        .filter(|thread| *thread != keeper.thread)
        .collect();
    let chosen = |index: usize| threads.get(index % threads.len().max(1)).copied();
    let able = |index: usize| chosen(index).filter(|thread| thread.is_runnable());
    match event {
        Event::Call {
            thread,
            number,
            aimed,
            mut registers,
        } => {
            let Some(thread) = able(thread) else { return };
            let kind = kind_of_first_argument(number);
            if let Some(slot) = slot_with(thread, kind, registers[0]).filter(|_| aimed) {
                registers[0] = slot;
            }
            thread.context.rip.set(CALL_SITE);
            thread.context.rax.set(number as u64);
            for (index, register) in registers.into_iter().enumerate() {
                thread.set_argument(index, register);
            }
            make_call(world, thread);
        }
        Event::GoOn { thread } => {
            if let Some(thread) = able(thread).filter(|it| it.context.rip.get() == CALL_SITE) {
                make_call(world, thread);
            }
        }
        Event::Fault {
            thread,
            vector,
            address,
        } => {
            let Some(thread) = able(thread) else { return };
            world.kernel.scheduler.force(thread);
            let error = 6;
            world.kernel.enter(Cause::Exception {
                vector,
                error,
                address,
            });
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
            assert_eq!(Awaits::from_number(awaits).is_none(), awaits > 2);
            there.frame.write_bytes(DATA_OFFSET, &state.to_bytes());
        }
        Event::Revive { thread } => {
            let Some(thread) = chosen(thread) else { return };
            if thread.domain.state() == DomainState::Frozen {
                let token = thread.domain.token();
                capture::thaw(&world.kernel, thread.domain, token).expect("frozen");
            }
            if thread.phase.get() != Phase::Ready {
                ipc::end_wait(&world.kernel, thread, Error::Gone);
            }
            thread.stopped.set(false);
            world.kernel.scheduler.wake(thread);
        }
        Event::Timer => {
            let soon = world.kernel.scheduler.timers.earliest();
            world.machine.set_ticks(soon.unwrap_or(0));
            world.kernel.enter(Cause::Timer);
        }
    }
}

/// The keeper, who holds the parent of all, ends every pool but his own.
fn end_all(world: &World, keeper: Citizen) {
    loop {
        let other =
            objects(world.kernel.root_pool).find(|object| *object != Object::Pool(keeper.pool));
        let Some(other) = other else { return };
        let object = Slot(40);
        let place = keeper.domain.place(object).expect("a slot");
        let origin = other.header().origin();
        capabilities::copy(&SlotStorage, origin, place).expect("an empty slot");
        world.does(keeper.thread, Destroy { object });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_calls_keep_the_kernel_whole_and_what_they_spent_comes_back(
        events in proptest::collection::vec(event(), 1..400)
    ) {
        let (world, keeper) = society();
        let spent = keeper.pool.used();
        for event in events {
            happen(&world, keeper, event);
            check(&world.kernel);
        }
        end_all(&world, keeper);
        check(&world.kernel);
        prop_assert_eq!(keeper.pool.used(), spent);
        let free = world.kernel.frames.free();
        prop_assert_eq!(free + spent + 1, world.kernel.root_pool.limit);
    }
}
