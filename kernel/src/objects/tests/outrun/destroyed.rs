//! Calls that would add something to an object that is being destroyed.

use abi::calls::{CapabilityMint, DomainMap, Send, ThreadWrite};
use abi::message::{DATA_OFFSET, RECEIVE_OFFSET, SEND_OFFSET};
use abi::record::Held;
use abi::register::{Access, Slot};
use abi::thread_state::ThreadState;
use abi::{EndpointRights, Error, MemoryRights, MessageInfo};

use super::ENDPOINT;
use crate::capture::tests::scene::receive;
use crate::objects::tests::checker::check;
use crate::testing::{TestDomain, World, calls, slots};

const MEMORY: Slot = Slot(21);
/// Another capability to the endpoint, to be passed in a message.
const PASSED: Slot = Slot(22);
/// An endpoint that is not destroyed.
const CHANNEL: Slot = Slot(23);
const SPARE: Slot = Slot(30);

/// An owner whose threads have begun to destroy an endpoint and a Memory, and another domain with capabilities to these.
fn half_destroyed() -> (World, TestDomain, TestDomain) {
    let world = World::new();
    let (owner, other) = (world.domain(), world.domain());
    world.does(owner, calls::endpoint(ENDPOINT));
    world.does(owner, calls::memory(4, MEMORY));
    for (from, into) in [(ENDPOINT, ENDPOINT), (MEMORY, MEMORY), (ENDPOINT, PASSED)] {
        world.give(owner, from, other, into, 0);
    }
    world.does(owner, calls::endpoint(CHANNEL));
    world.give(owner, CHANNEL, other, CHANNEL, 0);
    world.machine.set_ticks_step(10_000);
    for object in [ENDPOINT, MEMORY] {
        let destroyer = world.thread_in(owner.domain, Slot(40 + object.0));
        world.give(owner, object, owner, SPARE, 0);
        world.begin_step(destroyer, calls::destroy(object));
        assert!(world.is_at_call(destroyer));
    }
    (world, owner, other)
}

#[test]
fn an_object_being_destroyed_gets_no_new_capabilities() {
    let (world, _, other) = half_destroyed();
    let (thread, domain) = (other.thread, slots::DOMAIN);
    let (from, to) = (ENDPOINT, SPARE);
    let (rights, badge) = (EndpointRights::SEND, 0);
    let assert_gone = |outcome| assert_eq!(outcome, Err::<(), _>(Error::Gone));
    assert_gone(world.call(thread, calls::copy(from, to)));
    let mint = calls::mint(from, to, rights, badge);
    assert_gone(world.call(thread, mint));
    assert_gone(world.call(thread, calls::install(domain, from, to, rights, badge)));
    assert_gone(world.call(thread, calls::derive(domain, from, to, rights, badge)));
    assert_gone(world.call(thread, calls::faults(slots::THREAD, from)));
    let hold = calls::hold(domain, from, slots::THREAD, Held::FaultEndpoint, badge);
    assert_gone(world.call(thread, hold));
    let map = DomainMap {
        domain,
        ..calls::map(MEMORY, 0x8000_0000, 0, 4, Access::Read)
    };
    assert_gone(world.call(thread, map));
    let mint = CapabilityMint {
        from: MEMORY,
        rights: MemoryRights::READ.into(),
        ..mint
    };
    assert_gone(world.call(thread, mint));
}

#[test]
fn no_message_carries_a_capability_to_an_object_being_destroyed() {
    let (world, owner, other) = half_destroyed();
    let buffer = world.buffer(owner);
    buffer.write_word(RECEIVE_OFFSET, SPARE.0.into());
    let _ = world.kernel.empty_slot(owner.place(SPARE));
    world.begin(owner.thread, receive(CHANNEL, Slot(31)));
    let buffer = world.buffer(other);
    buffer.write_word(SEND_OFFSET, PASSED.0.into());
    let info = MessageInfo::try_new(0, 1).expect("short");
    let send = Send::new(CHANNEL, info, [0; 4]);
    // Gone would mean that there is no receiver.
    assert_eq!(world.call(other.thread, send), Err(Error::EmptySlot));
}

#[test]
fn a_memory_being_destroyed_gets_no_pages() {
    let world = World::new();
    let owner = world.domain();
    let pages = 200;
    world.does(owner, calls::memory(pages, MEMORY));
    let populate = calls::populate(MEMORY, 0, pages);
    world.does(owner, populate);
    let supply = calls::supply(MEMORY, 0, 1, slots::BUFFER, 0);
    let destroyer = world.thread_in(owner.domain, Slot(40));
    world.machine.set_ticks_step(10_000);
    world.begin_step(destroyer, calls::destroy(MEMORY));
    let mut steps = 1;
    while world.is_at_call(destroyer) {
        let spent = owner.pool.used();
        assert_eq!(world.call(owner, populate), Err(Error::Gone));
        assert_eq!(world.call(owner, supply), Err(Error::Gone));
        assert_eq!(owner.pool.used(), spent);
        world.step(destroyer);
        steps += 1;
    }
    assert!(steps > 200 / 32, "{steps} steps");
    check(&world.kernel);
}

#[test]
fn a_thread_being_destroyed_is_not_started_again() {
    const VICTIM: Slot = Slot(21);
    let world = World::new();
    let owner = world.domain();
    let victim = world.thread_in(owner.domain, VICTIM);
    for number in 30..34 {
        world.give(owner, VICTIM, owner, Slot(number), 0);
    }
    let started = ThreadState {
        stopped: 0,
        ..ThreadState::EMPTY
    };
    let buffer = world.buffer(owner);
    buffer.write_bytes(DATA_OFFSET, &started.to_bytes());
    let destroyer = world.thread_in(owner.domain, Slot(40));
    world.machine.set_ticks_step(10_000);
    world.begin_step(destroyer, calls::destroy(VICTIM));
    while world.is_at_call(destroyer) {
        let thread = VICTIM;
        let start = world.call(owner, calls::start(thread));
        let write = world.call(owner, ThreadWrite { thread });
        assert_eq!((start, write), (Err(Error::Gone), Err(Error::Gone)));
        assert!(!victim.is_runnable());
        world.step(destroyer);
    }
    check(&world.kernel);
}
