//! Calls that the caller of a [`Stage`] makes.

use core::fmt::Debug;

use abi::calls::ThreadRead;
use abi::message::DATA_OFFSET;
use abi::thread_state::{THREAD_STATE_BYTES, ThreadState};
use abi::{Arguments, Error};

use super::{HELPER, Stage};
use crate::objects::Phase;
use crate::syscalls::matrix::row::EncodedCall;
use crate::testing::CALL_SITE;

impl Stage {
    /// Makes a call as the caller and expects success.
    pub fn does<A: Arguments + Copy + Debug>(&self, call: A) -> A::Output {
        self.world.does(self.caller, call)
    }

    /// Makes a call as the caller, with all its steps; `None` if it blocks.
    pub fn run(&self, call: EncodedCall) -> Option<Result<(), Error>> {
        self.stand_at(call);
        self.go()
    }

    /// Makes an encoded call as the caller and expects success.
    pub fn succeeds(&self, call: EncodedCall) {
        assert_eq!(self.run(call), Some(Ok(())), "{call:?}");
    }

    /// Loads an encoded call into the caller's registers, so that the caller stands at the call.
    pub fn stand_at(&self, call: EncodedCall) {
        let thread = self.caller.thread;
        thread.context.rip.set(CALL_SITE);
        thread.context.rax.set(call.number as u64);
        for (index, value) in call.registers.into_iter().enumerate() {
            thread.set_argument(index, value);
        }
    }

    /// Makes the call at which the caller stands, with all its steps; `None` if it blocks.
    pub fn go(&self) -> Option<Result<(), Error>> {
        let thread = self.caller.thread;
        self.world.step(thread);
        while self.world.is_at_call(thread) {
            self.world.step(thread);
        }
        if thread.phase.get() != Phase::Ready {
            return None;
        }
        Some(match Error::from_status(thread.context.rax.get()) {
            Some(error) => Err(error),
            None => Ok(()),
        })
    }

    /// Writes into the caller's message buffer a state different from that of the subject's stopped thread.
    pub fn write_other_state(&self) {
        self.does(ThreadRead { thread: HELPER });
        let buffer = self.world.buffer(self.caller);
        let mut bytes = [0; THREAD_STATE_BYTES];
        buffer.read_bytes(DATA_OFFSET, &mut bytes);
        let mut state = ThreadState::from_bytes(&bytes);
        state.registers.rbx += 1;
        buffer.write_bytes(DATA_OFFSET, &state.to_bytes());
    }
}
