//! What may happen to a society: [`Event`], drawn by [`event`].

use abi::{Number, Registers};
use proptest::prelude::*;

use crate::arch::fake::UserAccess;
use crate::testing::BUFFER_ADDRESS;

/// What happens next.
#[derive(Clone, Debug)]
pub enum Event {
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
    /// A thread that is blocked or stopped goes on, as if a thread with the right to do so had made it.
    Revive { thread: usize },
    /// The frozen domain of a thread runs again, as if its freezer had thawed it.
    Thaw { thread: usize },
    /// The timer fires.
    Timer,
    /// A device interrupts.
    Interrupt { which: usize },
}

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
        3 => proptest::sample::select(Number::ALL),
        1 => proptest::sample::select(messages),
        3 => proptest::sample::select(SEQUELS.to_vec()),
    ]
}

/// Calls that need what other calls have made or done before.
const SEQUELS: [Number; 16] = [
    Number::Reply,
    Number::DomainCreate,
    Number::DestroyChild,
    Number::DomainFreeze,
    Number::DomainInstallReply,
    Number::DomainMapCaptured,
    Number::DomainPages,
    Number::DomainReadThread,
    Number::DomainRetire,
    Number::DomainThaw,
    Number::DomainUnretire,
    Number::InterruptAcknowledge,
    Number::InterruptBind,
    Number::IoIn,
    Number::IoOut,
    Number::ThreadWrite,
];

/// Draws an event.
pub fn event() -> impl Strategy<Value = Event> {
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
        2 => (thread.clone(), prop_oneof![Just(3), Just(6), Just(7), Just(14)], addresses)
            .prop_map(|(thread, vector, address)| Event::Fault { thread, vector, address }),
        3 => (thread, proptest::array::uniform4(0_u8..24), 0_u64..3, 0_u64..5)
            .prop_map(|(thread, slots, stopped, awaits)| Event::Scribble { thread, slots, stopped, awaits }),
        6 => (0_usize..16).prop_map(|thread| Event::Revive { thread }),
        1 => (0_usize..16).prop_map(|thread| Event::Thaw { thread }),
        1 => Just(Event::Timer),
        2 => (0_usize..16).prop_map(|which| Event::Interrupt { which }),
    ]
}
