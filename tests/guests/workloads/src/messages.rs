//! Workloads that send: long messages with capabilities, messages without a reply, and flags to a receiving thread.

use runtime::abi::calls::{
    Call, CapabilityInspect, CapabilityMint, CapabilityRevoke, ReplyAndReceive, Send,
};
use runtime::abi::kind::EndpointRights;
use runtime::abi::message::{REGISTER_WORDS, WORDS_MAX};
use runtime::abi::{MessageInfo, ObjectKind};
use runtime::system_call::invoke;
use runtime::{Error, Slot};

use crate::board::{Board, Buffer};
use crate::calls::{is_empty, receive, signal, wait, yield_times};
use crate::scrambled;
use crate::slots::{
    DOORBELL, DOORBELL_ACK, LETTERS, LONG, LONG_REPLY, MARK, PASSED, RETURNED, TAKEN,
};

/// The number of words of a reply to a long message: fewer, so that part of the caller's buffer keeps its content.
const REPLY_WORDS: usize = 40;
/// The number of words of a message without a reply.
const LETTER_WORDS: usize = 16;

/// Calls with the longest message and two capabilities; the reply returns one of them.
pub extern "C" fn calls_at_length(board: Board) -> ! {
    let buffer = board.buffer();
    loop {
        let round = board.rounds();
        for (number, slot) in PASSED.into_iter().enumerate() {
            board.check(mint(slot, badge_of(round, number)).is_ok(), 33);
            buffer.send(number, slot);
        }
        buffer.receive_in(0, RETURNED);
        let words = fill(buffer, round, WORDS_MAX);
        let info = shape(WORDS_MAX, PASSED.len());
        let reply = invoke(Call::new(LONG, info, words));
        board.check(reply.is_ok_and(|it| it.info == shape(REPLY_WORDS, 1)), 34);
        let words = reply.map_or([0; REGISTER_WORDS], |it| it.words);
        board.check(holds(buffer, words, !round, REPLY_WORDS), 35);
        let is_kept = |index| buffer.word(index) == word_of(round, index);
        board.check((REPLY_WORDS..WORDS_MAX).all(is_kept), 36);
        board.check(holds_badge(RETURNED, badge_of(round, 1)), 37);
        // The capabilities passed and returned are derived from this one, wherever they are.
        board.check(invoke(CapabilityRevoke { slot: MARK }).is_ok(), 38);
        for slot in PASSED.into_iter().chain(TAKEN).chain([RETURNED]) {
            board.check(is_empty(slot), 39);
        }
        board.round();
    }
}

/// Receives these calls, lets other threads run, then checks each message and replies to it.
pub extern "C" fn replies_at_length(board: Board) -> ! {
    let buffer = board.buffer();
    let receive_in_both = || {
        for (number, slot) in TAKEN.into_iter().enumerate() {
            buffer.receive_in(number, slot);
        }
    };
    receive_in_both();
    let mut request = invoke(receive(LONG, LONG_REPLY));
    loop {
        let round = board.rounds();
        let info = request.map_or(MessageInfo::EMPTY, |it| it.info);
        board.check(info == shape(WORDS_MAX, TAKEN.len()), 40);
        yield_times(1);
        let words = request.map_or([0; REGISTER_WORDS], |it| it.words);
        board.check(holds(buffer, words, round, WORDS_MAX), 41);
        for (number, slot) in TAKEN.into_iter().enumerate() {
            board.check(holds_badge(slot, badge_of(round, number)), 42);
        }
        board.round();
        let words = fill(buffer, !round, REPLY_WORDS);
        buffer.send(0, TAKEN[1]);
        receive_in_both();
        request = invoke(ReplyAndReceive::new(
            LONG,
            shape(REPLY_WORDS, 1),
            words,
            LONG_REPLY,
        ));
    }
}

/// Sends messages without a reply. None is lost or duplicated, whenever the domain is frozen.
pub extern "C" fn sends(board: Board) -> ! {
    let buffer = board.buffer();
    loop {
        let words = fill(buffer, board.rounds(), LETTER_WORDS);
        let sent = invoke(Send::new(LETTERS, shape(LETTER_WORDS, 0), words));
        board.check(sent.is_ok(), 43);
        board.round();
    }
}

/// Receives these messages, and the flags of the notification that it is bound to.
pub extern "C" fn receives_and_is_notified(board: Board) -> ! {
    let buffer = board.buffer();
    let (mut letters, mut signals) = (0, 0);
    loop {
        // There is no slot for a reply right, since there are no calls.
        let received = invoke(receive(LETTERS, Slot::NONE));
        board.check(received.is_ok(), 44);
        let Ok(message) = received else { continue };
        if message.info.is_notification() {
            let flags = message.badge;
            board.check(flags == 1 << (signals % 64), 45);
            signals += 1;
            board.check(signal(DOORBELL_ACK, flags).is_ok(), 46);
        } else {
            yield_times(1);
            board.check(holds(buffer, message.words, letters, LETTER_WORDS), 47);
            letters += 1;
        }
        board.round();
    }
}

/// Raises flags for the receiving thread, one at a time.
pub extern "C" fn signals_receiver(board: Board) -> ! {
    loop {
        let flags = 1 << (board.rounds() % 64);
        board.check(signal(DOORBELL, flags).is_ok(), 48);
        board.check(wait(DOORBELL_ACK) == Ok(flags), 49);
        board.round();
    }
}

fn mint(to: Slot, badge: u64) -> Result<(), Error> {
    invoke(CapabilityMint {
        from: MARK,
        to,
        rights: EndpointRights::SEND.into(),
        badge,
    })
}

/// The badge of a capability in a round's message: never zero.
fn badge_of(round: u64, number: usize) -> u64 {
    round * 2 + number as u64 + 1
}

fn holds_badge(slot: Slot, badge: u64) -> bool {
    let send = u64::from(runtime::abi::Rights::from(EndpointRights::SEND).0);
    invoke(CapabilityInspect { slot }) == Ok((ObjectKind::Endpoint as u64, send, badge))
}

fn shape(words: usize, capabilities: usize) -> MessageInfo {
    MessageInfo::try_new(words, capabilities).unwrap_or(MessageInfo::EMPTY)
}

/// A word of a message.
fn word_of(message: u64, index: usize) -> u64 {
    scrambled(message.wrapping_add(index as u64))
}

/// Writes a message's words into the buffer; returns those that are sent in registers.
fn fill(buffer: Buffer, message: u64, count: usize) -> [u64; REGISTER_WORDS] {
    for index in REGISTER_WORDS..count {
        buffer.set_word(index, word_of(message, index));
    }
    core::array::from_fn(|index| word_of(message, index))
}

/// Whether these are a message's words: the first ones from registers, the others in the buffer.
fn holds(buffer: Buffer, first: [u64; REGISTER_WORDS], message: u64, count: usize) -> bool {
    first == core::array::from_fn(|index| word_of(message, index))
        && (REGISTER_WORDS..count).all(|index| buffer.word(index) == word_of(message, index))
}
