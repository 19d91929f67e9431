//! The system-call interface, once: what the kernel decodes and the runtime encodes.
//!
//! | module | noun |
//! | --- | --- |
//! | [`calls`] | every system call: number, arguments, results, in one table |
//! | [`register`] | how a value travels in a register |
//! | [`error`] | what a call can fail with |
//! | [`kind`] | the kinds of object and the rights over each |
//! | [`message`] | what `call`, `send`, `receive` and `reply` carry; the message buffer |
//! | [`fault`] | the messages that the kernel itself sends |
//! | [`thread_state`] | a thread outside the kernel |
//! | [`record`] | what `describe` writes about a frozen domain |
//! | [`start_page`] | what a domain finds at its first instruction |
//!
//! Registers: RAX holds the call's number, RDI RSI RDX R10 R8 R9 R12 R13 its arguments in this order. RAX
//! returns the status (zero, or an [`Error`]), the same eight registers the results. RCX and R11 are lost to
//! the SYSCALL instruction; all others are preserved. `docs/abi.md` explains each call register by register.

#![no_std]
#![forbid(unsafe_code)]

pub mod calls;
pub mod error;
pub mod fault;
pub mod kind;
pub mod message;
pub mod record;
pub mod register;
pub mod start_page;
pub mod thread_state;

pub use calls::{Arguments, Number, Request};
pub use error::Error;
pub use kind::{
    DESTROY, DomainRights, EndpointRights, HardwareRights, InterruptRights, IoPortsRights,
    MemoryRights, NotificationRights, ObjectKind, PoolRights, Rights, ThreadRights,
};
pub use message::{MessageBuffer, MessageInfo};
pub use register::{REGISTER_COUNT, Register, Registers};

/// Bytes in a page.
pub const PAGE_BYTES: u64 = 4096;

/// Pages that one leaf table holds, and so the step at which Memories are mapped.
pub const PAGES_PER_TABLE: u64 = 512;

/// Bytes between the addresses at which Memories may be mapped: 2 MiB.
pub const MAP_STEP_BYTES: u64 = PAGE_BYTES * PAGES_PER_TABLE;

/// First address above what a domain may map. The last page below 2^47 stays unmapped, since SYSRET with a
/// non-canonical RIP faults in ring 0 on Intel's processors; with mappings at 2 MiB steps that is the last step.
pub const USER_END: u64 = (1 << 47) - MAP_STEP_BYTES;

/// Most pages in one Memory: 64 GiB.
pub const MEMORY_PAGES_MAX: u64 = 64 << (30 - 12);

/// Most slots in one domain's capability table.
pub const SLOTS_MAX: u32 = 512 * 64;

/// The deadline that never passes.
pub const NO_DEADLINE: u64 = u64::MAX;

/// Most threads in one domain, so that reading all of them takes bounded time.
pub const THREADS_MAX: usize = 256;

/// How deep pools can be nested: the first one of all has depth 0.
pub const POOL_DEPTH_MAX: u32 = 32;

/// Priorities are 0 (lowest) to this, inclusive.
pub const PRIORITY_MAX: u8 = 63;
