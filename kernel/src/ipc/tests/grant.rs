//! Without the right GRANT, messages and replies carry only data. A reply right has one holder.

use abi::EndpointRights;

use super::*;

const DATA_ONLY: Slot = Slot(slots::FREE + 9);

/// A pair whose client holds the endpoint with these rights.
fn pair_with(rights: EndpointRights) -> (World, TestDomain, TestDomain) {
    let world = World::new();
    let (server, client) = (world.domain(), world.domain());
    world.does(server, calls::endpoint(ENDPOINT));
    world.does(server, calls::mint(ENDPOINT, DATA_ONLY, rights, 7));
    world.give(server, DATA_ONLY, client, ENDPOINT, 0);
    for actor in [server, client] {
        let buffer = world.buffer(actor);
        buffer.write_word(SEND_OFFSET, u64::from(slots::BUFFER.0));
        buffer.write_word(RECEIVE_OFFSET, u64::from(SPARE.0));
    }
    (world, server, client)
}

fn gift() -> MessageInfo {
    MessageInfo::try_new(0, 1).expect("fits")
}

fn send() -> Send {
    Send::new(ENDPOINT, gift(), [0; 4])
}

#[test]
fn a_capability_does_not_pass_without_grant() {
    for server_first in [true, false] {
        let (world, server, client) = pair_with(EndpointRights::SEND);
        if server_first {
            world.begin(server, receive());
        }
        let info = gift();
        let refused = world.call(client, Call { info, ..call(0, 0) });
        assert_eq!(refused, Err(Error::MissingRight));
        assert_eq!(world.call(client, send()), Err(Error::MissingRight));
        if !server_first {
            world.begin(server, receive());
        }
        assert_eq!(world.outcome::<Receive>(server), None);
        let words = Send {
            info: MessageInfo::EMPTY,
            ..send()
        };
        world.does(client, words);
    }
}

#[test]
fn a_capability_passes_with_grant() {
    let (world, server, client) = pair_with(EndpointRights::SEND | EndpointRights::GRANT);
    world.begin(server, receive());
    world.does(client, send());
    assert_eq!(received(&world, server).info.capabilities(), 1);
}

#[test]
fn a_reply_carries_capabilities_only_to_a_caller_with_grant() {
    let grant = EndpointRights::SEND | EndpointRights::GRANT;
    for (rights, expected) in [
        (EndpointRights::SEND, Err(Error::MissingRight)),
        (grant, Ok(())),
    ] {
        let (world, server, client) = pair_with(rights);
        world.begin(client, call(0, 0));
        world.does(server, receive());
        let info = gift();
        let with_capability = Reply { info, ..reply(0) };
        assert_eq!(world.call(server, with_capability), expected);
        let result = world.outcome::<Call>(client);
        assert_eq!(result.is_some(), expected.is_ok());
        if expected.is_err() {
            // The reply right is still there, for a reply without capabilities.
            world.does(server, reply(5));
            let result = world.outcome::<Call>(client).expect("a reply");
            assert_eq!(result.expect("no error").words[0], 5);
        }
    }
}

#[test]
fn reply_and_receive_carries_no_capability_without_grant() {
    let (world, server, client) = pair_with(EndpointRights::SEND);
    world.begin(client, call(0, 0));
    world.does(server, receive());
    let both = ReplyAndReceive::new(ENDPOINT, gift(), [0; 4], REPLY);
    assert_eq!(world.call(server, both), Err(Error::MissingRight));
    assert_eq!(client.thread.phase.get(), Phase::Awaiting);
}

#[test]
fn a_reply_right_is_installed_with_no_other_right_than_grant() {
    let (world, manager, subject) = pair_with(EndpointRights::SEND);
    const SUBJECT: Slot = Slot(20);
    const THREAD: Slot = Slot(21);
    world.give(subject, slots::DOMAIN, manager, SUBJECT, 0);
    world.give(subject, slots::THREAD, manager, THREAD, 0);
    world.begin(subject, call(0, 0));
    world.does(manager, receive());
    world.does(manager, calls::freeze(SUBJECT, u64::MAX));
    let install = |to, rights| calls::install_reply(SUBJECT, THREAD, Slot(to), rights);
    let more = EndpointRights::GRANT | EndpointRights::SEND;
    let refused = world.call(manager, install(40, more.into()));
    assert_eq!(refused, Err(Error::ArgumentRange));
    for (to, rights) in [(40, abi::Rights(0)), (41, EndpointRights::GRANT.into())] {
        world.does(manager, install(to, rights));
        let place = subject.place(Slot(to));
        use capabilities::Storage;
        let held = crate::memory::SlotStorage.slot(place).capability();
        assert_eq!(held.expect("a reply right").rights, rights);
    }
}

#[test]
fn a_reply_right_is_installed_only_while_its_caller_is_quiescent() {
    const SUBJECT: Slot = Slot(20);
    const THREAD: Slot = Slot(21);
    const OTHER: Slot = Slot(22);
    let (world, server, subject) = pair_with(EndpointRights::SEND);
    let other = world.domain();
    for (from, slot, to) in [
        (subject, slots::DOMAIN, SUBJECT),
        (subject, slots::THREAD, THREAD),
        (other, slots::DOMAIN, OTHER),
    ] {
        world.give(from, slot, server, to, 0);
    }
    world.begin(subject, call(0, 0));
    world.does(server, receive());
    let expect = |domain, expected| {
        let install = calls::install_reply(domain, THREAD, Slot(40), abi::Rights(0));
        assert_eq!(world.call(server, install), expected, "{domain:?}");
    };
    let freeze = |domain| {
        world.does(server, calls::freeze(domain, u64::MAX));
    };
    expect(SUBJECT, Err(Error::WrongState));
    freeze(OTHER);
    expect(SUBJECT, Err(Error::WrongState));
    expect(OTHER, Err(Error::WrongState));
    freeze(SUBJECT);
    expect(OTHER, Err(Error::WrongState));
    // The server's reply right is valid until another one is installed.
    let call_number = subject.thread.call_number.get();
    expect(SUBJECT, Ok(()));
    assert_ne!(subject.thread.call_number.get(), call_number);
    assert_eq!(world.call(server, reply(5)), Err(Error::Gone));
}

#[test]
fn a_reply_right_is_not_sent_in_a_message() {
    let grant = EndpointRights::SEND | EndpointRights::GRANT;
    let (world, server, client) = pair_with(grant);
    world.begin(client, call(0, 0));
    world.does(server, receive());
    let third = world.domain();
    world.give(server, ENDPOINT, third, ENDPOINT, 0);
    let buffers = [server, third].map(|actor| world.buffer(actor));
    buffers[0].write_word(SEND_OFFSET, u64::from(REPLY.0));
    buffers[1].write_word(RECEIVE_OFFSET, u64::from(SPARE.0));
    world.begin(third, receive());
    let info = gift();
    let refused = [
        world.call(server, send()),
        world.call(server, Call { info, ..call(0, 0) }).map(|_| ()),
        world.call(server, Reply { info, ..reply(0) }),
    ];
    assert_eq!(refused, [Err(Error::WrongKind); 3]);
    assert_eq!(world.outcome::<Receive>(third), None);
    world.does(server, reply(5));
    let result = world.outcome::<Call>(client).expect("a reply");
    assert_eq!(result.expect("no error").words[0], 5);
}

#[test]
fn a_blocked_caller_that_lost_grant_repeats_its_call_without_it() {
    let (world, server, client) = pair_with(EndpointRights::SEND | EndpointRights::GRANT);
    let info = gift();
    world.begin(client, Call { info, ..call(0, 0) });
    world.does(server, calls::revoke(DATA_ONLY));
    let lesser = calls::mint(DATA_ONLY, NOTIFICATION, EndpointRights::SEND, 0);
    world.does(server, lesser);
    world.give(server, NOTIFICATION, client, ENDPOINT, 0);
    world.begin(server, receive());
    assert_eq!(world.outcome::<Receive>(server), None);
    world.step(client);
    let refused = world.outcome::<Call>(client);
    assert_eq!(refused, Some(Err(Error::MissingRight)));
}
