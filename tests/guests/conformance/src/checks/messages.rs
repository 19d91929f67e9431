//! Calls, replies and sends between the guest's own thread and workers.

use guest_support::worker::{PRIORITY, Page, Worker};
use runtime::abi::calls::{Call, Receive, Received, Send};
use runtime::abi::kind::EndpointRights;
use runtime::abi::{MessageInfo, Register};
use runtime::capability::Endpoint;
use runtime::message::Message;
use runtime::system_call::invoke;
use runtime::{Cap, Error};

use super::given::ENDPOINT;
use crate::fixture::{Failure, Fixture, expect, expect_refusal, status};

/// The words in which scripts store a received message: badge or status, shape, words.
pub const GOT: usize = 0;

fn info(words: u64) -> MessageInfo {
    MessageInfo::from_register(words).unwrap_or(MessageInfo::EMPTY)
}

/// Stores the result of a receiving call.
pub fn note(page: Page, result: Result<Received, Error>) {
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
    let reply = invoke(Call::new(ENDPOINT, info(4), [11, 12, 13, 14]));
    note(page, reply);
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

pub fn call_and_reply(fixture: &Fixture) -> Result<(), Failure> {
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
    fixture.send_reply(&Message::of(&[21, 22, 23]))?;
    fixture.wait()?;
    expect("the reply's shape", worker.word(GOT + 1), 3)?;
    for (index, must) in [(2, 21), (3, 22), (4, 23)] {
        expect("a word of the reply", worker.word(index), must)?;
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

pub fn reply_once(fixture: &Fixture) -> Result<(), Failure> {
    let endpoint = fixture.pool.create_endpoint()?;
    let worker = client(fixture, endpoint, 1)?;
    worker.start(calls)?;
    fixture.receive(endpoint)?;
    fixture.send_reply(&Message::of(&[1]))?;
    match fixture.send_reply(&Message::of(&[2])) {
        Err(Failure::Refused(Error::EmptySlot)) => {}
        _ => return Err(Failure::missing("refusal of the second reply")),
    }
    fixture.wait()?;
    expect("the reply", worker.word(GOT + 2), 1)?;
    Ok(worker.end()?)
}

pub fn no_reply(fixture: &Fixture) -> Result<(), Failure> {
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
    match fixture.send_reply(&Message::of(&[2])) {
        Err(Failure::Refused(Error::EmptySlot | Error::Gone)) => Ok(()),
        _ => Err(Failure::missing("refusal of a reply to a destroyed caller")),
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
    fixture.send_reply(&Message::of(&[1]))?;
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
