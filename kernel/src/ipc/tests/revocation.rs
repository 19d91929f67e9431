//! A thread that is blocked through a revoked capability is passed over.

mod crowds;

use abi::{EndpointRights, NotificationRights};

use super::*;
use crate::memory::Ref;
use crate::objects::{Object, Thread};

/// The server's second capability to its endpoint, from which the third domain's capability is derived.
pub const LENT: Slot = Slot(slots::FREE + 10);

/// A pair, and a third domain that holds the endpoint in the same slot as the client. Its capability is derived from the
/// server's [`LENT`].
pub fn trio() -> (World, TestDomain, TestDomain, TestDomain) {
    let (world, server, client) = pair();
    let third = world.domain();
    world.give(server, ENDPOINT, server, LENT, 9);
    world.give(server, LENT, third, ENDPOINT, 0);
    (world, server, client, third)
}

fn with_notification() -> (World, TestDomain, TestDomain) {
    let (world, server, client) = pair();
    world.does(server, calls::notification(NOTIFICATION));
    world.give(server, NOTIFICATION, client, NOTIFICATION, 0);
    (world, server, client)
}

pub fn revoke(world: &World, actor: TestDomain, slot: Slot) {
    world.does(actor, calls::revoke(slot));
}

/// The result of a call that the kernel made its thread repeat.
fn repeated<A: abi::calls::Arguments>(
    world: &World,
    thread: Ref<Thread>,
) -> Option<Result<A::Output, Error>> {
    assert!(world.is_at_call(thread), "{:?}", thread.phase.get());
    world.step(thread);
    world.outcome::<A>(thread)
}

fn wait() -> Wait {
    calls::wait(NOTIFICATION, u64::MAX)
}

fn signal(flags: u64) -> Signal {
    calls::signal(NOTIFICATION, flags)
}

#[test]
fn a_receiver_whose_right_was_revoked_is_sent_nothing() {
    let (world, server, client, third) = trio();
    world.begin(third, receive());
    revoke(&world, server, LENT);
    world.begin(client, call(1, 42));
    assert_eq!(third.domain.place(REPLY).map(is_empty), Ok(true));
    assert_eq!(
        repeated::<Receive>(&world, third.thread),
        Some(Err(Error::EmptySlot))
    );
    world.begin(server, receive());
    assert_eq!(received(&world, server).words[0], 42);
}

fn is_empty(place: capabilities::Place) -> bool {
    use capabilities::Storage;
    crate::memory::SlotStorage.slot(place).is_empty()
}

#[test]
fn a_call_through_a_revoked_capability_is_not_received() {
    let (world, server, client, third) = trio();
    world.begin(third, call(1, 13));
    world.begin(client, call(1, 42));
    revoke(&world, server, LENT);
    world.begin(server, receive());
    let message = received(&world, server);
    assert_eq!((message.badge, message.words[0]), (7, 42));
    assert_eq!(
        repeated::<Call>(&world, third.thread),
        Some(Err(Error::EmptySlot))
    );
}

#[test]
fn a_blocked_caller_whose_capability_was_replaced_calls_through_the_new_one() {
    let (world, server, client) = pair();
    world.begin(client, call(1, 42));
    revoke(&world, server, ENDPOINT);
    world.give(server, ENDPOINT, client, ENDPOINT, 8);
    world.begin(server, receive());
    assert_eq!(world.outcome::<Receive>(server), None);
    assert_eq!(repeated::<Call>(&world, client.thread), None);
    assert_eq!(received(&world, server).badge, 8);
}

#[test]
fn a_blocked_caller_whose_capability_has_moved_gets_empty_slot() {
    let (world, server, client) = pair();
    let second = world.thread_in(client.domain, SPARE);
    world.begin(second, call(1, 42));
    world.does(client, calls::move_to(ENDPOINT, NOTIFICATION));
    world.begin(server, receive());
    assert_eq!(world.outcome::<Receive>(server), None);
    assert_eq!(
        repeated::<Call>(&world, second),
        Some(Err(Error::EmptySlot))
    );
}

#[test]
fn a_receiver_left_with_only_the_right_to_send_is_sent_nothing() {
    let (world, server, client, third) = trio();
    world.begin(third, receive());
    revoke(&world, server, LENT);
    let lesser = calls::mint(ENDPOINT, SPARE, EndpointRights::SEND, 5);
    world.does(server, lesser);
    world.give(server, SPARE, third, ENDPOINT, 0);
    world.begin(client, call(1, 42));
    assert_eq!(
        repeated::<Receive>(&world, third.thread),
        Some(Err(Error::MissingRight))
    );
    world.begin(server, receive());
    assert_eq!(received(&world, server).words[0], 42);
}

#[test]
fn flags_pass_over_a_waiter_whose_right_was_revoked() {
    let (world, server, client) = with_notification();
    world.begin(client, wait());
    revoke(&world, server, NOTIFICATION);
    let second = world.thread_in(server.domain, SPARE);
    world.begin(second, wait());
    world.does(server, signal(4));
    assert_eq!(world.outcome::<Wait>(second), Some(Ok(4)));
    assert_eq!(
        repeated::<Wait>(&world, client.thread),
        Some(Err(Error::EmptySlot))
    );
}

#[test]
fn a_deadline_does_not_hide_that_the_right_to_wait_is_gone() {
    let (world, server, client) = with_notification();
    world.machine.set_ticks(1_000);
    let deadline = 500_000;
    world.begin(client, Wait { deadline, ..wait() });
    revoke(&world, server, NOTIFICATION);
    world.machine.set_ticks(500_001);
    world.kernel.enter(Cause::Timer);
    assert_eq!(
        repeated::<Wait>(&world, client.thread),
        Some(Err(Error::EmptySlot))
    );
}

#[test]
fn a_bound_receiver_that_may_no_longer_receive_leaves_the_flags() {
    let (world, server, _, third) = trio();
    world.does(third, calls::notification(NOTIFICATION));
    world.does(third, calls::bind(slots::THREAD, NOTIFICATION));
    let second = world.thread_in(third.domain, SPARE);
    world.begin(third, receive());
    revoke(&world, server, LENT);
    world.does(second, signal(2));
    assert_eq!(
        repeated::<Receive>(&world, third.thread),
        Some(Err(Error::EmptySlot))
    );
    let deadline = 0;
    assert_eq!(world.call(second, Wait { deadline, ..wait() }), Ok(2));
}

#[test]
fn binding_a_receiver_that_may_no_longer_receive_leaves_the_flags() {
    let (world, server, _, third) = trio();
    world.does(third, calls::notification(NOTIFICATION));
    let second = world.thread_in(third.domain, SPARE);
    world.begin(third, receive());
    revoke(&world, server, LENT);
    world.does(second, signal(2));
    world.does(second, calls::bind(slots::THREAD, NOTIFICATION));
    assert_eq!(
        repeated::<Receive>(&world, third.thread),
        Some(Err(Error::EmptySlot))
    );
    let deadline = 0;
    assert_eq!(world.call(second, Wait { deadline, ..wait() }), Ok(2));
}

#[test]
fn the_remaining_rights_to_a_notification_suffice() {
    let (world, server, client) = with_notification();
    world.begin(client, wait());
    revoke(&world, server, NOTIFICATION);
    let lesser = calls::mint(NOTIFICATION, SPARE, NotificationRights::WAIT, 0);
    world.does(server, lesser);
    world.give(server, SPARE, client, NOTIFICATION, 0);
    world.does(server, signal(1));
    assert_eq!(world.outcome::<Wait>(client), Some(Ok(1)));
}

#[test]
fn a_thread_that_a_freeze_has_not_reached_is_served() {
    let (world, server, client) = pair();
    world.begin(client, call(1, 42));
    // This state occurs in the middle of freezing a domain of many threads: the domain is frozen, but the thread is still
    // queued.
    let frozen = crate::objects::DomainState::Frozen;
    client.domain.set_state(frozen);
    world.begin(server, receive());
    assert_eq!(received(&world, server).words[0], 42);
    assert_eq!(client.thread.phase.get(), Phase::Awaiting);
}

#[test]
fn a_receiver_whose_slot_holds_another_endpoint_is_sent_nothing() {
    let (world, server, client, third) = trio();
    world.begin(third, receive());
    revoke(&world, server, LENT);
    let second = world.thread_in(third.domain, SPARE);
    world.does(second, calls::endpoint(ENDPOINT));
    world.begin(client, call(1, 42));
    assert_eq!(repeated::<Receive>(&world, third.thread), None);
    let Phase::Receiving { endpoint, .. } = third.thread.phase.get() else {
        panic!("the third domain receives at its own endpoint");
    };
    let own = third.place(ENDPOINT);
    use capabilities::Storage;
    let held = crate::memory::SlotStorage.slot(own).capability();
    assert_eq!(
        held.map(|held| held.object),
        Some(Object::Endpoint(endpoint))
    );
}
