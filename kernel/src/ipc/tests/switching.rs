//! The thread that runs after a message or a reply, beside a compute-bound thread of the same priority.

use super::*;
use crate::memory::Ref;
use crate::objects::Thread;

/// A waiting server, a client that is about to call, and a compute-bound thread, all of one priority.
fn with_hog() -> (World, TestDomain, TestDomain, Ref<Thread>) {
    let (world, server, client) = pair();
    world.begin(server, receive());
    let hog = world.thread_in(client.domain, SPARE);
    (world, server, client, hog)
}

fn reply_and_receive() -> ReplyAndReceive {
    ReplyAndReceive::new(ENDPOINT, MessageInfo::EMPTY, [0; 4], REPLY)
}

fn runs(world: &World) -> Ref<Thread> {
    world.kernel.scheduler.current().expect("a thread runs")
}

#[test]
fn a_call_and_its_reply_do_not_wait_for_a_compute_bound_thread() {
    let (world, server, client, hog) = with_hog();
    for _ in 0..3 {
        world.begin(client, call(0, 0));
        assert!(runs(&world) == server.thread, "the call was received");
        world.begin(server, reply_and_receive());
        assert!(runs(&world) == client.thread, "the reply was received");
    }
    assert!(hog.is_runnable());
}

#[test]
fn a_thread_that_replies_without_receiving_keeps_running() {
    let (world, server, client, _) = with_hog();
    world.begin(client, call(0, 0));
    world.does(server, reply(0));
    assert!(runs(&world) == server.thread);
    assert!(client.thread.is_runnable());
}

#[test]
fn a_server_with_a_queued_call_keeps_running() {
    let (world, server, client, _) = with_hog();
    let second = world.thread_in(client.domain, NOTIFICATION);
    world.begin(client, call(0, 0));
    world.begin(second, call(0, 1));
    world.begin(server, reply_and_receive());
    assert!(runs(&world) == server.thread);
    assert_eq!(received(&world, server).words[0], 0);
    assert!(client.thread.is_runnable());
}

#[test]
fn a_thread_that_sends_keeps_running() {
    let (world, server, client, _) = with_hog();
    let send = Send::new(ENDPOINT, MessageInfo::EMPTY, [0; 4]);
    world.does(client, send);
    assert!(runs(&world) == client.thread);
    assert!(server.thread.is_runnable());
}

#[test]
fn a_thread_that_receives_a_queued_message_keeps_running() {
    let (world, server, client) = pair();
    world.begin(client, call(0, 0));
    world.thread_in(client.domain, SPARE);
    world.begin(server, receive());
    assert!(runs(&world) == server.thread);
    assert_eq!(client.thread.phase.get(), Phase::Awaiting);
}

#[test]
fn a_server_of_lower_priority_waits_for_threads_above_it() {
    let (world, server, client, hog) = with_hog();
    server.thread.priority.set(9);
    world.begin(client, call(0, 0));
    assert!(runs(&world) == hog);
    world.kernel.scheduler.remove(hog);
    hog.stopped.set(true);
    world.kernel.enter(Cause::Spurious);
    assert!(runs(&world) == server.thread);
}
