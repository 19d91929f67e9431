//! Messages, replies and flags, on the fake machine.

use abi::calls::{
    Call, Receive, Received, Reply, ReplyAndReceive, Send, Signal, SignalAndWait, Wait,
};
use abi::message::{RECEIVE_OFFSET, SEND_OFFSET};
use abi::register::Slot;
use abi::{Error, MessageInfo, Number, Rights};

use crate::arch::Cause;
use crate::objects::Phase;
use crate::testing::{TestDomain, World, calls, slots};

mod binding;
mod blame;
mod deadlines;
mod faults;
mod grant;
mod revocation;
mod switching;

const ENDPOINT: Slot = Slot(slots::FREE);
const REPLY: Slot = Slot(slots::FREE + 1);
const NOTIFICATION: Slot = Slot(slots::FREE + 2);
const SPARE: Slot = Slot(slots::FREE + 3);

/// A server with an endpoint, and a client that holds it with badge 7.
fn pair() -> (World, TestDomain, TestDomain) {
    let world = World::new();
    let (server, client) = (world.domain(), world.domain());
    world.does(server, calls::endpoint(ENDPOINT));
    world.give(server, ENDPOINT, client, ENDPOINT, 7);
    (world, server, client)
}

fn receive() -> Receive {
    Receive::new(ENDPOINT, Some(REPLY))
}

fn call(words: usize, w0: u64) -> Call {
    let info = MessageInfo::words_only(words).expect("short");
    Call::new(ENDPOINT, info, [w0, 11, 12, 13])
}

fn reply(w0: u64) -> Reply {
    let info = MessageInfo::words_only(1).expect("short");
    Reply::new(REPLY, info, [w0, 0, 0, 0])
}

fn received(world: &World, actor: TestDomain) -> Received {
    world
        .outcome::<Receive>(actor)
        .expect("received")
        .expect("no error")
}

#[test]
fn a_call_reaches_the_server_and_its_reply_reaches_the_caller() {
    for server_first in [true, false] {
        let (world, server, client) = pair();
        if server_first {
            world.begin(server, receive());
            world.begin(client, call(4, 42));
        } else {
            world.begin(client, call(4, 42));
            world.begin(server, receive());
        }
        let message = received(&world, server);
        assert_eq!((message.badge, message.words), (7, [42, 11, 12, 13]));
        assert_eq!(client.thread.phase.get(), Phase::Awaiting);
        world.does(server, reply(99));
        let result = world
            .outcome::<Call>(client)
            .expect("a reply")
            .expect("no error");
        assert_eq!((result.badge, result.words[0]), (0, 99));
        assert_eq!(world.call(server, reply(1)), Err(Error::EmptySlot));
    }
}

#[test]
fn a_reply_right_cannot_be_copied() {
    let (world, server, client) = pair();
    world.begin(client, call(1, 42));
    world.begin(server, receive());
    let (domain, from, to) = (slots::DOMAIN, REPLY, SPARE);
    let (rights, badge) = (Rights(0), 0);
    let mint = calls::mint(from, to, rights, badge);
    let install = calls::install(domain, from, to, rights, badge);
    let derive = calls::derive(domain, from, to, rights, badge);
    let thread = server.thread;
    let refused = [
        world.call(thread, calls::copy(from, to)),
        world.call(thread, mint),
        world.call(thread, install),
        world.call(thread, derive),
    ];
    assert_eq!(refused, [Err(Error::WrongKind); 4]);
    assert_eq!(
        world.call(server, calls::delete(SPARE)),
        Err(Error::EmptySlot)
    );
    world.does(server, reply(99));
}

#[test]
fn long_messages_and_capabilities_go_through_the_buffers() {
    let (world, server, client) = pair();
    let (from, to) = (world.buffer(client), world.buffer(server));
    (4..64).for_each(|index| from.write_word(index * 8, index * 1000));
    from.write_word(SEND_OFFSET, u64::from(slots::BUFFER.0));
    to.write_word(RECEIVE_OFFSET, u64::from(SPARE.0));
    world.begin(server, receive());
    let info = MessageInfo::try_new(64, 1).expect("fits");
    world.begin(client, Call { info, ..call(4, 0) });
    assert_eq!(received(&world, server).info.words(), 64);
    assert!((4..64).all(|index| to.read_word(index * 8) == index * 1000));
    let identify = |slot| calls::identify(slots::DOMAIN, slot);
    let given = world.does(server, identify(SPARE));
    world.does(server, reply(0));
    assert_eq!(given, world.does(client, identify(slots::BUFFER)));
}

#[test]
fn a_capability_is_refused_if_the_receiver_has_no_slot_for_it_and_the_receiver_keeps_waiting() {
    let (world, server, client) = pair();
    world
        .buffer(client)
        .write_word(SEND_OFFSET, u64::from(slots::BUFFER.0));
    world
        .buffer(server)
        .write_word(RECEIVE_OFFSET, u64::from(ENDPOINT.0));
    world.begin(server, receive());
    let info = MessageInfo::try_new(0, 1).expect("fits");
    assert_eq!(
        world.call(client, Call { info, ..call(0, 0) }),
        Err(Error::MessageSize)
    );
    assert_eq!(world.outcome::<Receive>(server), None);
}

#[test]
fn a_receiver_that_names_one_slot_twice_is_not_sent_a_capability() {
    let (world, server, client) = pair();
    world
        .buffer(client)
        .write_word(SEND_OFFSET, u64::from(slots::BUFFER.0));
    world
        .buffer(server)
        .write_word(RECEIVE_OFFSET, u64::from(REPLY.0));
    world.begin(server, receive());
    let info = MessageInfo::try_new(0, 1).expect("fits");
    let refused = world.call(client, Call { info, ..call(0, 0) });
    assert_eq!(refused, Err(Error::MessageSize));
}

#[test]
fn a_call_to_a_receiver_without_a_slot_for_the_reply_right_is_refused() {
    let (world, server, client) = pair();
    world.begin(
        server,
        Receive {
            reply: None,
            ..receive()
        },
    );
    assert_eq!(world.call(client, call(0, 0)), Err(Error::MessageSize));
    let info = MessageInfo::words_only(1).expect("short");
    let send = Send::new(ENDPOINT, info, [5, 0, 0, 0]);
    world.does(client, send);
    assert_eq!(received(&world, server).words[0], 5);
}

#[test]
fn a_long_message_of_a_sender_without_a_buffer_fails_only_the_sender() {
    let (world, server, client) = pair();
    client.thread.message_buffer.set(0);
    world.begin(server, receive());
    assert_eq!(world.call(client, call(5, 0)), Err(Error::BufferAbsent));
    client.thread.message_buffer.set(0x7000_0000);
    assert_eq!(world.call(client, call(5, 0)), Err(Error::BufferAbsent));
    assert_eq!(world.outcome::<Receive>(server), None);
}

#[test]
fn reply_and_receive_replies_and_then_stands_at_a_receive() {
    let (world, server, client) = pair();
    world.begin(client, call(1, 1));
    world.does(server, receive());
    let info = MessageInfo::words_only(1).expect("short");
    let both = ReplyAndReceive::new(ENDPOINT, info, [2, 0, 0, 0], REPLY);
    world.begin(server, both);
    assert_eq!(
        world
            .outcome::<Call>(client)
            .map(|result| result.map(|received| received.words[0])),
        Some(Ok(2))
    );
    assert_eq!(server.thread.context.rax.get(), Number::Receive as u64);
    world.begin(client, call(1, 3));
    assert_eq!(received(&world, server).words[0], 3);
}

#[test]
fn a_caller_whose_reply_right_is_deleted_gets_gone() {
    let (world, server, client) = pair();
    world.begin(client, call(0, 0));
    world.does(server, receive());
    world.does(server, calls::delete(REPLY));
    assert_eq!(world.outcome::<Call>(client), Some(Err(Error::Gone)));
}

#[test]
fn callers_get_gone_when_the_endpoint_is_destroyed() {
    let (world, server, client) = pair();
    world.begin(client, call(0, 0));
    world.does(server, calls::destroy(ENDPOINT));
    assert_eq!(world.outcome::<Call>(client), Some(Err(Error::Gone)));
    assert_eq!(world.call(client, call(0, 0)), Err(Error::EmptySlot));
}

#[test]
fn flags_are_merged_and_taken_once() {
    let (world, server, _) = pair();
    let thread = server.thread;
    world.does(thread, calls::notification(NOTIFICATION));
    let signal = |flags| calls::signal(NOTIFICATION, flags);
    let poll = calls::wait(NOTIFICATION, 0);
    world.does(thread, signal(1));
    world.does(thread, signal(4));
    assert_eq!(world.call(thread, poll), Ok(5));
    assert_eq!(world.call(thread, poll), Err(Error::TimedOut));
}

#[test]
fn a_wait_ends_with_a_signal_or_at_its_deadline() {
    let (world, server, client) = pair();
    world.does(server, calls::notification(NOTIFICATION));
    world.give(server, NOTIFICATION, client, NOTIFICATION, 0);
    world.machine.set_ticks(1_000);
    let wait = calls::wait(NOTIFICATION, 500_000);
    world.begin(server, wait);
    assert_eq!(world.machine.timer(), Some(500_000));
    world.does(client, calls::signal(NOTIFICATION, 2));
    assert_eq!(world.outcome::<Wait>(server), Some(Ok(2)));
    world.begin(server, wait);
    world.machine.set_ticks(499_000);
    world.kernel.enter(Cause::Timer);
    assert_eq!(world.outcome::<Wait>(server), None);
    world.machine.set_ticks(500_001);
    world.kernel.enter(Cause::Timer);
    assert_eq!(world.outcome::<Wait>(server), Some(Err(Error::TimedOut)));
}

#[test]
fn a_thread_that_is_woken_finds_its_signaller_waiting() {
    let (world, server, client) = pair();
    world.does(server, calls::notification(NOTIFICATION));
    world.give(server, NOTIFICATION, client, NOTIFICATION, 3);
    world.does(client, calls::notification(SPARE));
    world.give(client, SPARE, server, SPARE, 0);
    world.begin(server, calls::wait(NOTIFICATION, abi::NO_DEADLINE));
    let signal_and_wait = |flags| SignalAndWait {
        notification: SPARE,
        deadline: abi::NO_DEADLINE,
        signalled: NOTIFICATION,
        flags,
    };
    let beyond_the_badge = world.call(client, signal_and_wait(4));
    assert_eq!(beyond_the_badge, Err(Error::MissingRight));
    assert_eq!(world.outcome::<Wait>(server), None);
    world.begin(client, signal_and_wait(2));
    assert_eq!(world.outcome::<Wait>(server), Some(Ok(2)));
    let phase = client.thread.phase.get();
    assert!(matches!(phase, Phase::Waiting { .. }), "{phase:?}");
    // If it is stopped or moved now, only the wait restarts.
    assert_eq!(client.thread.context.rax.get(), Number::Wait as u64);
    world.does(server, calls::signal(SPARE, 8));
    assert_eq!(world.outcome::<SignalAndWait>(client), Some(Ok(8)));
    // A flag that is raised already ends the wait at once, after the signal.
    world.does(server, calls::signal(SPARE, 16));
    assert_eq!(world.call(client, signal_and_wait(1)), Ok(16));
    let flags = world.call(server, calls::wait(NOTIFICATION, 0));
    assert_eq!(flags, Ok(1));
}

#[test]
fn a_bound_notification_ends_a_receive() {
    let (world, server, client) = pair();
    world.does(server, calls::notification(NOTIFICATION));
    world.give(server, NOTIFICATION, client, NOTIFICATION, 0);
    world.does(server, calls::bind(slots::THREAD, NOTIFICATION));
    world.begin(server, receive());
    world.does(client, calls::signal(NOTIFICATION, 9));
    let flags = received(&world, server);
    assert!(flags.info.is_notification());
    assert_eq!(flags.badge, 9);
    world.does(client, calls::signal(NOTIFICATION, 6));
    world.begin(server, receive());
    assert_eq!(received(&world, server).badge, 6);
}

#[test]
fn a_fault_is_a_message_and_its_reply_resumes_the_thread() {
    let (world, server, client) = pair();
    world.does(client, calls::faults(slots::THREAD, ENDPOINT));
    client.thread.context.rip.set(0x1234);
    world.raise(client, 6, 0, 0);
    world.begin(server, receive());
    let message = received(&world, server);
    assert!(message.info.is_fault());
    assert_eq!(
        (message.badge, message.words),
        (7, [abi::fault::FaultKind::Exception as u64, 6, 0, 0x1234])
    );
    assert!(!client.thread.is_runnable());
    world.does(server, reply(0));
    assert!(client.thread.is_runnable());
    assert_eq!(client.thread.context.rip.get(), 0x1234);
}

#[test]
fn a_thread_with_an_unhandled_fault_stops() {
    let (world, _, client) = pair();
    world.raise(client, 14, 4, 0xdead_0000);
    assert!(client.thread.stopped.get());
    assert!(
        world.machine.console().contains("0xdead0000"),
        "{}",
        world.machine.console()
    );
}
