//! Long kernel operations on messages.

use core::sync::atomic::Ordering::Relaxed;

use runtime::abi::calls::{Call, Receive};
use runtime::abi::message::{CAPABILITIES_MAX, RECEIVE_OFFSET, SEND_OFFSET, WORDS_MAX};
use runtime::abi::register::{Access, PageCount, Slot};
use runtime::abi::{MessageInfo, NO_DEADLINE};
use runtime::capability::{Memory, Thread};
use runtime::mapping::Mapping;
use runtime::message::Message;
use runtime::server::{Event, Server};
use runtime::{Cap, Error};

use crate::actors::{Actors, BUFFER, FIRST_SLOT, cast, start_at};
use crate::stage::Stage;
use crate::threads::send;

const SENDERS: usize = 100;
/// The number of senders that one step rejects before one that it serves.
const REJECTED: usize = 15;
const OUTSIDERS: usize = 256;

/// The first of the slots in which an actor receives capabilities with a reply.
const FIRST_FREE_SLOT: u32 = FIRST_SLOT + 8;

/// Senders of unreadable messages, and a last one whose message can be read.
pub fn unreadable(stage: &Stage) -> Result<(), Error> {
    let actors = cast(stage, SENDERS + 1)?;
    let endpoint = stage.pool.create_endpoint()?;
    actors.give(endpoint, FIRST_SLOT)?;
    let last = begin_with_unreadable(stage, &actors)?;
    start_at(last, &send(MessageInfo::EMPTY), 0)?;
    stage.pause()?;
    endpoint.receive(None)?;
    actors.end()?;
    endpoint.destroy()
}

/// Starts all actors but the last; they send unreadable messages. Returns the last one, which is not started.
fn begin_with_unreadable(stage: &Stage, actors: &Actors) -> Result<Cap<Thread>, Error> {
    let (last, others) = actors.threads.split_last().ok_or(Error::NotThere)?;
    for thread in others {
        start_at(*thread, &send(MessageInfo::words_only(9)?), 0)?;
    }
    stage.pause()?;
    Ok(*last)
}

/// The longest message in both directions, behind as many unreadable ones as one step rejects.
pub fn long(stage: &Stage) -> Result<(), Error> {
    let actors = cast(stage, REJECTED + 1)?;
    let endpoint = stage.pool.create_endpoint()?;
    for slot in FIRST_SLOT..=FIRST_SLOT + CAPABILITIES_MAX as u32 {
        actors.give(endpoint, slot)?;
    }
    let buffer = actors.give_buffer()?;
    name_slots(stage, buffer)?;
    let call = call(MessageInfo::try_new(WORDS_MAX, CAPABILITIES_MAX)?);
    let last = begin_with_unreadable(stage, &actors)?;
    start_at(last, &call, BUFFER)?;
    stage.pause()?;
    let mut server = Server::new(endpoint)?.accepting(CAPABILITIES_MAX);
    let Event::Call { mut message, .. } = server.receive()? else {
        return Err(Error::WrongKind);
    };
    message.discard_capabilities();
    let right = server.take_reply()?;
    let mut reply = Message::of(&[7; WORDS_MAX]);
    for _ in 0..CAPABILITIES_MAX {
        reply = reply.capability(endpoint);
    }
    right.reply(&reply)?;
    actors.end()?;
    endpoint.destroy()
}

/// Writes the slots of the capabilities that an actor sends, and of those that it receives, into its message buffer.
fn name_slots(stage: &Stage, buffer: Cap<Memory>) -> Result<(), Error> {
    let mapping = Mapping::new(stage.domain, buffer, PageCount(1), Access::ReadWrite)?;
    for index in 0..CAPABILITIES_MAX as u32 {
        let word = |offset: u64| {
            mapping
                .memory()
                .word32((offset + 4 * u64::from(index)) as usize)
        };
        word(SEND_OFFSET).store(FIRST_SLOT + 1 + index, Relaxed);
        word(RECEIVE_OFFSET).store(FIRST_FREE_SLOT + index, Relaxed);
    }
    Ok(())
}

/// Threads of another domain wait for a domain that is then retired.
pub fn retired(stage: &Stage) -> Result<(), Error> {
    let domain = cast(stage, 1)?;
    let endpoint = domain.pool.create_endpoint()?;
    let outsiders = cast(stage, OUTSIDERS)?;
    outsiders.give(endpoint, FIRST_SLOT)?;
    outsiders.start_at(send(MessageInfo::EMPTY), 0)?;
    stage.pause()?;
    let freeze = domain.domain.freeze(NO_DEADLINE)?;
    domain.domain.retire(freeze.version, freeze.token)?;
    stage.pause()?;
    outsiders.end()?;
    domain.end()
}

/// A call of this shape.
pub fn call(info: MessageInfo) -> Call {
    Call::new(Slot(FIRST_SLOT), info, [0; 4])
}

/// A receive with this slot for the reply right.
pub fn receive(reply: Slot) -> Receive {
    Receive::new(Slot(FIRST_SLOT), Some(reply))
}
