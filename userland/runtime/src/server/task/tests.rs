use super::*;
use crate::host::{self, CallResult, DONE, with_kernel};
use crate::message::Message;
use crate::server::receiver::run_started;
use abi::{MessageInfo, Request};
use core::cell::{Cell, RefCell};
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::vec::Vec;

const DOMAIN: Slot = Slot(1);
const ENDPOINT: Slot = Slot(9);

std::thread_local! {
    /// The receiver's argument, and whether it was started and waits.
    static RECEIVER: Cell<(u64, bool)> = const { Cell::new((0, false)) };
    /// For each call that waits at the endpoint, its first word.
    static CALLERS: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// A kernel whose receiver runs as soon as it was started and a caller waits.
fn kernel(request: &Request) -> CallResult {
    match request {
        Request::ThreadSchedule(call) if call.priority > 16 => Err(Error::MissingRight),
        Request::ThreadPrepare(call) => {
            RECEIVER.set((call.argument, false));
            DONE
        }
        Request::ThreadStart(_) => {
            RECEIVER.set((RECEIVER.get().0, true));
            run_receiver();
            DONE
        }
        Request::Receive(call) => {
            assert_eq!(call.endpoint, ENDPOINT);
            let word = CALLERS.with_borrow_mut(|callers| callers.remove(0));
            let info = MessageInfo::words_only(1).unwrap();
            let mut registers = [0; abi::register::REGISTER_COUNT];
            registers[..3].copy_from_slice(&[5, info.bits(), word]);
            Ok(registers)
        }
        Request::Signal(call) => {
            events::raise(call.flags);
            DONE
        }
        _ => DONE,
    }
}

fn run_receiver() {
    let (argument, waits) = RECEIVER.get();
    if waits && CALLERS.with_borrow(|callers| !callers.is_empty()) {
        RECEIVER.set((argument, false));
        run_started(argument);
    }
}

fn call(word: u64) {
    CALLERS.with_borrow_mut(|callers| callers.push(word));
    run_receiver();
}

fn server() -> TaskServer {
    let [domain, endpoint] = [DOMAIN, ENDPOINT];
    let wake = Cap::from_slot(host::WAKE);
    TaskServer::with(Cap::from_slot(domain), wake, Cap::from_slot(endpoint)).unwrap()
}

fn poll(server: &mut TaskServer) -> Poll<Result<Event, Error>> {
    pin!(server.next()).poll(&mut Context::from_waker(Waker::noop()))
}

fn called_with(word: u64) -> Poll<Result<Event, Error>> {
    let message = Message::of(&[word]);
    Poll::Ready(Ok(Event::Call { badge: 5, message }))
}

#[test]
fn calls_reach_the_task_one_at_a_time_and_none_is_lost_by_cancelling() {
    let ((), requests) = with_kernel(kernel, || {
        let mut server = server();
        assert_eq!(poll(&mut server), Poll::Pending);
        call(1);
        call(2);
        assert_eq!(poll(&mut server), called_with(1));
        server.respond(Handled::Reply(Message::of(&[10])));
        assert_eq!(poll(&mut server), called_with(2));
        server.respond(Handled::NoReply);
        assert_eq!(poll(&mut server), Poll::Pending);
    });
    let replies = requests.iter().filter_map(|request| match request {
        Request::Reply(call) => Some(call.w0),
        _ => None,
    });
    assert_eq!(replies.collect::<Vec<_>>(), [10]);
    let starts = |request: &&Request| matches!(request, Request::ThreadStart(_));
    assert_eq!(requests.iter().filter(starts).count(), 3);
}

#[test]
fn the_receiver_has_the_priority_of_the_first_thread() {
    let (_, requests) = with_kernel(kernel, server);
    let last = requests.iter().rev().find_map(|request| match request {
        Request::ThreadSchedule(call) => Some(call.priority),
        _ => None,
    });
    assert_eq!(last, Some(16));
}

#[test]
fn the_next_wait_keeps_a_taken_reply_right() {
    let (taken, requests) = with_kernel(kernel, || {
        let mut server = server();
        call(1);
        assert_eq!(poll(&mut server), called_with(1));
        let taken = server.take_reply().unwrap();
        assert_eq!(poll(&mut server), Poll::Pending);
        taken
    });
    let deletes = |request: &Request| match request {
        Request::CapabilityDelete(call) => call.slot == taken.slot(),
        _ => false,
    };
    let start = requests
        .iter()
        .rposition(|request| matches!(request, Request::Receive(_)));
    assert!(!requests[start.unwrap()..].iter().any(deletes));
}

#[test]
fn a_caller_that_was_not_seen_yet_gets_no_reply() {
    let (taken, requests) = with_kernel(kernel, || {
        let mut server = server();
        assert_eq!(poll(&mut server), Poll::Pending);
        call(1);
        server.respond(Handled::Reply(Message::of(&[10])));
        let taken = server.take_reply();
        assert_eq!(poll(&mut server), called_with(1));
        taken
    });
    assert_eq!(taken, Err(Error::EmptySlot));
    let replied = |request: &Request| matches!(request, Request::Reply(_));
    assert!(!requests.iter().any(replied));
}
