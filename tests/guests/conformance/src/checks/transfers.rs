//! Transfers through message buffers: the words beyond the registers, and capabilities.

use guest_support::worker::{DONE, Page, Worker};
use runtime::abi::calls::{Receive, ReplyAndReceive, Send};
use runtime::abi::kind::{EndpointRights, NotificationRights, PoolRights};
use runtime::abi::message::{CAPABILITIES_MAX, RECEIVE_OFFSET, SEND_OFFSET, WORDS_MAX};
use runtime::abi::{MessageInfo, ObjectKind};
use runtime::capability::Any;
use runtime::message::Message;
use runtime::system_call::invoke;
use runtime::{Cap, Error};

use super::given::{ENDPOINT, RECEIVED, REPLY};
use super::messages::{GOT, note};
use crate::fixture::{Failure, Fixture, expect, require, status};

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
    let reply = endpoint.call_idempotent_accepting(&message, CAPABILITIES_MAX)?;
    require("every word", reply.words() == message.words())?;
    expect_passed(&reply)?;
    signal.delete()?;
    Ok(worker.end()?)
}

/// The kind, rights and badge of each capability that [`long`] sends.
const PASSED: [(ObjectKind, u16, u64); CAPABILITIES_MAX] = [
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
    (ObjectKind::Pool, PoolRights::all().bits(), 0),
];

/// Expects the capabilities [`PASSED`] in a message, and deletes them.
fn expect_passed(message: &Message) -> Result<(), Failure> {
    let passed = message.capabilities();
    expect("the number of capabilities", passed.len() as u64, 4)?;
    for (slot, (kind, rights, badge)) in passed.iter().zip(PASSED) {
        let capability = Cap::<Any>::from_slot(*slot);
        let held = capability.inspect()?;
        require("kind that was sent", held.kind == Some(kind))?;
        expect("the rights", held.rights.0.into(), rights.into())?;
        expect("the badge", held.badge, badge)?;
        capability.delete()?;
    }
    Ok(())
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
