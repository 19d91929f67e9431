//! A thread's state as data: `ThreadRead` writes it and `ThreadWrite` reads it, in the message buffer's data.
//!
//! The state of a thread blocked in a one-part call stands *at* that call, which restarts when the thread runs. The state
//! of a thread in a two-part call whose first part is done stands at the second part. Awaiting a reply and being stopped are
//! independent: a thread can be stopped while it awaits a reply.

use crate::numbered;

/// The general registers, RIP, RFLAGS and the segment bases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C)]
pub struct GeneralRegisters {
    /// RAX.
    pub rax: u64,
    /// RBX.
    pub rbx: u64,
    /// RCX.
    pub rcx: u64,
    /// RDX.
    pub rdx: u64,
    /// RSI.
    pub rsi: u64,
    /// RDI.
    pub rdi: u64,
    /// RBP.
    pub rbp: u64,
    /// R8 to R15.
    pub r8_to_r15: [u64; 8],
    /// RIP.
    pub rip: u64,
    /// RFLAGS.
    pub rflags: u64,
    /// RSP.
    pub rsp: u64,
    /// The base of FS.
    pub fs_base: u64,
    /// The base of GS.
    pub gs_base: u64,
}

numbered! {
    /// The reply that a thread waits for before it continues.
    pub enum Awaits: u64 {
        /// None: the thread continues from its RIP, which may be at a system call.
        Nothing = 0,
        /// The reply to a call it made. After a move that reply comes only from inside the domain.
        Reply = 1,
        /// The reply to a fault message; without one the thread retries the instruction.
        FaultReply = 2,
        /// The reply to a fault message about a trap, whose instruction has completed; without one the thread stops.
        TrapReply = 3,
    }
}

/// Bytes of the legacy (x87 and SSE) component: the FXSAVE layout (Intel SDM volume 1, 10.5.1).
pub const LEGACY_BYTES: usize = 512;
/// Bytes of the AVX component: the upper halves of YMM0 to YMM15.
pub const AVX_BYTES: usize = 256;

/// The vector components of a [`ThreadState`]: bit 0 x87 and SSE, bit 1 AVX.
pub const VECTOR_LEGACY: u64 = 1;
/// See [`VECTOR_LEGACY`].
pub const VECTOR_AVX: u64 = 2;

/// A thread's complete state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct ThreadState {
    /// The registers.
    pub registers: GeneralRegisters,
    /// 1 for a stopped thread, which does not run until it is started, else 0.
    pub stopped: u64,
    /// An [`Awaits`].
    pub awaits: u64,
    /// 0 to [`crate::PRIORITY_MAX`].
    pub priority: u64,
    /// The address of its message buffer, or 0.
    pub message_buffer: u64,
    /// The valid components among those below: 0 for a thread that never used them.
    pub vectors: u64,
    /// The FXSAVE image.
    pub legacy: [u8; LEGACY_BYTES],
    /// The upper halves of the YMM registers.
    pub avx: [u8; AVX_BYTES],
}

/// Bytes of a [`ThreadState`].
pub const THREAD_STATE_BYTES: usize = size_of::<ThreadState>();

const _: () = assert!(THREAD_STATE_BYTES <= crate::message::DATA_BYTES);

/// Words before the vector components.
const HEAD_WORDS: usize = size_of::<GeneralRegisters>() / 8 + 5;

impl ThreadState {
    /// A stopped thread with all registers zero.
    pub const EMPTY: ThreadState = ThreadState {
        registers: GeneralRegisters {
            rax: 0,
            rbx: 0,
            rcx: 0,
            rdx: 0,
            rsi: 0,
            rdi: 0,
            rbp: 0,
            r8_to_r15: [0; 8],
            rip: 0,
            rflags: 0,
            rsp: 0,
            fs_base: 0,
            gs_base: 0,
        },
        stopped: 1,
        awaits: Awaits::Nothing as u64,
        priority: 0,
        message_buffer: 0,
        vectors: 0,
        legacy: [0; LEGACY_BYTES],
        avx: [0; AVX_BYTES],
    };

    /// The bytes as they are in the message buffer: little-endian words, then the components.
    pub fn to_bytes(&self) -> [u8; THREAD_STATE_BYTES] {
        let mut bytes = [0; THREAD_STATE_BYTES];
        let (head, rest) = bytes.split_at_mut(HEAD_WORDS * 8);
        for (chunk, word) in head.chunks_exact_mut(8).zip(self.head()) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        rest[..LEGACY_BYTES].copy_from_slice(&self.legacy);
        rest[LEGACY_BYTES..].copy_from_slice(&self.avx);
        bytes
    }

    /// Decodes a state. Nothing is checked here; the kernel checks the state when it writes the thread.
    pub fn from_bytes(bytes: &[u8; THREAD_STATE_BYTES]) -> ThreadState {
        let (head, rest) = bytes.split_at(HEAD_WORDS * 8);
        let mut words = head.chunks_exact(8).map(|chunk| {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            u64::from_le_bytes(word)
        });
        let mut next = || words.next().unwrap_or(0);
        let mut state = ThreadState::EMPTY;
        for register in state.registers.all_mut() {
            *register = next();
        }
        state.stopped = next();
        state.awaits = next();
        state.priority = next();
        state.message_buffer = next();
        state.vectors = next();
        state.legacy.copy_from_slice(&rest[..LEGACY_BYTES]);
        state.avx.copy_from_slice(&rest[LEGACY_BYTES..]);
        state
    }

    fn head(&self) -> [u64; HEAD_WORDS] {
        let mut words = [0; HEAD_WORDS];
        let mut registers = self.registers;
        for (word, register) in words.iter_mut().zip(registers.all_mut()) {
            *word = *register;
        }
        words[HEAD_WORDS - 5..].copy_from_slice(&[
            self.stopped,
            self.awaits,
            self.priority,
            self.message_buffer,
            self.vectors,
        ]);
        words
    }
}

impl GeneralRegisters {
    /// Every register, in the order of the fields.
    pub fn all_mut(&mut self) -> [&mut u64; 20] {
        let [r8, r9, r10, r11, r12, r13, r14, r15] = &mut self.r8_to_r15;
        [
            &mut self.rax,
            &mut self.rbx,
            &mut self.rcx,
            &mut self.rdx,
            &mut self.rsi,
            &mut self.rdi,
            &mut self.rbp,
            r8,
            r9,
            r10,
            r11,
            r12,
            r13,
            r14,
            r15,
            &mut self.rip,
            &mut self.rflags,
            &mut self.rsp,
            &mut self.fs_base,
            &mut self.gs_base,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_a_round_trip_through_bytes() {
        let mut state = ThreadState::EMPTY;
        for (index, register) in state.registers.all_mut().into_iter().enumerate() {
            *register = index as u64 + 100;
        }
        state.stopped = 0;
        state.awaits = Awaits::Reply as u64;
        state.priority = 7;
        state.message_buffer = 0x7000;
        state.vectors = VECTOR_LEGACY;
        state.legacy[3] = 9;
        state.avx[255] = 8;
        assert_eq!(ThreadState::from_bytes(&state.to_bytes()), state);
    }
}
