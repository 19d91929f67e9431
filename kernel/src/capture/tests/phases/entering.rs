//! The calls and exceptions that bring the subject's thread into its phases.

use abi::MessageInfo;
use abi::calls::{ReplyAndReceive, Send, Wait};
use abi::register::Slot;

use crate::capture::tests::scene::{
    ENDPOINT, INNER, INNER_REPLY, NOTIFICATION, REPLY, Scene, call, receive,
};
use crate::testing::{calls, slots};

/// The RIP of a thread that faults, or that makes no call.
pub const ELSEWHERE: u64 = 0x1234;
pub const DEADLINE_NS: u64 = 50_000_000;

pub fn send() -> Send {
    Send::new(ENDPOINT, MessageInfo::EMPTY, [5, 0, 0, 0])
}

pub fn wait(deadline: u64) -> Wait {
    calls::wait(NOTIFICATION, deadline)
}

pub fn reply_and_receive(w0: u64) -> ReplyAndReceive {
    let info = MessageInfo::words_only(1).expect("short");
    ReplyAndReceive::new(ENDPOINT, info, [w0, 0, 0, 0], REPLY)
}

/// The vector of a fault, whose instruction is repeated.
pub const INVALID_OPCODE: u8 = 6;
/// The vector of a trap: RIP is after the instruction that raises it.
pub const BREAKPOINT: u8 = 3;

/// The subject's thread raises an exception with this vector; the message goes to the endpoint in this slot of its table.
pub fn fault(scene: &Scene, vector: u8, handler: Slot) {
    scene.does(scene.subject, calls::faults(slots::THREAD, handler));
    scene.subject.thread.context.rip.set(ELSEWHERE);
    scene.world.raise(scene.subject, vector, 0, 0);
}

/// Another thread of its domain stops the subject's thread.
pub fn stop(scene: &Scene) {
    scene.does(scene.helper, calls::stop(slots::THREAD));
}

pub fn call_outside(scene: &Scene) {
    scene.begin(scene.subject, call(ENDPOINT, 3));
    scene.does(scene.server, receive(ENDPOINT, REPLY));
}

pub fn call_inside(scene: &Scene) {
    scene.begin(scene.subject, call(INNER, 3));
    scene.does(scene.helper, receive(INNER, INNER_REPLY));
}

pub fn exception_outside(scene: &Scene, vector: u8) {
    fault(scene, vector, ENDPOINT);
    scene.does(scene.server, receive(ENDPOINT, REPLY));
}

pub fn exception_inside(scene: &Scene, vector: u8) {
    fault(scene, vector, INNER);
    scene.does(scene.helper, receive(INNER, INNER_REPLY));
}

pub fn fault_outside(scene: &Scene) {
    exception_outside(scene, INVALID_OPCODE);
}

pub fn fault_inside(scene: &Scene) {
    exception_inside(scene, INVALID_OPCODE);
}
