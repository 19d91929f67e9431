//! A call that fails because of one side fails only for that side: no sender can make a `Receive` fail that other senders
//! depend on. A receiver never sees registers of the sender that are not part of the message. Flags that are already raised
//! are delivered when their notification is bound.

use super::*;

/// A client whose faults go to the endpoint.
fn faulting() -> (World, TestDomain, TestDomain) {
    let (world, server, client) = pair();
    world.does(client, calls::faults(slots::THREAD, ENDPOINT));
    (world, server, client)
}

fn fault(world: &World, client: TestDomain) {
    client.thread.context.rip.set(0x1234);
    world.raise(client, 6, 0, 0);
}

fn send(words: usize, w0: u64) -> Send {
    let info = MessageInfo::words_only(words).expect("short");
    Send::new(ENDPOINT, info, [w0, 11, 12, 13])
}

fn receive_without_reply() -> Receive {
    Receive {
        reply: None,
        ..receive()
    }
}

#[test]
fn a_fault_stops_the_faulting_thread_if_the_receiver_has_no_reply_slot() {
    for server_first in [true, false] {
        let (world, server, client) = faulting();
        if server_first {
            world.begin(server, receive_without_reply());
            fault(&world, client);
        } else {
            fault(&world, client);
            world.begin(server, receive_without_reply());
        }
        assert_eq!(world.outcome::<Receive>(server), None, "it still waits");
        assert!(client.thread.stopped.get());
        assert_eq!(client.thread.phase.get(), Phase::Ready);
        assert!(world.machine.console().contains("stops at 0x1234"));
        let other = world.domain();
        world.give(server, ENDPOINT, other, ENDPOINT, 8);
        world.does(other, send(1, 5));
        assert_eq!(received(&world, server).words[0], 5);
    }
}

#[test]
fn a_long_message_to_a_receiver_without_a_buffer_is_refused() {
    for buffer in [0, 0x7000_0000] {
        for server_first in [true, false] {
            let (world, server, client) = pair();
            server.thread.message_buffer.set(buffer);
            if server_first {
                world.begin(server, receive());
                world.begin(client, send(5, 1));
            } else {
                world.begin(client, send(5, 1));
                world.begin(server, receive());
            }
            assert_eq!(world.outcome::<Receive>(server), None, "it still waits");
            assert_eq!(world.outcome::<Send>(client), Some(Err(Error::MessageSize)));
            world.does(client, send(4, 2));
            assert_eq!(received(&world, server).words[0], 2);
        }
    }
}

#[test]
fn a_reply_fails_only_the_callers_call_if_the_caller_has_no_buffer() {
    let (world, server, client) = pair();
    client.thread.message_buffer.set(0);
    world.begin(client, call(1, 1));
    world.does(server, receive());
    let info = MessageInfo::words_only(5).expect("short");
    world.does(server, Reply { info, ..reply(1) });
    assert_eq!(
        world.outcome::<Call>(client),
        Some(Err(Error::BufferAbsent))
    );
}

#[test]
fn a_message_carries_only_its_own_words() {
    for words in 0..=4 {
        let expected: [u64; 4] = core::array::from_fn(|index| {
            let all = [9, 11, 12, 13];
            if index < words { all[index] } else { 0 }
        });
        let (world, server, client) = pair();
        world.begin(server, receive());
        world.does(client, send(words, 9));
        assert_eq!(received(&world, server).words, expected, "sent");
        world.begin(client, call(words, 9));
        world.does(server, receive());
        assert_eq!(received(&world, server).words, expected, "called");
        let info = MessageInfo::words_only(words).expect("short");
        let reply = Reply::new(REPLY, info, [9, 11, 12, 13]);
        world.does(server, reply);
        let result = world.outcome::<Call>(client).expect("a reply");
        assert_eq!(result.expect("no error").words, expected, "replied");
    }
}

#[test]
fn binding_a_notification_delivers_flags_that_are_already_raised() {
    let (world, server, _) = pair();
    world.does(server, calls::notification(NOTIFICATION));
    let notification = NOTIFICATION;
    let second = world.thread_in(server.domain, SPARE);
    world.does(second, calls::signal(notification, 6));
    world.begin(server, receive());
    world.does(second, calls::bind(slots::THREAD, notification));
    let message = received(&world, server);
    assert!(message.info.is_notification());
    assert_eq!(message.badge, 6);
    assert_eq!(
        world.call(second, calls::wait(notification, 0)),
        Err(Error::TimedOut),
        "taken once"
    );
}

#[test]
fn a_reply_whose_capability_is_missing_is_refused_and_the_reply_right_stays() {
    for is_being_destroyed in [false, true] {
        let (world, server, client) = pair();
        if is_being_destroyed {
            begin_to_destroy_one(&world, server, SPARE);
        }
        world.begin(client, call(1, 1));
        world.does(server, receive());
        let free = u64::from(NOTIFICATION.0);
        world.buffer(client).write_word(RECEIVE_OFFSET, free);
        world
            .buffer(server)
            .write_word(SEND_OFFSET, u64::from(SPARE.0));
        let info = MessageInfo::try_new(0, 1).expect("fits");
        let refused = Err(Error::EmptySlot);
        let plain = Reply { info, ..reply(0) };
        assert_eq!(world.call(server, plain), refused);
        let both = ReplyAndReceive::new(ENDPOINT, info, [0; 4], REPLY);
        world.begin(server, both);
        let outcome = world.outcome::<ReplyAndReceive>(server);
        assert_eq!(outcome.map(|outcome| outcome.map(|_| ())), Some(refused));
        assert_eq!(world.outcome::<Call>(client), None);
        world.does(server, reply(99));
        let result = world.outcome::<Call>(client).expect("a reply");
        assert_eq!(result.expect("no error").words[0], 99);
    }
}

/// Creates an endpoint, and makes the first step of destroying it.
fn begin_to_destroy_one(world: &World, owner: TestDomain, into: Slot) {
    const COPY: Slot = Slot(slots::FREE + 20);
    const DESTROYER: Slot = Slot(slots::FREE + 21);
    world.does(owner, calls::endpoint(into));
    world.give(owner, into, owner, COPY, 0);
    let destroyer = world.thread_in(owner.domain, DESTROYER);
    // The time budget is spent after one step.
    world.machine.set_ticks_step(10_000);
    world.begin_step(destroyer, calls::destroy(into));
    assert!(world.is_at_call(destroyer));
}
