//! Calls, answers and sends between the guest's own thread and workers.

use guest_support::worker::{DONE, PRIORITY, Page, Worker};
use runtime::abi::calls::{Call, Receive, Received, ReplyAndReceive, Send};
use runtime::abi::kind::{EndpointRights, NotificationRights};
use runtime::abi::message::{CAPABILITIES_MAX, RECEIVE_OFFSET, SEND_OFFSET, WORDS_MAX};
use runtime::abi::{MessageInfo, ObjectKind, Register};
use runtime::capability::{Any, Endpoint};
use runtime::message::Message;
use runtime::system_call::invoke;
use runtime::{Cap, Error};

use super::given::{ENDPOINT, RECEIVED, REPLY};
use crate::fixture::{Failure, Fixture, expect, expect_refusal, require, status};

/// The words in which scripts store a received message: badge or status, shape, words.
const GOT: usize = 0;

fn info(words: u64) -> MessageInfo {
    MessageInfo::from_register(words).unwrap_or(MessageInfo::EMPTY)
}

fn note(page: Page, result: Result<Received, Error>) {
    page.set(GOT, 1000 + status(&result));
    if let Ok(received) = result {
        page.set(GOT, received.badge);
        page.set(GOT + 1, received.info.bits());
        for (index, word) in received.words.into_iter().enumerate() {
            page.set(GOT + 2 + index, word);
        }
    }
}

extern "C" fn calls(page: Page) -> ! {
    let answer = invoke(Call::new(ENDPOINT, info(4), [11, 12, 13, 14]));
    note(page, answer);
    page.done()
}

extern "C" fn sends(page: Page) -> ! {
    let sent = invoke(Send::new(ENDPOINT, info(1), [11, 0, 0, 0]));
    page.set(GOT, 1000 + status(&sent));
    page.done()
}

/// Creates a worker that may send to an endpoint, with this badge.
fn client(fixture: &Fixture, endpoint: Cap<Endpoint>, badge: u64) -> Result<Worker, Failure> {
    let worker = fixture.worker()?;
    let rights = EndpointRights::all() - EndpointRights::RECEIVE;
    worker.domain.install(endpoint, ENDPOINT, rights, badge)?;
    Ok(worker)
}

pub fn call_and_answer(fixture: &Fixture) -> Result<(), Failure> {
    let endpoint = fixture.pool.create_endpoint()?;
    let worker = client(fixture, endpoint, 0xbad9e)?;
    worker.start(calls)?;
    let incoming = fixture.receive(endpoint)?;
    expect("the badge", incoming.badge, 0xbad9e)?;
    expect(
        "the number of words",
        incoming.message.words().len() as u64,
        4,
    )?;
    for (word, must) in incoming.message.words().iter().zip(11..) {
        expect("a word", *word, must)?;
    }
    fixture.answer(&Message::of(&[21, 22, 23]))?;
    fixture.wait()?;
    expect("the answer's shape", worker.word(GOT + 1), 3)?;
    for (index, must) in [(2, 21), (3, 22), (4, 23)] {
        expect("a word of the answer", worker.word(index), must)?;
    }
    worker.end()?;
    let worker = client(fixture, endpoint, 3)?;
    worker.start(sends)?;
    let incoming = fixture.receive(endpoint)?;
    expect("the badge", incoming.badge, 3)?;
    fixture.wait()?;
    expect("the sender's status", worker.word(GOT), 1000)?;
    Ok(worker.end()?)
}

fn buffer_word(offset: u64) -> *mut u32 {
    (Worker::buffer(0) + offset) as *mut u32
}

/// Echoes a message: the words stay in the message buffer, and the received capabilities are sent back.
extern "C" fn echoes(page: Page) -> ! {
    let arm = || {
        for index in 0..CAPABILITIES_MAX as u64 {
            let slot = RECEIVED.0 + index as u32;
            // SAFETY: the message buffer is this thread's.
            unsafe {
                buffer_word(RECEIVE_OFFSET + 4 * index).write_volatile(slot);
                buffer_word(SEND_OFFSET + 4 * index).write_volatile(slot);
            }
        }
    };
    arm();
    let mut received = invoke(Receive::new(ENDPOINT, Some(REPLY)));
    while let Ok(message) = received {
        note(page, received);
        let words = message.words;
        arm();
        received = invoke(ReplyAndReceive::new(ENDPOINT, message.info, words, REPLY));
    }
    page.set(GOT, 1000 + status(&received));
    page.done()
}

pub fn long(fixture: &Fixture) -> Result<(), Failure> {
    let endpoint = fixture.pool.create_endpoint()?;
    let worker = fixture.worker()?;
    worker.give(endpoint, ENDPOINT)?;
    worker.start(echoes)?;
    let notification = fixture.pool.create_notification()?;
    let signal = notification.mint(NotificationRights::SIGNAL, 0)?;
    let badged = fixture
        .pool
        .create_endpoint()?
        .mint(EndpointRights::SEND, 77)?;
    let mut message = (0..WORDS_MAX as u64).fold(Message::new(), |message, word| {
        message.word(word.wrapping_mul(0x1_0001) ^ 0xf0)
    });
    for capability in [
        notification.erase(),
        signal.erase(),
        badged.erase(),
        fixture.pool.erase(),
    ] {
        message = message.capability(capability);
    }
    let answer = endpoint.call_idempotent_accepting(&message, CAPABILITIES_MAX)?;
    require("every word", answer.words() == message.words())?;
    let came: alloc::vec::Vec<Cap<Any>> = answer
        .capabilities()
        .iter()
        .map(|slot| Cap::from_slot(*slot))
        .collect();
    expect("the number of capabilities", came.len() as u64, 4)?;
    for (capability, (kind, rights, badge)) in came.iter().zip([
        (
            ObjectKind::Notification,
            NotificationRights::all().bits(),
            0,
        ),
        (
            ObjectKind::Notification,
            NotificationRights::SIGNAL.bits(),
            0,
        ),
        (ObjectKind::Endpoint, EndpointRights::SEND.bits(), 77),
        (ObjectKind::Pool, runtime::abi::PoolRights::all().bits(), 0),
    ]) {
        let held = capability.inspect()?;
        require("kind that was sent", held.kind == Some(kind))?;
        expect("the rights", held.rights.0.into(), rights.into())?;
        expect("the badge", held.badge, badge)?;
        capability.delete()?;
    }
    signal.delete()?;
    Ok(worker.end()?)
}

pub fn answer_once(fixture: &Fixture) -> Result<(), Failure> {
    let endpoint = fixture.pool.create_endpoint()?;
    let worker = client(fixture, endpoint, 1)?;
    worker.start(calls)?;
    fixture.receive(endpoint)?;
    fixture.answer(&Message::of(&[1]))?;
    match fixture.answer(&Message::of(&[2])) {
        Err(Failure::Refused(Error::EmptySlot)) => {}
        _ => return Err(Failure::missing("refusal of the second answer")),
    }
    fixture.wait()?;
    expect("the answer", worker.word(GOT + 2), 1)?;
    Ok(worker.end()?)
}

pub fn nobody_answers(fixture: &Fixture) -> Result<(), Failure> {
    let endpoint = fixture.pool.create_endpoint()?;
    // The receiver deletes the reply right.
    let worker = client(fixture, endpoint, 1)?;
    worker.start(calls)?;
    fixture.receive(endpoint)?;
    fixture.refuse()?;
    fixture.wait()?;
    expect(
        "the caller's status",
        worker.word(GOT),
        1000 + Error::Gone as u64,
    )?;
    worker.end()?;
    // The caller is destroyed.
    let worker = client(fixture, endpoint, 1)?;
    worker.start(calls)?;
    fixture.receive(endpoint)?;
    worker.end()?;
    match fixture.answer(&Message::of(&[2])) {
        Err(Failure::Refused(Error::EmptySlot | Error::Gone)) => Ok(()),
        _ => Err(Failure::missing("refusal of an answer to nobody")),
    }
}

extern "C" fn receives_without_reply(page: Page) -> ! {
    let received = invoke(Receive::new(ENDPOINT, None));
    note(page, received);
    page.done()
}

pub fn no_reply_slot(fixture: &Fixture) -> Result<(), Failure> {
    let endpoint = fixture.pool.create_endpoint()?;
    let worker = fixture.worker()?;
    worker.give(endpoint, ENDPOINT)?;
    worker.start(receives_without_reply)?;
    fixture.settle()?;
    let called = endpoint.call(&Message::of(&[1]));
    expect_refusal("a call", called, Error::MessageSize)?;
    endpoint.send(&Message::of(&[5]))?;
    fixture.wait()?;
    expect("the word that was sent", worker.word(GOT + 2), 5)?;
    Ok(worker.end()?)
}

/// The receiver does not see registers of the sender beyond the words of its message.
pub fn unsent_words(fixture: &Fixture) -> Result<(), Failure> {
    let endpoint = fixture.pool.create_endpoint()?;
    let worker = fixture.worker()?;
    worker.give(endpoint, ENDPOINT)?;
    worker.start(receives_without_reply)?;
    fixture.settle()?;
    invoke(Send::new(endpoint.slot(), info(1), [5, 6, 7, 8]))?;
    fixture.wait()?;
    for (index, must) in [(2, 5), (3, 0), (4, 0), (5, 0)] {
        expect("a word", worker.word(GOT + index), must)?;
    }
    Ok(worker.end()?)
}

/// Sends the capability to the notification that reports the script's end.
extern "C" fn sends_a_capability(page: Page) -> ! {
    // SAFETY: the message buffer is this thread's.
    unsafe { buffer_word(SEND_OFFSET).write_volatile(DONE.0) };
    let sent = invoke(Send::new(
        ENDPOINT,
        MessageInfo::try_new(1, 1).unwrap_or(MessageInfo::EMPTY),
        [11, 0, 0, 0],
    ));
    page.set(GOT, 1000 + status(&sent));
    page.done()
}

pub fn data_only(fixture: &Fixture) -> Result<(), Failure> {
    let endpoint = fixture.pool.create_endpoint()?;
    let worker = fixture.worker()?;
    worker
        .domain
        .install(endpoint, ENDPOINT, EndpointRights::SEND, 1)?;
    fixture.finish(&worker, sends_a_capability)?;
    let must = 1000 + Error::MissingRight as u64;
    expect("the sender's status", worker.word(GOT), must)?;
    Ok(worker.end()?)
}

/// A thread blocked in a call whose capability was revoked no longer takes part in message transfer.
pub fn revoked_while_blocked(fixture: &Fixture) -> Result<(), Failure> {
    let endpoint = fixture.pool.create_endpoint()?;
    let copy = endpoint.duplicate()?;
    let revoked = client(fixture, copy, 1)?;
    revoked.start(calls)?;
    fixture.settle()?;
    let other = client(fixture, endpoint, 2)?;
    other.start(calls)?;
    fixture.settle()?;
    copy.revoke()?;
    expect("the badge", fixture.receive(endpoint)?.badge, 2)?;
    fixture.answer(&Message::of(&[1]))?;
    while revoked.word(GOT) == 0 || other.word(GOT + 1) == 0 {
        fixture.wait()?;
    }
    let must = 1000 + Error::EmptySlot as u64;
    expect("the status of the revoked caller", revoked.word(GOT), must)?;
    revoked.end()?;
    Ok(other.end()?)
}

pub fn in_order(fixture: &Fixture) -> Result<(), Failure> {
    let endpoint = fixture.pool.create_endpoint()?;
    let mut workers = alloc::vec::Vec::new();
    for badge in 1..=4 {
        let worker = client(fixture, endpoint, badge)?;
        // If priorities mattered here, the later ones would be first.
        worker.start_thread(0, worker.thread, sends, PRIORITY + badge as u8)?;
        fixture.settle()?;
        workers.push(worker);
    }
    for badge in 1..=4 {
        expect("the sender's badge", endpoint.receive(None)?.badge, badge)?;
    }
    for worker in workers {
        worker.end()?;
    }
    Ok(())
}
